//! Where the shop, the plugin and the gateway tell different stories of one order (N4). What the gateway says of money has been
//! taken over before; what is left is for a person, and nothing here moves money.

use chrono::TimeDelta;

use super::{GatewayStatus, OrderStatus, Yen};

/// What the three say of one order. Nothing is under way on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Books {
    /// 対応状況, as the shop told it last.
    pub(crate) status: OrderStatus,
    /// Deleted, or gone back from.
    pub(crate) removed: bool,
    /// 購入金額.
    pub(crate) ordered: Yen,
    /// The order's payment, as the gateway told it just now.
    pub(crate) own: Option<Held>,
    /// Other payments of the order that hold money.
    pub(crate) others: usize,
    /// The host was asked for something just now: the order is on its way to another status.
    pub(crate) is_moving: bool,
    /// The host was asked for something long ago, and has not answered.
    pub(crate) effect_late: bool,
    /// It was paid, and the host is to place it, or has.
    pub(crate) is_paid_for: bool,
    /// The host said that it placed the order.
    pub(crate) said_placed: bool,
}

/// What the gateway holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) status: GatewayStatus,
    pub(crate) amount: Yen,
    /// The last day for what can be done with it is over.
    pub(crate) overdue: bool,
    /// How long ago it was captured.
    pub(crate) captured_for: Option<TimeDelta>,
}

/// A difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The order's total is not what is held.
    Amount,
    /// Called off, and the payment still holds money.
    Kept,
    /// No order waits for a payment that holds money.
    Nobody,
    /// More than one payment holds money.
    Double,
    /// An order without a payment: one that the staff entered (R17).
    Unpaid,
    /// An order whose payment holds nothing any more.
    Gone,
    /// 入金済み or 発送済み, and nothing was captured.
    NotCaptured,
    /// Captured, and still 新規受付.
    NotPaid,
    /// The last day for capturing is over.
    Overdue,
    /// The host said that it placed the order, and it is still 決済処理中.
    NotPlaced,
    /// The host has not answered what it was asked for.
    EffectLate,
}

/// What puts it right, with one press and a preview; nothing where only a person can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// オーソリ・売上変更 to the order's total.
    Change,
    /// 取消 of the order's payment.
    Cancel,
    /// 取消 of the payments that no order waits for.
    GiveBack,
    /// A payment that was entered by hand in Paygent Online is linked to the order.
    Link,
}

impl Finding {
    /// All of them, the one that matters most first.
    pub(crate) const ALL: [Self; 11] = [
        Self::Double,
        Self::Nobody,
        Self::Kept,
        Self::Gone,
        Self::Amount,
        Self::NotCaptured,
        Self::Overdue,
        Self::NotPlaced,
        Self::NotPaid,
        Self::EffectLate,
        Self::Unpaid,
    ];

    /// Its name as a flag.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Amount => "found.amount",
            Self::Kept => "found.kept",
            Self::Nobody => "found.nobody",
            Self::Double => "found.double",
            Self::Unpaid => "found.unpaid",
            Self::Gone => "found.gone",
            Self::NotCaptured => "found.not_captured",
            Self::NotPaid => "found.not_paid",
            Self::Overdue => "found.overdue",
            Self::NotPlaced => "found.not_placed",
            Self::EffectLate => "found.effect_late",
        }
    }

    /// The finding of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.name() == name)
    }

    /// What puts it right.
    pub(crate) fn repair(self) -> Option<Repair> {
        match self {
            Self::Amount => Some(Repair::Change),
            Self::Kept => Some(Repair::Cancel),
            Self::Nobody | Self::Double => Some(Repair::GiveBack),
            Self::Unpaid => Some(Repair::Link),
            Self::Gone | Self::NotCaptured | Self::NotPaid | Self::Overdue | Self::NotPlaced | Self::EffectLate => None,
        }
    }
}

/// So long a sale may wait for its order to become 入金済み: a notice comes within minutes, and the poll catches up with it.
const NOTICED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// All differences of one order.
pub(crate) fn findings(books: &Books) -> Vec<Finding> {
    if books.is_moving && !books.effect_late {
        return Vec::new();
    }
    Finding::ALL
        .into_iter()
        .filter(|finding| holds(books, *finding))
        .collect()
}

