//! 028 and 029: a smaller amount for an authorisation, or for a sale. The corrected payment is a new one under the same
//! trading id; the one before is given back.

use diesel::prelude::*;

use super::Outcome;
use super::authorise::amount;
use super::operate::{find, reply};
use crate::gateway::ledger::notices;
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::refusal::Refusal;
use crate::gateway::settings::{CorrectionFault, Settings};
use crate::gateway::status::Operation;
use crate::gateway::wire::{Fields, Reply};

pub(super) fn correct(
    connection: &mut SqliteConnection,
    fields: &Fields,
    operation: Operation,
    settings: &Settings,
    now: i64,
) -> QueryResult<Outcome> {
    let mut old = match find(connection, fields)? {
        Ok(payment) => payment,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    let (amount, given_back) = match judge(fields, operation, &old, settings.correction_fault) {
        Ok(both) => both,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    let new = old.corrected(payments::next_id(connection)?, amount, now);
    payments::insert(connection, &new)?;
    notices::tell(connection, &new)?;
    if settings.correction_fault != CorrectionFault::OldStaysToo {
        old.turn(given_back, now);
        payments::update(connection, &old)?;
    }
    Ok(Outcome::executed(&answer(&new, settings.correction_fault)))
}

/// The new amount, and where the old payment goes.
fn judge(fields: &Fields, operation: Operation, old: &Payment, fault: CorrectionFault) -> Result<(i64, i32), Refusal> {
    let given_back = operation.apply(old.status, false)?;
    if old.three_ds {
        return Err(Refusal::new("2014", ""));
    }
    let named = amount(fields.text("payment_amount"))?;
    let corrected = match fields.text("reduction_flag") {
        "" | "0" => named,
        "1" => old.amount - named,
        _ => return Err(Refusal::new("2003", "減額フラグが正しくありません")),
    };
    if !(1..=old.amount).contains(&corrected) {
        return Err(Refusal::new("2003", "決済金額が正しくありません"));
    }
    if fault == CorrectionFault::NothingDone {
        return Err(Refusal::new("2010", ""));
    }
    Ok((corrected, given_back))
}

/// A correction that was done by half names the new payment all the same.
fn answer(new: &Payment, fault: CorrectionFault) -> Reply {
    match fault {
        CorrectionFault::OldStaysToo => Reply::error("2011", "").with("payment_id", new.payment_id.to_string()),
        CorrectionFault::DoneButRefused => Reply::error("2012", "").with("payment_id", new.payment_id.to_string()),
        CorrectionFault::None | CorrectionFault::NothingDone => reply(new),
    }
}

#[cfg(test)]
mod tests;
