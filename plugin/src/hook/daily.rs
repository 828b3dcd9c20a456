//! What runs by itself once a day: whichever process comes first after the hour has struck begins it, and no other does.

use chrono::NaiveDate;

use super::Call;
use crate::payment::daily::{before_the_first, is_due};
use crate::payment::japan;
use crate::reply::Problem;
use crate::store::{Connection, StoreResult, facts};

/// Begins today's run where it is due; `begin` is told the day of the last one. `fact` is the name of that day.
pub(super) fn run(
    call: &Call<'_>,
    (fact, hour): (&str, u8),
    begin: impl FnOnce(&mut Connection, NaiveDate) -> StoreResult<()>,
) -> Result<(), Problem> {
    let store = &call.instance.store;
    let now = call.moment();
    let last = |rows: &mut Connection| {
        let day = facts::find(rows, fact)?;
        Ok(day.and_then(|day| day.parse::<NaiveDate>().ok()))
    };
    if store.read(last)?.is_some_and(|last| !is_due(now, hour, last)) {
        return Ok(());
    }
    Ok(store.write(|rows| match last(rows)? {
        None => facts::set(rows, fact, &before_the_first(now, hour).to_string()),
        Some(last) if is_due(now, hour, last) => {
            facts::set(rows, fact, &japan::date(now).to_string())?;
            begin(rows, last)
        }
        Some(_) => Ok(()),
    })?)
}
