//! What the staff may do with a payment, decided from the gateway's status and the last action of ours.
//! One table, used by the list, the payment's page, the bulk run and the ABI alike.

use super::GatewayStatus;

/// A telegram that moves a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// 売上 (022).
    Capture,
    /// オーソリキャンセル (021).
    Void,
    /// 売上キャンセル (023).
    CancelSale,
}

impl Operation {
    /// The telegram kind.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Void => "021",
            Self::Capture => "022",
            Self::CancelSale => "023",
        }
    }

    /// The operation of that telegram kind.
    pub(crate) fn of_kind(kind: &str) -> Option<Self> {
        [Self::Capture, Self::Void, Self::CancelSale]
            .into_iter()
            .find(|operation| operation.kind() == kind)
    }

    /// The status that tells that it happened.
    pub(crate) fn result(self) -> GatewayStatus {
        match self {
            Self::Capture => GatewayStatus::CAPTURED,
            Self::Void => GatewayStatus::VOIDED,
            Self::CancelSale => GatewayStatus::SALE_CANCELLED,
        }
    }
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// オーソリ変更: 020, then 021 on the old payment; or 028.
    Authorisation,
    /// 売上変更, up, down or a partial refund: 020, 022 on the new payment, then 023 on the old one; or 029.
    Sale,
}

impl ChangeKind {
    /// Its name in rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorisation => "authorisation",
            Self::Sale => "sale",
        }
    }

    /// The telegram kind that corrects it.
    pub(crate) fn correction(self) -> &'static str {
        match self {
            Self::Authorisation => "028",
            Self::Sale => "029",
        }
    }

    /// The kind of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Authorisation, Self::Sale]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// What the staff do: one telegram, or a change of the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// One telegram on the payment.
    Send(Operation),
    /// オーソリ変更 or 売上変更.
    Change(ChangeKind),
}

impl Action {
    /// Its name in rows: the telegram kind; the marks that Paygent's own plugin keeps for the two changes.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Send(operation) => operation.kind(),
            Self::Change(ChangeKind::Authorisation) => "020",
            Self::Change(ChangeKind::Sale) => "029",
        }
    }

    /// The action of that name.
    pub(crate) fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "020" => Some(Self::Change(ChangeKind::Authorisation)),
            "029" => Some(Self::Change(ChangeKind::Sale)),
            kind => Operation::of_kind(kind).map(Self::Send),
        }
    }
}

/// The columns of the staff's list that run something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// オーソリ・売上変更.
    Change,
    /// 一括売上.
    Capture,
    /// 一括取消: void or cancel of the sale, by state.
    Cancel,
}

impl Column {
    /// As they stand on the screen.
    pub(crate) const ALL: [Self; 3] = [Self::Change, Self::Capture, Self::Cancel];

    /// Its name in forms, rows and rights.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Capture => "capture",
            Self::Cancel => "void",
        }
    }

    /// The column of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// What a run of the staff does, order by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// What a column of the list offers.
    Column(Column),
    /// 決済処理中の注文の取消.
    CleanUp,
    /// The comparison of shop, plugin and gateway; it moves nothing.
    Compare,
    /// 取消 of payments that no order waits for.
    GiveBack,
}

impl Task {
    /// Its name in rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Column(column) => column.name(),
            Self::CleanUp => "cleanup",
            Self::Compare => "compare",
            Self::GiveBack => "give_back",
        }
    }

    /// The task of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "cleanup" => Some(Self::CleanUp),
            "compare" => Some(Self::Compare),
            "give_back" => Some(Self::GiveBack),
            name => Column::parse(name).map(Self::Column),
        }
    }

    /// The right that an operator needs for it.
    pub(crate) fn right(self) -> &'static str {
        match self {
            Self::Column(column) => column.name(),
            Self::CleanUp | Self::GiveBack => Column::Cancel.name(),
            Self::Compare => "view",
        }
    }
}

/// What a column does to a payment in this state; `None` where it offers no box (R38-R42).
/// `busy` is true while another operation on the payment, or a change of it, is open.
pub(crate) fn allowed(column: Column, status: GatewayStatus, last: Option<Action>, busy: bool) -> Option<Action> {
    if busy {
        return None;
    }
    let untouched = matches!(last, None | Some(Action::Change(ChangeKind::Authorisation)));
    match (column, status) {
        (Column::Capture, GatewayStatus::AUTHORISED | GatewayStatus::CAPTURE_REQUESTED) if untouched => {
            Some(Action::Send(Operation::Capture))
        }
        (Column::Cancel, GatewayStatus::AUTHORISED | GatewayStatus::VOIDING) if untouched => {
            Some(Action::Send(Operation::Void))
        }
        (Column::Cancel, GatewayStatus::CAPTURED | GatewayStatus(42 | 50)) => Some(Action::Send(Operation::CancelSale)),
        (Column::Change, GatewayStatus::AUTHORISED) if untouched => Some(Action::Change(ChangeKind::Authorisation)),
        (Column::Change, GatewayStatus::CAPTURED) => Some(Action::Change(ChangeKind::Sale)),
        _ => None,
    }
}

