//! The staff's list: a piece of a page for the host's own frame. With the frame's nonce it asks before it runs and
//! shows progress; without one it holds no script and its forms do the same work.

use serde::Serialize;

use super::frame::render;
use super::text::{Language, has, text};

/// What the list shows.
#[derive(Serialize)]
pub(crate) struct ListPage<'a> {
    pub(crate) csrf: &'a str,
    pub(crate) list_url: &'a str,
    pub(crate) bulk_url: &'a str,
    pub(crate) online_url: &'a str,
    pub(crate) search_text: &'a str,
    pub(crate) statuses: &'a [StatusBox],
    pub(crate) page_size: i64,
    pub(crate) page_sizes: &'a [i64],
    pub(crate) page_links: &'a [PageLink],
    pub(crate) total: i64,
    pub(crate) rows: &'a [Row],
    pub(crate) result: &'a RunResult,
    pub(crate) message: Option<String>,
    /// The operator may run 一括売上.
    pub(crate) can_capture: bool,
    /// The operator may run 一括取消.
    pub(crate) can_void: bool,
}

/// A box of 対応状況.
#[derive(Serialize)]
pub(crate) struct StatusBox {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) ticked: bool,
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
    /// `2020/11/26 12:00`, Japanese time.
    pub(crate) date: String,
    pub(crate) order_number: String,
    /// ペイジェント状況; blank while merely authorised.
    pub(crate) state_label: String,
    pub(crate) can_capture: bool,
    pub(crate) can_void: bool,
    pub(crate) customer_name: String,
    pub(crate) payment_method: String,
    /// `¥3,300`.
    pub(crate) amount: String,
    pub(crate) status_label: String,
    pub(crate) status_name: String,
}

/// What became of a bulk run so far; empty where none was asked for.
#[derive(Default, Serialize)]
pub(crate) struct RunResult {
    /// Where it stands, if it is not finished.
    pub(crate) running: Option<Running>,
    pub(crate) succeeded: Vec<Line>,
    pub(crate) failed: Vec<Line>,
}

/// What became of one order.
#[derive(Serialize)]
pub(crate) struct Line {
    /// 注文番号.
    pub(crate) number: String,
    /// 売上成功 and so on.
    pub(crate) words: String,
    /// Why not.
    pub(crate) reason: Option<String>,
}

/// A bulk run under way.
#[derive(Serialize)]
pub(crate) struct Running {
    pub(crate) done: i32,
    pub(crate) total: i32,
    /// Posting here works on it.
    pub(crate) step_url: String,
    /// The list with this run's result.
    pub(crate) reload_url: String,
}

/// Title and HTML of the list.
pub(crate) fn list(shown: &ListPage<'_>, language: Language, nonce: Option<&str>) -> (String, String) {
    (
        text(language, "list-title", &[]),
        render(language, "list.html", shown, nonce.unwrap_or("")),
    )
}

