//! What an operator is told before 実行 is confirmed (guide, p. 7 and 9, the small print): for each row whether it can
//! run, and what follows from it.

use chrono::NaiveDate;

use super::deadline::{self, Limits, Since};
use super::operation::{Action, ChangeKind, Column, Operation, allowed};
use super::way::{self, Case, Way};
use super::{GatewayStatus, Yen, japan};

/// A payment and its order, as far as the rules look at them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) status: GatewayStatus,
    pub(crate) last: Option<Action>,
    pub(crate) busy: bool,
    pub(crate) since: Since,
    /// What the gateway holds.
    pub(crate) held: Yen,
    /// What the order now costs.
    pub(crate) ordered: Yen,
    /// The card company bears chargebacks.
    pub(crate) three_ds: bool,
    /// The holder was authenticated by 3-D Secure, whoever bears chargebacks.
    pub(crate) authenticated: bool,
    /// The gateway has refused to correct the payment.
    pub(crate) correction_refused: bool,
    /// The order is 注文取消し or 返品.
    pub(crate) called_off: bool,
    /// The order has left 購入処理中 and 決済処理中: before that nothing is offered (R41).
    pub(crate) placed: bool,
    /// The payment is of the merchant account that the plugin now works with.
    pub(crate) own_account: bool,
}

/// The shop's settings that the rules need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: Limits,
    pub(crate) closing_days: &'a [u8],
    /// Amounts are corrected where that keeps more.
    pub(crate) corrections: bool,
    pub(crate) today: NaiveDate,
}

/// Why a row cannot run; a text id.
pub(crate) type Refusal = &'static str;

/// What follows from running a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Consequence {
    /// The shop called the order off, and this takes the customer's money.
    OrderIsCalledOff,
    /// R65: the old amount will be billed.
    OldAmountIsBilled,
    /// R66: the customer sees a refund and a new charge.
    BilledAlready,
    /// The same where the sale is corrected: the customer gets the difference.
    DifferenceComesBack,
    /// R68: the new payment is without 3-D Secure.
    LosesProtection,
    /// Today is the last day.
    ExpiresToday,
}

impl Row {
    /// The status as of today.
    pub(crate) fn status_today(&self, rules: &Rules<'_>) -> GatewayStatus {
        deadline::as_of(self.status, self.since, rules.limits, rules.today)
    }

    /// What the column does to it today.
    pub(crate) fn offered(&self, column: Column, rules: &Rules<'_>) -> Option<Action> {
        let blocked = self.busy || !self.own_account || !self.placed;
        allowed(column, self.status_today(rules), self.last, blocked)
    }

    /// What the column does to it today, or why it does nothing.
    pub(crate) fn decide(&self, column: Column, rules: &Rules<'_>) -> Result<Action, Refusal> {
        if !self.own_account {
            return Err("refused-other-account");
        }
        if !self.placed {
            return Err("refused-not-placed");
        }
        if self.busy {
            return Err("refused-busy");
        }
        let today = self.status_today(rules);
        let Some(action) = allowed(column, today, self.last, false) else {
            return Err(match today {
                GatewayStatus::EXPIRED => "refused-expired",
                GatewayStatus::CAPTURED_FOR_GOOD => "refused-for-good",
                _ => "refused-state",
            });
        };
        match action {
            Action::Change(_) if self.ordered == Yen::ZERO => Err("refused-zero"),
            Action::Change(_) if self.ordered == self.held => Err("refused-same-amount"),
            action => Ok(action),
        }
    }

    /// The way that a change of its amount goes.
    pub(crate) fn way(&self, rules: &Rules<'_>) -> Way {
        way::choose(&Case {
            corrections: rules.corrections,
            held: self.held,
            wanted: self.ordered,
            authenticated: self.authenticated,
            refused: self.correction_refused,
        })
    }

    /// What follows from `action`, the gravest first.
    pub(crate) fn consequences(&self, action: Action, rules: &Rules<'_>) -> Vec<Consequence> {
        let mut follow = Vec::new();
        let gives_back = matches!(action, Action::Send(Operation::Void | Operation::CancelSale));
        if self.called_off && !gives_back {
            follow.push(Consequence::OrderIsCalledOff);
        }
        let captured = japan::date(self.since.captured.unwrap_or(self.since.authorised));
        if action == Action::Send(Operation::Capture) && self.held != self.ordered {
            follow.push(Consequence::OldAmountIsBilled);
        }
        if action == Action::Change(ChangeKind::Sale)
            && deadline::may_be_billed(captured, rules.today, rules.closing_days)
        {
            follow.push(match self.way(rules) {
                Way::Correction => Consequence::DifferenceComesBack,
                Way::NewPayment(_) => Consequence::BilledAlready,
            });
        }
        if matches!(action, Action::Change(_)) && self.three_ds {
            follow.push(Consequence::LosesProtection);
        }
        let last_day = deadline::last_day(self.status, self.since, rules.limits);
        if last_day == Some(rules.today) {
            follow.push(Consequence::ExpiresToday);
        }
        follow
    }

    /// What an operator sees of the row, and by which way its amount would be changed: where it runs under another,
    /// something changed meanwhile.
    pub(crate) fn stamp(&self, rules: &Rules<'_>) -> String {
        let last = self.last.map_or("", Action::kind);
        let corrected = self.way(rules) == Way::Correction;
        let more = u8::from(self.called_off) + 2 * u8::from(self.three_ds) + 4 * u8::from(corrected);
        format!(
            "{}.{last}.{}.{}.{more}",
            self.status.0,
            self.held.get(),
            self.ordered.get()
        )
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const RULES: Rules<'static> = Rules {
        limits: Limits {
            authorisation: 60,
            sale: 60,
        },
        closing_days: &[15, 31],
        corrections: false,
        today: NaiveDate::from_ymd_opt(2020, 11, 26).unwrap(),
    };

