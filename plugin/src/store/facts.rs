//! What the database itself has to remember.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::schema::{attempts, changes, facts, payments, removals, storings, telegrams};
use super::{Connection, StoreResult};
use crate::payment::attempt::AttemptState;

/// The environment and merchant whose operations the rows are.
pub(crate) const ACCOUNT: &str = "account";
/// When the shop-wide alarm of the card-testing guard was last raised, RFC 3339.
pub(crate) const ALARM: &str = "guard.alarm";

/// The database's own name, which stands in a file beside it, too.
pub(super) const NAME: &str = "database.name";
/// The day in Japan of the last daily run of 決済処理中の注文の取消.
pub(crate) const CLEANED_UP: &str = "cleanup.day";

/// The day in Japan of the last nightly comparison.
pub(crate) const COMPARED: &str = "compare.day";
/// The day in Japan of the last warnings of deadlines.
pub(crate) const WARNED: &str = "deadlines.day";

/// The value of that name.
pub(crate) fn find(connection: &mut Connection, name: &str) -> StoreResult<Option<String>> {
    Ok(facts::table
        .find(name)
        .select(facts::value)
        .first(connection)
        .optional()?)
}

/// Remembers a value in place of the one before.
pub(crate) fn set(connection: &mut Connection, name: &str, value: &str) -> StoreResult<()> {
    let changed = diesel::update(facts::table.find(name))
        .set(facts::value.eq(value))
        .execute(connection)?;
    if changed == 0 {
        diesel::insert_into(facts::table)
            .values((facts::name.eq(name), facts::value.eq(value)))
            .execute(connection)?;
    }
    Ok(())
}

/// The last migration that the database has.
pub(crate) fn level(connection: &mut Connection) -> StoreResult<String> {
    Ok(sql::<Text>("SELECT MAX(version) FROM __diesel_schema_migrations").get_result(connection)?)
}

/// The database's own look at its file finds nothing wrong.
pub(crate) fn is_sound(connection: &mut Connection) -> StoreResult<bool> {
    let found: String = sql::<Text>("SELECT quick_check FROM pragma_quick_check LIMIT 1").get_result(connection)?;
    Ok(found == "ok")
}

/// Payments from before accounts were written down belong to the account that was in use then.
pub(crate) fn adopt_payments(connection: &mut Connection, account: &str) -> StoreResult<()> {
    diesel::update(payments::table.filter(payments::account.eq("")))
        .set(payments::account.eq(account))
        .execute(connection)?;
    Ok(())
}

/// What is under way at the gateway: holders who are authenticated or at Paygent's page, attempts without an answer, open operations, open changes, cards that are being
/// stored, and those of members who left.
pub(crate) fn under_way(connection: &mut Connection) -> StoreResult<i64> {
    let in_flight = [
        AttemptState::Authenticating,
        AttemptState::Sent,
        AttemptState::HandedOver,
        AttemptState::Unknown,
    ]
    .map(AttemptState::name);
    let asked: i64 = attempts::table
        .filter(attempts::state.eq_any(in_flight))
        .count()
        .get_result(connection)?;
    let operations: i64 = telegrams::table
        .filter(telegrams::open_key.is_not_null())
        .count()
        .get_result(connection)?;
    let changes: i64 = changes::table
        .filter(changes::open_order.is_not_null())
        .count()
        .get_result(connection)?;
    let storing: i64 = storings::table
        .filter(storings::open_customer.is_not_null())
        .count()
        .get_result(connection)?;
    let removing: i64 = removals::table.count().get_result(connection)?;
    Ok(asked + operations + changes + storing + removing)
}
