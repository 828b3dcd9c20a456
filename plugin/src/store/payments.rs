//! Payments: what the gateway holds for an order.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::payments;
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::deadline::Since;
use crate::payment::operation::Action;
use crate::payment::{GatewayStatus, Yen};

/// One payment.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payments, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Payment {
    pub(crate) payment_id: String,
    pub(crate) attempt_id: String,
    pub(crate) order_id: String,
    pub(crate) trading_id: String,
    pub(crate) amount: i64,
    pub(crate) gateway_status: i32,
    pub(crate) last_operation: Option<String>,
    pub(crate) masked_card: Option<String>,
    pub(crate) authorised_at: NaiveDateTime,
    pub(crate) captured_at: Option<NaiveDateTime>,
    pub(crate) cancelled_at: Option<NaiveDateTime>,
    /// Environment and merchant that hold it.
    pub(crate) account: String,
    /// The card company bears chargebacks.
    pub(crate) three_ds: bool,
    /// Its holder was authenticated by 3-D Secure, whoever bears chargebacks.
    pub(crate) authenticated: bool,
    /// The gateway's code, where it corrects this payment not.
    pub(crate) correction_refused: Option<String>,
    /// The payment that a change put in its place.
    pub(crate) replaced_by: Option<String>,
    pub(crate) version: i32,
}

impl Payment {
    /// The gateway's status, as last heard.
    pub(crate) fn status(&self) -> GatewayStatus {
        GatewayStatus(self.gateway_status)
    }

    /// The last action of ours that succeeded.
    pub(crate) fn last_action(&self) -> Option<Action> {
        self.last_operation.as_deref().and_then(Action::of_kind)
    }

    /// What the gateway holds.
    pub(crate) fn held(&self) -> Yen {
        Yen::try_from(self.amount).unwrap_or(Yen::ZERO)
    }

    /// When it came to where it stands.
    pub(crate) fn since(&self) -> Since {
        Since {
            authorised: self.authorised_at,
            captured: self.captured_at,
        }
    }
}

/// The payment of that gateway id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Payment>> {
    Ok(payments::table
        .find(id)
        .select(Payment::as_select())
        .first(connection)
        .optional()?)
}

/// All payments of an order, the first first.
pub(crate) fn of_order(connection: &mut Connection, order_id: &str) -> StoreResult<Vec<Payment>> {
    Ok(payments::table
        .filter(payments::order_id.eq(order_id))
        .order((payments::authorised_at.asc(), payments::payment_id.asc()))
        .select(Payment::as_select())
        .load(connection)?)
}

/// A new payment.
pub(crate) fn insert(connection: &mut Connection, payment: &Payment) -> StoreResult<()> {
    diesel::insert_into(payments::table)
        .values(payment)
        .execute(connection)?;
    Ok(())
}

/// Writes the whole row back, if nobody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, payment: &mut Payment) -> StoreResult<()> {
    let seen = payment.version;
    payment.version += 1;
    let changed = diesel::update(
        payments::table
            .find(&payment.payment_id)
            .filter(payments::version.eq(seen)),
    )
    .set(&*payment)
    .execute(connection)?;
    match one_row(changed) {
        true => Ok(()),
        false => Err(StoreError::Lost),
    }
}
