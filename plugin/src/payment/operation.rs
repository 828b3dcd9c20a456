//! What the staff may do with a payment, decided from the gateway's status and the last operation of ours.
//! One table, used by the list, the bulk run and the ABI alike.

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

/// The columns of the staff's list that run something: 一括売上 and 一括取消.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// 一括売上.
    Capture,
    /// 一括取消: void or cancel of the sale, by state.
    Cancel,
}

impl Column {
    /// Its name in forms and rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Cancel => "void",
        }
    }

    /// The column of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Capture, Self::Cancel]
            .into_iter()
            .find(|column| column.name() == name)
    }
}

/// What a column does to a payment in this state; `None` where it offers no box (R38-R42).
/// `busy` is true while another operation on the payment is open.
pub(crate) fn allowed(column: Column, status: GatewayStatus, last: Option<Operation>, busy: bool) -> Option<Operation> {
    if busy {
        return None;
    }
    match (column, status, last) {
        (Column::Capture, GatewayStatus::AUTHORISED | GatewayStatus::CAPTURE_REQUESTED, None) => {
            Some(Operation::Capture)
        }
        (Column::Cancel, GatewayStatus::AUTHORISED | GatewayStatus::VOIDING, None) => Some(Operation::Void),
        (Column::Cancel, GatewayStatus::CAPTURED | GatewayStatus(42 | 50), _) => Some(Operation::CancelSale),
        _ => None,
    }
}

/// What the column ペイジェント状況 says: the last operation, blank while merely authorised (R35, R36, decision A4).
/// A text id; the page words it.
pub(crate) fn label(status: GatewayStatus, last: Option<Operation>) -> Option<&'static str> {
    match (status, last) {
        (GatewayStatus::EXPIRED, _) => Some("label-expired"),
        (GatewayStatus::CAPTURED_FOR_GOOD, _) => Some("label-captured-for-good"),
        (GatewayStatus::SALE_CANCELLED, _) | (_, Some(Operation::CancelSale)) => Some("label-sale-cancelled"),
        (GatewayStatus::VOIDED, _) | (_, Some(Operation::Void)) => Some("label-voided"),
        (GatewayStatus::CAPTURED, _) | (_, Some(Operation::Capture)) => Some("label-captured"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REQUIREMENTS, "Allowed operations", cell by cell (the change columns come with their operation).
    #[test]
    fn r42_only_what_the_payment_status_allows() {
        use Operation::{CancelSale, Capture, Void};
        let table = [
            (20, None, Some(Capture), Some(Void)),
            (30, None, Some(Capture), None),
            (31, None, None, Some(Void)),
            (33, None, None, None),
            (40, Some(Capture), None, Some(CancelSale)),
            (40, None, None, Some(CancelSale)),
            (42, Some(Capture), None, Some(CancelSale)),
            (50, Some(Capture), None, Some(CancelSale)),
            (41, Some(Capture), None, None),
            (32, Some(Void), None, None),
            (60, Some(CancelSale), None, None),
            (10, None, None, None),
            (11, None, None, None),
            (99, None, None, None),
        ];
        for (status, last, capture, cancel) in table {
            let status = GatewayStatus(status);
            assert_eq!(
                allowed(Column::Capture, status, last, false),
                capture,
                "売上 at {status:?}"
            );
            assert_eq!(
                allowed(Column::Cancel, status, last, false),
                cancel,
                "取消 at {status:?}"
            );
            assert_eq!(allowed(Column::Capture, status, last, true), None);
            assert_eq!(allowed(Column::Cancel, status, last, true), None);
        }
    }

    #[test]
    fn r35_r36_the_label_is_the_last_operation_and_blank_while_authorised() {
        assert_eq!(label(GatewayStatus::AUTHORISED, None), None);
        assert_eq!(
            label(GatewayStatus::CAPTURED, Some(Operation::Capture)),
            Some("label-captured")
        );
        assert_eq!(
            label(GatewayStatus::VOIDED, Some(Operation::Void)),
            Some("label-voided")
        );
        assert_eq!(
            label(GatewayStatus::SALE_CANCELLED, Some(Operation::CancelSale)),
            Some("label-sale-cancelled")
        );
        assert_eq!(label(GatewayStatus::EXPIRED, None), Some("label-expired"));
    }
}