/// The telegram that gives a payment back, whoever wants it: the staff, a change, or the plugin itself.
pub(crate) fn releasing(status: GatewayStatus) -> Option<Operation> {
    match status {
        GatewayStatus::AUTHORISED | GatewayStatus::VOIDING => Some(Operation::Void),
        GatewayStatus::CAPTURED | GatewayStatus(42 | 50) => Some(Operation::CancelSale),
        _ => None,
    }
}

/// What the column ペイジェント状況 says: the last action, blank while merely authorised (R35, R36, decision A4).
/// A text id; the page words it.
pub(crate) fn label(status: GatewayStatus, last: Option<Action>) -> Option<&'static str> {
    match (status, last) {
        (GatewayStatus::EXPIRED, _) => Some("label-expired"),
        (GatewayStatus::CAPTURED_FOR_GOOD, _) => Some("label-captured-for-good"),
        (GatewayStatus::SALE_CANCELLED, _) | (_, Some(Action::Send(Operation::CancelSale))) => {
            Some("label-sale-cancelled")
        }
        (GatewayStatus::VOIDED, _) | (_, Some(Action::Send(Operation::Void))) => Some("label-voided"),
        (_, Some(Action::Change(ChangeKind::Sale))) => Some("label-sale-changed"),
        (GatewayStatus::CAPTURED, _) | (_, Some(Action::Send(Operation::Capture))) => Some("label-captured"),
        (_, Some(Action::Change(ChangeKind::Authorisation))) => Some("label-authorisation-changed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REQUIREMENTS, "Allowed operations", cell by cell.
    #[test]
    fn r37_r42_only_what_the_payment_status_allows() {
        const CAPTURE: Action = Action::Send(Operation::Capture);
        const VOID: Action = Action::Send(Operation::Void);
        const CANCEL_SALE: Action = Action::Send(Operation::CancelSale);
        const CHANGE: Action = Action::Change(ChangeKind::Authorisation);
        const CHANGE_SALE: Action = Action::Change(ChangeKind::Sale);
        let table = [
            // status, last action, 売上, オーソリ・売上変更, 取消
            (20, None, Some(CAPTURE), Some(CHANGE), Some(VOID)),
            (20, Some(CHANGE), Some(CAPTURE), Some(CHANGE), Some(VOID)),
            (30, None, Some(CAPTURE), None, None),
            (31, None, None, None, Some(VOID)),
            (33, None, None, None, None),
            (33, Some(CHANGE), None, None, None),
            (40, Some(CAPTURE), None, Some(CHANGE_SALE), Some(CANCEL_SALE)),
            (40, Some(CHANGE_SALE), None, Some(CHANGE_SALE), Some(CANCEL_SALE)),
            (40, None, None, Some(CHANGE_SALE), Some(CANCEL_SALE)),
            (42, Some(CAPTURE), None, None, Some(CANCEL_SALE)),
            (50, Some(CAPTURE), None, None, Some(CANCEL_SALE)),
            (41, Some(CAPTURE), None, None, None),
            (41, Some(CHANGE_SALE), None, None, None),
            (32, Some(VOID), None, None, None),
            (60, Some(CANCEL_SALE), None, None, None),
            (10, None, None, None, None),
            (11, None, None, None, None),
            (99, None, None, None, None),
        ];
        for (status, last, capture, change, cancel) in table {
            let status = GatewayStatus(status);
            for (column, expected) in [
                (Column::Capture, capture),
                (Column::Change, change),
                (Column::Cancel, cancel),
            ] {
                assert_eq!(
                    allowed(column, status, last, false),
                    expected,
                    "{column:?} at {status:?} {last:?}"
                );
                assert_eq!(
                    allowed(column, status, last, true),
                    None,
                    "{column:?} while another runs"
                );
            }
        }
    }

    #[test]
    fn r35_r36_the_label_is_the_last_action_and_blank_while_authorised() {
        let last = |kind| Action::of_kind(kind);
        let shown = [
            (20, None, None),
            (40, last("022"), Some("label-captured")),
            (20, last("020"), Some("label-authorisation-changed")),
            (40, last("029"), Some("label-sale-changed")),
            (32, last("021"), Some("label-voided")),
            (60, last("023"), Some("label-sale-cancelled")),
            (33, None, Some("label-expired")),
            (33, last("020"), Some("label-expired")),
            (41, last("029"), Some("label-captured-for-good")),
        ];
        for (status, last, text) in shown {
            assert_eq!(label(GatewayStatus(status), last), text, "{status} {last:?}");
        }
    }

    #[test]
    fn names_come_back() {
        for kind in ["020", "021", "022", "023", "029"] {
            assert_eq!(Action::of_kind(kind).map(Action::kind), Some(kind));
        }
        assert_eq!(Action::of_kind("094"), None);
        for task in [
            Task::CleanUp,
            Task::Compare,
            Task::GiveBack,
            Task::Column(Column::Capture),
        ] {
            assert_eq!(Task::parse(task.name()), Some(task));
        }
        for kind in [ChangeKind::Authorisation, ChangeKind::Sale] {
            assert_eq!(ChangeKind::parse(kind.name()), Some(kind));
        }
    }
}
