//! A visitor's session: who they are, what is in the cart, which order they are making.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{cart_lines, products, sessions};
use super::{Product, Shop};

/// A visitor.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, check_for_backend(diesel::sqlite::Sqlite))]
pub struct Session {
    /// The cookie's value.
    pub session_id: String,
    /// The member, once logged in.
    pub member_id: Option<i32>,
    /// The order being made.
    pub order_id: Option<String>,
}

/// A line of a cart.
#[derive(Debug, Clone, Serialize)]
pub struct CartLine {
    /// What.
    pub product: Product,
    /// How many.
    pub quantity: i32,
}

impl Shop {
    /// The session of a cookie, made where it is new.
    pub fn session(&self, id: &str) -> anyhow::Result<Session> {
        let known = self.read(|rows| {
            Ok(sessions::table
                .find(id)
                .select(Session::as_select())
                .first(rows)
                .optional()?)
        })?;
        if let Some(session) = known {
            return Ok(session);
        }
        let session = Session {
            session_id: id.to_owned(),
            member_id: None,
            order_id: None,
        };
        self.write(|rows| {
            diesel::insert_or_ignore_into(sessions::table)
                .values(&session)
                .execute(rows)?;
            Ok(())
        })?;
        Ok(session)
    }

    /// Logs a member in, or out.
    pub fn log_in(&self, session: &str, member: Option<i32>) -> anyhow::Result<()> {
        self.write(|rows| {
            diesel::update(sessions::table.find(session))
                .set((sessions::member_id.eq(member), sessions::order_id.eq(None::<String>)))
                .execute(rows)?;
            Ok(())
        })
    }

    /// Puts so many pieces more, or fewer, into the cart.
    pub fn add(&self, session: &str, product: i32, pieces: i32) -> anyhow::Result<()> {
        self.write(|rows| {
            let line = cart_lines::table.find((session, product));
            let held: Option<i32> = line.select(cart_lines::quantity).first(rows).optional()?;
            let quantity = held.unwrap_or(0).saturating_add(pieces).clamp(0, 99);
            diesel::delete(line).execute(rows)?;
            if quantity > 0 {
                let row = (
                    cart_lines::session_id.eq(session),
                    cart_lines::product_id.eq(product),
                    cart_lines::quantity.eq(quantity),
                );
                diesel::insert_into(cart_lines::table).values(row).execute(rows)?;
            }
            Ok(())
        })
    }

    /// What is in the cart.
    pub fn cart(&self, session: &str) -> anyhow::Result<Vec<CartLine>> {
        self.read(|rows| lines(rows, session))
    }
}

pub(super) fn lines(rows: &mut SqliteConnection, session: &str) -> anyhow::Result<Vec<CartLine>> {
    let lines: Vec<(i32, Product)> = cart_lines::table
        .inner_join(products::table)
        .filter(cart_lines::session_id.eq(session))
        .order(cart_lines::product_id)
        .select((cart_lines::quantity, Product::as_select()))
        .load(rows)?;
    Ok(lines
        .into_iter()
        .map(|(quantity, product)| CartLine { product, quantity })
        .collect())
}

/// Empties the cart once its order is placed.
pub(super) fn clear(rows: &mut SqliteConnection, session: &str) -> anyhow::Result<()> {
    diesel::delete(cart_lines::table.filter(cart_lines::session_id.eq(session))).execute(rows)?;
    diesel::update(sessions::table.find(session))
        .set(sessions::order_id.eq(None::<String>))
        .execute(rows)?;
    Ok(())
}