/// Why an operation was not done, in the staff's words: a rule of ours by its text id, or the gateway's code.
pub(crate) fn reason(language: Language, code: &str) -> String {
    if code.starts_with("refused-") && has(language, code) {
        return text(language, code, &[]);
    }
    let is_9xxx = code.len() == 4 && code.starts_with('9');
    let id = match code {
        "2007" => "reason-too-late",
        "2004" => "reason-conflict",
        _ if code.starts_with("connect.") || code.starts_with("tls.") || code.starts_with("request.unencodable") => {
            "reason-not-executed"
        }
        "operation.not_executed" => "reason-not-executed",
        _ if code.starts_with('E') || is_9xxx => "reason-gateway",
        _ if code.starts_with('P') => "reason-setup",
        _ => "reason-code",
    };
    text(language, id, &[("code", code)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row =
            |number: &str, date: &str, state: &str, boxes: (bool, bool), amount: &str, status: (&str, &str)| Row {
                order_id: number.to_owned(),
                date: date.to_owned(),
                order_number: number.to_owned(),
                state_label: state.to_owned(),
                can_capture: boxes.0,
                can_void: boxes.1,
                customer_name: "テスト 会員".to_owned(),
                payment_method: "ペイジェントクレジット".to_owned(),
                amount: amount.to_owned(),
                status_label: status.0.to_owned(),
                status_name: status.1.to_owned(),
            };
        vec![
            row(
                "234",
                "2020/11/26 12:00",
                "",
                (true, true),
                "¥3,300",
                ("新規受付", "new"),
            ),
            row(
                "217",
                "2020/10/16 18:09",
                "売上",
                (false, true),
                "¥2,100",
                ("入金済み", "paid"),
            ),
        ]
    }

    fn page(result: &RunResult, nonce: Option<&str>, language: Language) -> String {
        let rows = rows();
        let shown = ListPage {
            csrf: "csrf.token",
            list_url: "/admin/paygent/payments",
            bulk_url: "/admin/paygent/payments/bulk",
            online_url: "https://online.paygent.co.jp/",
            search_text: "<b>\"会員\"</b>",
            statuses: &[StatusBox {
                name: "new",
                label: "新規受付".to_owned(),
                ticked: true,
            }],
            page_size: 50,
            page_sizes: &[10, 50, 100],
            page_links: &[],
            total: 2,
            rows: &rows,
            result,
            message: None,
            can_capture: true,
            can_void: true,
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
        let html = page(&RunResult::default(), Some("n0nce-n0nce"), Language::Ja);
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
                "一括売上",
                "実行",
                "一括取消",
                "実行",
                "お名前",
                "支払方法",
                "購入金額",
                "対応状況",
            ]
        );
        assert_eq!(
            head.matches("data-all=").count(),
            2,
            "R31: a box for all in each column that runs something"
        );
    }

    #[test]
    fn r38_r39_only_boxes_that_may_be_run_are_drawn() {
        let html = page(&RunResult::default(), None, Language::Ja);
        let row = |number: &str| {
            let row = html.split(&format!("<tr data-order=\"{number}\">")).nth(1).unwrap();
            row.split("</tr>").next().unwrap().to_owned()
        };
        assert!(row("234").contains("order_capture") && row("234").contains("order_void"));
        assert!(!row("217").contains("order_capture") && row("217").contains("order_void"));
    }

    #[test]
    fn r54_r55_successes_and_failures_are_told_apart() {
        let result = RunResult {
            running: None,
            succeeded: vec![Line {
                number: "234".to_owned(),
                words: "売上成功".to_owned(),
                reason: None,
            }],
            failed: vec![Line {
                number: "233".to_owned(),
                words: "売上失敗".to_owned(),
                reason: Some(reason(Language::Ja, "2007")),
            }],
        };
        let html = page(&result, None, Language::Ja);
        for text in [
            "✔",
            "1件が成功しました",
            "受注番号：234 → 売上成功",
            "1件が失敗しました",
            "受注番号：233 → 売上失敗",
        ] {
            assert!(html.contains(text), "{text}");
        }
        assert!(html.contains("理由：期限を過ぎています（2007）"));
    }

    #[test]
    fn what_was_typed_is_text_and_a_frame_without_a_nonce_gets_no_script() {
        let html = page(&RunResult::default(), None, Language::En);
        assert!(html.contains("&lt;b&gt;&quot;会員&quot;&lt;&#x2f;b&gt;") && !html.contains("<b>"));
        assert!(!html.contains("<script"));
        assert!(
            page(&RunResult::default(), Some("n0nce-n0nce"), Language::En).contains("<script nonce=\"n0nce-n0nce\">")
        );
    }

    #[test]
    fn every_rule_of_ours_has_its_words() {
        for id in [
            "refused-unknown-order",
            "refused-no-payment",
            "refused-busy",
            "refused-state",
        ] {
            assert_ne!(reason(Language::Ja, id), id);
        }
    }
}
