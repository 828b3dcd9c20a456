//! Card companies' pages of attempts whose holder is being authenticated in a frame.

use diesel::prelude::*;

use super::schema::acs_pages;
use super::{Connection, StoreResult};

/// Keeps the encrypted page of an attempt.
pub(crate) fn insert(connection: &mut Connection, attempt_id: &str, sealed_page: &str) -> StoreResult<()> {
    let row = (
        acs_pages::attempt_id.eq(attempt_id),
        acs_pages::sealed_page.eq(sealed_page),
    );
    diesel::insert_into(acs_pages::table).values(row).execute(connection)?;
    Ok(())
}

/// The encrypted page of an attempt.
pub(crate) fn find(connection: &mut Connection, attempt_id: &str) -> StoreResult<Option<String>> {
    Ok(acs_pages::table
        .find(attempt_id)
        .select(acs_pages::sealed_page)
        .first(connection)
        .optional()?)
}

/// Forgets it.
pub(crate) fn remove(connection: &mut Connection, attempt_id: &str) -> StoreResult<()> {
    diesel::delete(acs_pages::table.find(attempt_id)).execute(connection)?;
    Ok(())
}
