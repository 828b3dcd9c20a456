//! The staff's list.

use std::collections::BTreeMap;

use serde::Serialize;

use super::runs::RunResult;
use super::staff::{StaffFrame, TickBox, fragment};
use super::text::{Language, text};

/// Fields of 詳細検索 that come once.
pub(crate) const DETAIL_FIELDS: [&str; 26] = [
    "name",
    "kana",
    "company",
    "email",
    "phone",
    "number",
    "method",
    "tracking",
    "product",
    "ordered_from",
    "ordered_to",
    "paid_from",
    "paid_to",
    "updated_from",
    "updated_to",
    "delivery_from",
    "delivery_to",
    "amount_from",
    "amount_to",
    "mail",
    "deadline_from",
    "deadline_to",
    "near",
    "differs",
    "three_ds",
    "columns",
];

/// What the list shows.
#[derive(Serialize)]
pub(crate) struct ListPage<'a> {
    pub(crate) staff: StaffFrame,
    pub(crate) search_text: &'a str,
    /// What stands in the fields of 詳細検索.
    pub(crate) detail: &'a BTreeMap<&'static str, String>,
    pub(crate) detail_open: bool,
    pub(crate) statuses: &'a [TickBox],
    pub(crate) payment_states: &'a [TickBox],
    /// The columns that can stand beside the guide's ten, and the names of those that do.
    pub(crate) columns: &'a [TickBox],
    pub(crate) column_names: &'a [&'static str],
    pub(crate) page_size: i64,
    pub(crate) page_sizes: &'a [i64],
    pub(crate) page_links: &'a [PageLink],
    pub(crate) sorts: &'a BTreeMap<&'static str, SortHead>,
    /// The query, carried along by forms.
    pub(crate) query: &'a str,
    /// CSV in UTF-8, and in Windows-31J.
    pub(crate) csv_url: &'a str,
    pub(crate) csv_sjis_url: &'a str,
    pub(crate) near_url: &'a str,
    pub(crate) total: i64,
    pub(crate) rows: &'a [Row],
    pub(crate) result: Option<&'a RunResult>,
    pub(crate) message: Option<String>,
    /// The operator may run オーソリ・売上変更.
    pub(crate) can_change: bool,
    /// The operator may run 一括売上.
    pub(crate) can_capture: bool,
    /// The operator may run 一括取消.
    pub(crate) can_void: bool,
    pub(crate) online_url: &'a str,
    /// Which orders 決済処理中の注文の取消 takes, and when it runs by itself.
    pub(crate) cleanup_note: String,
    /// Days from an authorisation to the last day of its capture.
    pub(crate) limit_days: u16,
}

/// A heading that sorts.
#[derive(Serialize)]
pub(crate) struct SortHead {
    pub(crate) url: String,
    /// `ascending` or `descending` where the list is sorted by it.
    pub(crate) aria: Option<&'static str>,
}

/// A page of the list.
#[derive(Serialize)]
pub(crate) struct PageLink {
    pub(crate) label: String,
    pub(crate) url: String,
    pub(crate) current: bool,
}

/// An order as a row.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) order_id: String,
    /// The order's own page.
    pub(crate) url: String,
    /// `2020/11/26 12:00`, Japanese time.
    pub(crate) date: String,
    pub(crate) order_number: String,
    /// ペイジェント状況; blank while merely authorised.
    pub(crate) state_label: String,
    /// An operation is under way.
    pub(crate) busy: bool,
    /// What a change would be: `authorisation` or `sale`; none where it offers no box.
    pub(crate) change: Option<&'static str>,
    pub(crate) can_capture: bool,
    pub(crate) can_void: bool,
    pub(crate) customer_name: String,
    pub(crate) payment_method: String,
    /// `¥3,300`.
    pub(crate) amount: String,
    /// What the gateway holds, where that differs (R65).
    pub(crate) held: Option<String>,
    pub(crate) status_label: String,
    pub(crate) status_name: String,
    /// The columns beside the guide's ten.
    pub(crate) cells: Vec<Cell>,
    /// State and amounts as drawn, so that a change since then is seen.
    pub(crate) drawn: Option<String>,
}

