//! The books of shop, plugin and gateway, compared when all is settled: the invariants that hold whatever happened.

use host_shim::shop::{Order, Status};

use crate::world::{World, text};

/// One order: paid once or not at all, for its own amount, and told once.
pub(crate) fn order_balances(world: &World, order: &Order, log: &str) {
    let live = world.live(&order.order_id);
    let is_placed = matches!(order.status(), Status::New | Status::Paid);
    assert!(live.len() <= 1, "INV-2: {live:?} live: {log}");
    assert_eq!(
        is_placed,
        live.len() == 1,
        "INV-11, INV-12: {:?}: {log}",
        order.status()
    );
    if let [(_, status, amount)] = live[..] {
        assert_eq!(amount, order.amount, "INV-3: {log}");
        assert_eq!(order.status() == Status::Paid, status == 40, "INV-1: {log}");
    }
    let mails = world.adapter.shop.mails().unwrap();
    let of_order = |subject: &str| subject.starts_with("ご注文ありがとうございます");
    let own = mails
        .iter()
        .filter(|mail| mail.order_id == order.order_id && of_order(&mail.subject))
        .count();
    // One that was cancelled may have been placed before.
    let expected = if order.status() == Status::Cancelled {
        own.min(1)
    } else {
        usize::from(is_placed)
    };
    assert_eq!(own, expected, "INV-15: {log}");
}

/// The whole shop.
pub(crate) fn balance(world: &World) {
    let none = |what: &str, sql: &str| assert_eq!(world.rows(sql), Vec::<String>::new(), "{what}");
    none(
        "INV-6",
        "SELECT trading_id FROM telegrams WHERE kind IN ('020', 'lnk') GROUP BY trading_id HAVING COUNT(*) > 1",
    );
    none(
        "INV-8",
        "SELECT kind || ' ' || attempts.state FROM telegrams JOIN attempts USING (attempt_id)
         WHERE kind IN ('020', '450', 'lnk') AND telegrams.sent_at > attempts.settled_at",
    );
    none(
        "INV-10",
        "SELECT attempt_id FROM attempts WHERE state IN ('authenticating', 'sent', 'handed_over', 'unknown')",
    );
    none("INV-14", "SELECT effect_key FROM effects WHERE state = 'pending'");
    none(
        "INV-17: every row of a run has ended",
        "SELECT job_id || ' ' || job_items.state FROM job_items JOIN jobs USING (job_id)
         WHERE jobs.state <> 'draft' AND job_items.state NOT IN ('done', 'failed')",
    );
    // A captured payment (40) may have been refunded (60) since; a void ends as 32. INV-5 compares these with the gateway's.
    none(
        "INV-17: what a run calls done is so",
        "SELECT telegrams.kind || ' ' || gateway_status FROM job_items
         JOIN telegrams USING (telegram_id) JOIN payments USING (payment_id)
         WHERE job_items.state = 'done' AND NOT (telegrams.kind = '022' AND gateway_status IN (40, 60)
           OR telegrams.kind = '021' AND gateway_status = 32 OR telegrams.kind = '023' AND gateway_status = 60)",
    );
    assert_eq!(
        world.self_check(),
        Vec::<String>::new(),
        "INV-20: every log folds to its state"
    );
    none("INV-29", "SELECT notice_id FROM notices WHERE due_at IS NOT NULL");
    none(
        "no card waits, and no page",
        "SELECT attempt_id FROM attempts WHERE sealed_card IS NOT NULL OR sealed_link IS NOT NULL",
    );
    let known = world.rows("SELECT trading_id FROM attempts");
    let booked = world.rows("SELECT payment_id || ' ' || gateway_status || ' ' || amount FROM payments");
    let ledger = world.payments();
    for payment in &ledger {
        assert!(known.contains(&text(payment, "/trading_id")), "INV-4: {payment}");
    }
    for row in &booked {
        let there = ledger
            .iter()
            .any(|payment| *row == format!("{} {} {}", payment["payment_id"], payment["status"], payment["amount"]));
        assert!(
            there,
            "INV-5, INV-7: the plugin's {row} is not the gateway's: {ledger:?}"
        );
    }
    for (kind, journaled, named) in [
        ("020", "020", "trading_id"),
        ("link", "lnk", "trading_id"),
        ("021", "021", "payment_id"),
        ("022", "022", "payment_id"),
        ("023", "023", "payment_id"),
    ] {
        let intents = world.rows(&format!("SELECT {named} FROM telegrams WHERE kind = '{journaled}'"));
        for telegram in world.telegrams(kind) {
            let request = text(&telegram, "/request");
            let of = request
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{named}=")));
            assert!(
                of.is_some_and(|of| intents.iter().any(|intent| intent == of)),
                "INV-9: {request} has no intent"
            );
        }
    }
}

/// INV-18: none of the cards that were typed stands in the plugin's files.
pub(crate) fn no_card_stands(world: &World, cards: &[&str]) {
    let files = ["paygent.db", "paygent.db-wal"].map(|name| world.folder.path().join("shop").join(name));
    let bytes: Vec<u8> = files
        .iter()
        .flat_map(|file| std::fs::read(file).unwrap_or_default())
        .collect();
    for card in cards {
        let found = bytes.windows(card.len()).any(|part| part == card.as_bytes());
        assert!(!found, "INV-18: {card} stands in the plugin's files");
    }
}
