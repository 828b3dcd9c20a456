//! Final answers by request id, so that a repeated call is answered and not run again.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::answers;
use super::{Connection, StoreResult};

/// A kept answer. It holds no page and no token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = answers, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct KeptAnswer {
    pub(crate) request_id: String,
    /// SHA-256 of hook and request.
    pub(crate) digest: String,
    pub(crate) status: i32,
    pub(crate) reply: String,
    pub(crate) created_at: NaiveDateTime,
}

/// The answer given to that request id.
pub(crate) fn find(connection: &mut Connection, request_id: &str) -> StoreResult<Option<KeptAnswer>> {
    Ok(answers::table
        .find(request_id)
        .select(KeptAnswer::as_select())
        .first(connection)
        .optional()?)
}

/// Keeps an answer; the first one stays.
pub(crate) fn keep(connection: &mut Connection, answer: &KeptAnswer) -> StoreResult<()> {
    if find(connection, &answer.request_id)?.is_none() {
        diesel::insert_into(answers::table).values(answer).execute(connection)?;
    }
    Ok(())
}