/// A cell of a column beside the guide's ten.
#[derive(Default, Serialize)]
pub(crate) struct Cell {
    /// A line break in it shows.
    pub(crate) text: String,
    pub(crate) mark: &'static str,
}

impl Cell {
    pub(crate) fn plain(text: String) -> Self {
        Self { text, mark: "" }
    }

    pub(crate) fn marked(text: String, mark: &'static str) -> Self {
        Self { text, mark }
    }
}

/// Title and HTML of the list.
pub(crate) fn list(shown: &ListPage<'_>, language: Language, nonce: Option<&str>) -> (String, String) {
    fragment(language, (text(language, "list-title", &[]), "list.html"), shown, nonce)
}

#[cfg(test)]
mod tests {
    use super::super::runs::{Line, ResultWords};
    use super::*;

    fn row(number: &str, state: &str, boxes: (Option<&'static str>, bool, bool), amount: &str) -> Row {
        Row {
            order_id: number.to_owned(),
            url: format!("/admin/paygent/payments/orders/{number}"),
            date: "2020/11/26 12:00".to_owned(),
            order_number: number.to_owned(),
            state_label: state.to_owned(),
            busy: false,
            change: boxes.0,
            can_capture: boxes.1,
            can_void: boxes.2,
            customer_name: "テスト 会員".to_owned(),
            payment_method: "ペイジェントクレジット".to_owned(),
            amount: amount.to_owned(),
            held: None,
            status_label: "新規受付".to_owned(),
            status_name: "new".to_owned(),
            cells: vec![Cell::marked("2021/01/25\nあと60日".to_owned(), "far")],
            drawn: Some("28569257.20..3300.3300.0".to_owned()),
        }
    }

    fn page(result: Option<&RunResult>, nonce: Option<&str>, language: Language) -> String {
        let rows = vec![
            row("234", "", (Some("authorisation"), true, true), "¥3,300"),
            row("217", "売上", (Some("sale"), false, true), "¥2,100"),
        ];
        let tick = |name, label: &str| TickBox {
            name,
            label: label.to_owned(),
            ticked: true,
        };
        let sorts = [
            "date",
            "number",
            "state",
            "name",
            "method",
            "amount",
            "order-status",
            "deadline",
            "held",
            "attempts",
            "liability",
            "updated",
        ];
        let head = |name| {
            let head = SortHead {
                url: format!("/admin/paygent/payments?sort={name}"),
                aria: (name == "date").then_some("descending"),
            };
            (name, head)
        };
        let shown = ListPage {
            staff: StaffFrame {
                here: "list",
                list_url: "/admin/paygent/payments".to_owned(),
                runs_url: "/admin/paygent/payments/bulk".to_owned(),
                mismatches_url: "/admin/paygent/mismatches".to_owned(),
                settings_url: None,
                test_mode: true,
                csrf: "csrf.token".to_owned(),
            },
            search_text: "<b>\"会員\"</b>",
            detail: &DETAIL_FIELDS.into_iter().map(|name| (name, String::new())).collect(),
            detail_open: false,
            statuses: &[tick("new", "新規受付")],
            payment_states: &[tick("captured", "売上")],
            columns: &[tick("deadline", "期限")],
            column_names: &["deadline"],
            page_size: 50,
            page_sizes: &[10, 50, 100],
            page_links: &[],
            sorts: &sorts.into_iter().map(head).collect(),
            query: "q=x",
            csv_url: "/admin/paygent/payments.csv",
            csv_sjis_url: "/admin/paygent/payments.csv?charset=sjis",
            near_url: "/admin/paygent/payments?near=1",
            total: 2,
            rows: &rows,
            result,
            message: None,
            can_change: true,
            can_capture: true,
            can_void: true,
            online_url: "https://online.paygent.co.jp/",
            cleanup_note: String::new(),
            limit_days: 60,
        };
        list(&shown, language, nonce).1
    }

    fn texts(html: &str) -> Vec<String> {
        let tags = html.split('<').filter_map(|piece| piece.split_once('>'));
        tags.map(|(_, text)| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect()
    }

    #[test]
    fn r30_r31_the_columns_stand_in_the_guides_order() {
        let html = page(None, Some("n0nce-n0nce"), Language::Ja);
        let head = html
            .split("<thead>")
            .nth(1)
            .and_then(|html| html.split("</thead>").next())
            .unwrap();
        assert_eq!(
            texts(head),
            [
                "受注日時",
                "注文番号",
                "ペイジェント",
                "状況",
                "オーソリ・売上変更",
                "実行",
                "一括売上",
                "実行",
                "一括取消",
                "実行",
                "お名前",
                "支払方法",
                "購入金額",
                "対応状況",
                "期限",
            ]
        );
        assert_eq!(
            head.matches("data-all=").count(),
            3,
            "R31: a box for all in each column that runs something, and in no other"
        );
    }

    #[test]
    fn r37_r38_r39_only_boxes_that_may_be_run_are_drawn() {
        let html = page(None, None, Language::Ja);
        let row = |number: &str| {
            let row = html.split(&format!("<tr data-order=\"{number}\">")).nth(1).unwrap();
            row.split("</tr>").next().unwrap().to_owned()
        };
        assert!(row("234").contains("order_capture") && row("234").contains("order_void"));
        assert!(!row("217").contains("order_capture") && row("217").contains("order_void"));
        assert!(row("234").contains("オーソリ変更") && row("217").contains("売上変更"));
    }

    #[test]
    fn r54_r55_successes_and_failures_are_told_apart() {
        let line = |number: &str, words: &str, reason: Option<String>| Line {
            number: number.to_owned(),
            url: "/o".to_owned(),
            words: words.to_owned(),
            reason,
        };
        let result = RunResult {
            succeeded: vec![line("234", "売上成功", None)],
            failed: vec![line(
                "233",
                "売上失敗",
                Some(super::super::reason(Language::Ja, "2007")),
            )],
            succeeded_count: 1,
            failed_count: 1,
            words: ResultWords {
                succeeded: "1件が成功しました".to_owned(),
                failed: "1件が失敗しました".to_owned(),
                ..ResultWords::default()
            },
            ..RunResult::default()
        };
        let html = page(Some(&result), None, Language::Ja);
        let shown = texts(&html).join(" ");
        for text in [
            "✔ 1件が成功しました",
            "受注番号：234 → 売上成功",
            "1件が失敗しました",
            "受注番号：233 → 売上失敗",
            "理由：期限を過ぎています（2007）",
        ] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
    }

    #[test]
    fn what_was_typed_is_text_and_a_frame_without_a_nonce_gets_no_script() {
        let html = page(None, None, Language::En);
        assert!(html.contains("&lt;b&gt;&quot;会員&quot;&lt;&#x2f;b&gt;") && !html.contains("<b>"));
        assert!(!html.contains("<script"));
        assert!(page(None, Some("n0nce-n0nce"), Language::En).contains("<script nonce=\"n0nce-n0nce\">"));
    }

    #[test]
    fn our_own_style_and_script_stay_far_below_a_hundred_kilobytes() {
        let (plain, scripted) = (
            page(None, None, Language::Ja),
            page(None, Some("n0nce-n0nce"), Language::Ja),
        );
        let style = plain.split("</style>").next().unwrap().len();
        let script = scripted.split("<script").nth(1).unwrap().len();
        assert!(style + script < 40_000, "{style} + {script} bytes");
    }
}
