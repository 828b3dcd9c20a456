//! EMV 3-D Secure: what 450 asked for, and what came of it. Each is good for one 020.

use diesel::prelude::*;

use super::schema::authentications;

/// One authentication. `result` is empty while it is open; then `0` good or `1` not.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = authentications, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Authentication {
    pub(crate) auth_id: String,
    pub(crate) trading_id: String,
    pub(crate) amount: i64,
    pub(crate) brand: String,
    pub(crate) masked_card: String,
    pub(crate) fingerprint: String,
    pub(crate) card_key: String,
    pub(crate) term_url: String,
    pub(crate) result: String,
    /// `1`: only tried (issuer or card without 3-D Secure), so the shop bears chargebacks.
    pub(crate) attempt_kbn: String,
    /// Wrong passwords.
    pub(crate) tries: i32,
    pub(crate) used_at: Option<i64>,
}

/// The one of that id.
pub(crate) fn find(connection: &mut SqliteConnection, id: &str) -> QueryResult<Option<Authentication>> {
    authentications::table
        .find(id)
        .select(Authentication::as_select())
        .first(connection)
        .optional()
}

/// A new one.
pub(crate) fn insert(connection: &mut SqliteConnection, row: &Authentication) -> QueryResult<()> {
    diesel::insert_into(authentications::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// Writes it back.
pub(crate) fn update(connection: &mut SqliteConnection, row: &Authentication) -> QueryResult<()> {
    diesel::update(authentications::table.find(&row.auth_id))
        .set(row)
        .execute(connection)?;
    Ok(())
}
