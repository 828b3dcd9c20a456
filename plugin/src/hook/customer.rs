//! Whom the gateway knows a member as. Who the member is the host says (`shopper.member`), never the browser; the gateway is
//! told a pseudonym, made from the host's id with the signing key.

use super::Call;
use crate::paygent::CustomerId;

/// The member who asks, as the gateway knows them; none for a guest, or where the shop stores no cards.
pub(super) fn asking(call: &Call<'_>) -> Option<CustomerId> {
    let member = call.request.shopper.as_ref()?.member.as_deref()?;
    let stores = call.instance.config.card.stores_cards();
    stores.then(|| of_member(call, member))?
}

/// A member as the gateway knows them, by the host's id. Shops that share a merchant account are told apart as their
/// payments are, by `shop.trading_prefix`.
pub(super) fn of_member(call: &Call<'_>, member: &str) -> Option<CustomerId> {
    if member.is_empty() || member.len() > 255 {
        return None;
    }
    let instance = call.instance;
    let own = format!("{}\n{member}", instance.config.shop.trading_prefix);
    let name = format!("m{}", instance.seal.pseudonym("customer", &own));
    CustomerId::try_from(name.as_str()).ok()
}
