//! 020, once its intent is committed: at once from the card page, or when the holder comes back from 3-D Secure.

use super::means::Means;
use super::{Call, settle, storing};
use crate::paygent::{Authorise, TradingId};
use crate::payment::{PaymentClass, Yen};
use crate::reply::Problem;
use crate::store::attempts::Attempt;

/// Sends the 020 of an attempt whose intent is committed, and records what came of it. A card that paid is stored after
/// that, where its member wished it: before, a card that cannot pay would be kept, and a refusal to store it stand between
/// the shopper and the payment.
pub(super) fn charge(call: &Call<'_>, attempt: &Attempt, means: &Means) -> Result<(), Problem> {
    let broken = || Problem::failed("attempt.unreadable", "the attempt cannot be sent");
    let asked = Authorise {
        trading_id: TradingId::try_from(attempt.trading_id.as_str()).map_err(|_| broken())?,
        amount: Yen::try_from(attempt.amount)
            .map_err(|_| Problem::misuse("order.amount", "the amount cannot be paid"))?,
        class: PaymentClass::read(&attempt.payment_class, attempt.split_count).ok_or_else(broken)?,
        card: means.source(),
        auth_id: attempt.auth_id.clone(),
    };
    let answer = call.instance.gateway.authorise(&asked, call.now());
    settle::authorisation(call, attempt, answer)?;
    storing::follow(call, &attempt.attempt_id);
    Ok(())
}
