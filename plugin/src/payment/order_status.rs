//! 対応状況: the host's order status, in the order in which the staff's screen lists it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The eight states of an EC-CUBE class order (guide, figure of 受注情報の検索).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderStatus {
    /// 新規受付
    New,
    /// 入金済み
    Paid,
    /// 対応中
    InProgress,
    /// 注文取消し
    Cancelled,
    /// 発送済み
    Shipped,
    /// 購入処理中
    Processing,
    /// 決済処理中
    Pending,
    /// 返品
    Returned,
}

impl OrderStatus {
    /// All of them, as the boxes stand on the screen.
    pub(crate) const ALL: [Self; 8] = [
        Self::New,
        Self::Paid,
        Self::InProgress,
        Self::Cancelled,
        Self::Shipped,
        Self::Processing,
        Self::Pending,
        Self::Returned,
    ];

    /// Its name in JSON, in queries and in rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Paid => "paid",
            Self::InProgress => "in_progress",
            Self::Cancelled => "cancelled",
            Self::Shipped => "shipped",
            Self::Processing => "processing",
            Self::Pending => "pending",
            Self::Returned => "returned",
        }
    }

    /// The status of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Shown when no box is ticked: the default list leaves out 決済処理中 (guide line 260) and 購入処理中.
    pub(crate) fn in_default_list(self) -> bool {
        self.is_placed()
    }

    /// The shopper's part is over: the order is the shop's to work on.
    pub(crate) fn is_placed(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing)
    }

    /// The order came to an end for which the shop wants no more of the shopper's money.
    pub(crate) fn is_called_off(self) -> bool {
        matches!(self, Self::Cancelled | Self::Returned)
    }
}