fn holds(books: &Books, finding: Finding) -> bool {
    let waits = !books.removed && books.status.is_placed() && !books.status.is_called_off();
    let live = books.own.filter(|own| own.status.is_live());
    let authorised = live.filter(|own| own.status == GatewayStatus::AUTHORISED);
    let nobody = books.removed || !books.status.is_placed();
    match finding {
        Finding::Amount => waits && live.is_some_and(|own| own.amount != books.ordered),
        Finding::Kept => !books.removed && books.status.is_called_off() && live.is_some(),
        Finding::Nobody => nobody && (books.removed || !books.is_paid_for) && (live.is_some() || books.others > 0),
        Finding::Double => !nobody && books.others > 0,
        Finding::Unpaid => waits && books.own.is_none() && books.ordered != Yen::ZERO,
        Finding::Gone => waits && books.own.is_some_and(|own| own.status.is_over()),
        Finding::NotCaptured => {
            waits && matches!(books.status, OrderStatus::Paid | OrderStatus::Shipped) && authorised.is_some()
        }
        Finding::NotPaid => {
            let told = live
                .and_then(|own| own.captured_for)
                .is_some_and(|age| age > NOTICED_WITHIN);
            !books.removed && books.status == OrderStatus::New && told
        }
        Finding::Overdue => waits && authorised.is_some_and(|own| own.overdue),
        Finding::NotPlaced => !books.removed && books.status == OrderStatus::Pending && books.said_placed,
        Finding::EffectLate => books.effect_late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yen(amount: i64) -> Yen {
        Yen::try_from(amount).unwrap()
    }

    fn held(status: i32) -> Held {
        Held {
            status: GatewayStatus(status),
            amount: yen(3_300),
            overdue: false,
            captured_for: (status == 40).then(|| TimeDelta::days(1)),
        }
    }

    fn sound() -> Books {
        Books {
            status: OrderStatus::New,
            removed: false,
            ordered: yen(3_300),
            own: Some(held(20)),
            others: 0,
            is_moving: false,
            effect_late: false,
            is_paid_for: true,
            said_placed: true,
        }
    }

    #[test]
    fn r01_each_kind_of_difference_is_found_and_named() {
        use OrderStatus::{Cancelled, New, Paid, Pending, Processing, Shipped};
        let with = |status, own: Option<Held>| Books { status, own, ..sound() };
        let table: [(&str, Books, &[Finding]); 23] = [
            ("authorised", sound(), &[]),
            ("captured and told", with(Paid, Some(held(40))), &[]),
            ("shipped and captured", with(Shipped, Some(held(40))), &[]),
            ("cancelled and voided", with(Cancelled, Some(held(32))), &[]),
            ("cancelled without a payment", with(Cancelled, None), &[]),
            (
                "of no yen",
                Books {
                    ordered: Yen::ZERO,
                    ..with(Paid, None)
                },
                &[],
            ),
            (
                "being paid",
                Books {
                    is_paid_for: false,
                    said_placed: false,
                    ..with(Pending, None)
                },
                &[],
            ),
            (
                "gone back from",
                Books {
                    removed: true,
                    is_paid_for: false,
                    said_placed: false,
                    ..with(Processing, None)
                },
                &[],
            ),
            (
                "edited",
                Books {
                    ordered: yen(2_000),
                    ..sound()
                },
                &[Finding::Amount],
            ),
            (
                "edited after the sale",
                Books {
                    ordered: yen(2_000),
                    ..with(Paid, Some(held(40)))
                },
                &[Finding::Amount],
            ),
            (
                "cancelled with the payment",
                with(Cancelled, Some(held(20))),
                &[Finding::Kept],
            ),
            (
                "cancelled after the sale",
                with(Cancelled, Some(held(40))),
                &[Finding::Kept],
            ),
            (
                "deleted with the payment",
                Books {
                    removed: true,
                    ..sound()
                },
                &[Finding::Nobody],
            ),
            (
                "held for an order that nobody placed",
                Books {
                    is_paid_for: false,
                    said_placed: false,
                    ..with(Pending, Some(held(20)))
                },
                &[Finding::Nobody],
            ),
            (
                "about to be placed",
                Books {
                    said_placed: false,
                    ..with(Pending, Some(held(20)))
                },
                &[],
            ),
            ("two payments", Books { others: 1, ..sound() }, &[Finding::Double]),
            ("entered by staff", with(New, None), &[Finding::Unpaid]),
            ("voided elsewhere", with(Shipped, Some(held(32))), &[Finding::Gone]),
            ("expired", with(New, Some(held(33))), &[Finding::Gone]),
            (
                "shipped and never captured",
                with(Shipped, Some(held(20))),
                &[Finding::NotCaptured],
            ),
            ("captured and not told", with(New, Some(held(40))), &[Finding::NotPaid]),
            (
                "past its last day",
                with(
                    New,
                    Some(Held {
                        overdue: true,
                        ..held(20)
                    }),
                ),
                &[Finding::Overdue],
            ),
            (
                "said to be placed",
                with(Pending, Some(held(20))),
                &[Finding::NotPlaced],
            ),
        ];
        for (what, books, wanted) in table {
            assert_eq!(findings(&books), wanted, "{what}");
        }
        let late = Books {
            effect_late: true,
            ..sound()
        };
        assert_eq!(findings(&late), [Finding::EffectLate]);
        let moving = Books {
            is_moving: true,
            ..with(New, Some(held(32)))
        };
        assert_eq!(findings(&moving), [], "the host is being told to call it off");
    }

    #[test]
    fn nothing_is_ever_captured_because_of_a_difference() {
        for finding in Finding::ALL {
            assert_eq!(Finding::parse(finding.name()), Some(finding));
            let captures = matches!(finding, Finding::NotCaptured);
            assert!(!captures || finding.repair().is_none());
        }
    }
}
