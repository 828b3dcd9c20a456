//! Orders of the link type (リンク型): what the shop asked for, and which payment paid it.

use diesel::prelude::*;

use super::schema::links;

/// One order. `limit_at` is Unix milliseconds, `payment_class` 0 once only, 1 all ways, 2 all but bonus.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = links, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Link {
    pub(crate) link_id: String,
    pub(crate) trading_id: String,
    pub(crate) amount: i64,
    pub(crate) payment_class: String,
    pub(crate) needs_cvc: bool,
    pub(crate) captures: bool,
    pub(crate) merchant_name: String,
    pub(crate) payment_detail: String,
    pub(crate) return_url: String,
    pub(crate) stop_return_url: String,
    pub(crate) limit_at: i64,
    /// The holder goes through 3-D Secure before the card is charged.
    pub(crate) authenticates: bool,
    /// While the holder is at the card company's page: authentication, token, 支払区分 and 分割回数.
    pub(crate) waiting: String,
    /// The payment that was good.
    pub(crate) payment_id: Option<i64>,
}

/// The one of that id.
pub(crate) fn find(connection: &mut SqliteConnection, id: &str) -> QueryResult<Option<Link>> {
    links::table
        .find(id)
        .select(Link::as_select())
        .first(connection)
        .optional()
}

/// The one of that trading id.
pub(crate) fn of_trading_id(connection: &mut SqliteConnection, trading_id: &str) -> QueryResult<Option<Link>> {
    links::table
        .filter(links::trading_id.eq(trading_id))
        .select(Link::as_select())
        .first(connection)
        .optional()
}

/// A new one.
pub(crate) fn insert(connection: &mut SqliteConnection, link: &Link) -> QueryResult<()> {
    diesel::insert_into(links::table).values(link).execute(connection)?;
    Ok(())
}

/// A card waits for its holder; or, with nothing, does not any more.
pub(crate) fn wait(connection: &mut SqliteConnection, id: &str, waiting: &str) -> QueryResult<()> {
    diesel::update(links::table.find(id))
        .set(links::waiting.eq(waiting))
        .execute(connection)?;
    Ok(())
}

/// It was paid.
pub(crate) fn paid(connection: &mut SqliteConnection, id: &str, payment_id: i64) -> QueryResult<()> {
    diesel::update(links::table.find(id))
        .set(links::payment_id.eq(payment_id))
        .execute(connection)?;
    Ok(())
}