    fn yen(amount: i64) -> Yen {
        Yen::try_from(amount).unwrap()
    }

    fn noon(days_ago: i64) -> chrono::NaiveDateTime {
        japan::midnight(RULES.today) + TimeDelta::hours(12) - TimeDelta::days(days_ago)
    }

    fn row(status: i32, last: Option<&str>, (held, ordered): (i64, i64), days_ago: i64) -> Row {
        Row {
            status: GatewayStatus(status),
            last: last.and_then(Action::of_kind),
            busy: false,
            since: Since {
                authorised: noon(days_ago),
                captured: (status == 40).then(|| noon(days_ago)),
            },
            held: yen(held),
            ordered: yen(ordered),
            three_ds: false,
            authenticated: false,
            correction_refused: false,
            called_off: false,
            placed: true,
            own_account: true,
        }
    }

    #[test]
    fn r65_a_capture_of_an_edited_order_bills_the_old_amount() {
        let edited = row(20, None, (3_300, 3_000), 0);
        let action = edited.decide(Column::Capture, &RULES).unwrap();
        assert_eq!(edited.consequences(action, &RULES), [Consequence::OldAmountIsBilled]);
        let same = row(20, None, (3_300, 3_300), 0);
        assert_eq!(same.consequences(action, &RULES), []);
    }

    #[test]
    fn r66_a_sale_that_was_billed_shows_refund_and_new_charge() {
        let billed = row(40, Some("022"), (2_100, 1_000), 40);
        let action = billed.decide(Column::Change, &RULES).unwrap();
        assert_eq!(billed.consequences(action, &RULES), [Consequence::BilledAlready]);
        let fresh = row(40, Some("022"), (2_100, 1_000), 3);
        assert_eq!(fresh.consequences(action, &RULES), []);
        let cancel = billed.decide(Column::Cancel, &RULES).unwrap();
        assert_eq!(billed.consequences(cancel, &RULES), [], "a cancel charges nothing anew");
        let corrects = Rules {
            corrections: true,
            ..RULES
        };
        assert_eq!(
            billed.consequences(action, &corrects),
            [Consequence::DifferenceComesBack],
            "N15: a sale that is corrected shows neither"
        );
    }

    #[test]
    fn a_change_of_a_3d_secure_payment_loses_its_protection() {
        let protected = Row {
            three_ds: true,
            ..row(20, None, (3_300, 3_000), 0)
        };
        let action = protected.decide(Column::Change, &RULES).unwrap();
        assert_eq!(protected.consequences(action, &RULES), [Consequence::LosesProtection]);
        let capture = protected.decide(Column::Capture, &RULES).unwrap();
        assert!(
            !protected
                .consequences(capture, &RULES)
                .contains(&Consequence::LosesProtection)
        );
    }

    #[test]
    fn money_for_an_order_that_was_called_off_is_asked_about_and_giving_it_back_is_not() {
        let called_off = Row {
            called_off: true,
            ..row(20, None, (3_300, 3_300), 0)
        };
        let follows = |column| called_off.consequences(called_off.decide(column, &RULES).unwrap(), &RULES);
        assert_eq!(follows(Column::Capture), [Consequence::OrderIsCalledOff]);
        assert_eq!(follows(Column::Cancel), []);
    }

    #[test]
    fn r59_on_the_last_day_it_is_said_and_a_day_later_refused() {
        let last = row(20, None, (3_300, 3_300), 60);
        let action = last.decide(Column::Capture, &RULES).unwrap();
        assert_eq!(last.consequences(action, &RULES), [Consequence::ExpiresToday]);
        let gone = row(20, None, (3_300, 3_300), 61);
        assert_eq!(gone.decide(Column::Capture, &RULES), Err("refused-expired"));
        assert_eq!(
            row(40, Some("022"), (1, 2), 61).decide(Column::Change, &RULES),
            Err("refused-for-good")
        );
    }

    #[test]
    fn what_cannot_run_says_why() {
        let why = |row: Row, column| row.decide(column, &RULES).unwrap_err();
        let plain = row(20, None, (3_300, 3_300), 0);
        assert_eq!(why(plain, Column::Change), "refused-same-amount");
        assert_eq!(why(row(20, None, (3_300, 0), 0), Column::Change), "refused-zero");
        assert_eq!(why(Row { busy: true, ..plain }, Column::Capture), "refused-busy");
        assert_eq!(
            why(
                Row {
                    own_account: false,
                    ..plain
                },
                Column::Capture
            ),
            "refused-other-account"
        );
        assert_eq!(why(row(60, Some("023"), (1, 1), 0), Column::Cancel), "refused-state");
    }

    #[test]
    fn a_stamp_tells_state_and_amounts_apart() {
        let plain = row(20, None, (3_300, 3_300), 0);
        let stamp = |row: Row| row.stamp(&RULES);
        assert_eq!(stamp(plain), "20..3300.3300.0");
        assert_ne!(stamp(plain), stamp(row(40, Some("022"), (3_300, 3_300), 0)));
        let edited = row(20, None, (3_300, 3_000), 0);
        assert_ne!(stamp(plain), stamp(edited));
        let corrects = Rules {
            corrections: true,
            ..RULES
        };
        assert_ne!(stamp(edited), edited.stamp(&corrects), "another way is another thing");
    }
}
