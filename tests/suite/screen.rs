//! The staff's screen in a real Chromium: search, amount changes, runs, keyboard, and the rules of accessibility.

use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::boundary::root;
use crate::browser::{Browser, DESK, Demo, in_browser, in_browser_with};
use crate::world::{GOOD, OTHER_GOOD, http};

impl Browser {
    /// Logs in as the shop's staff; the list is shown.
    async fn log_in(&self, demo: &Demo) {
        self.open(&format!("{}admin", demo.shop)).await;
        self.click("#staff-login").await;
        self.says("ペイジェント決済状況一覧").await;
    }

    async fn list(&self, demo: &Demo, query: &str) {
        self.open(&format!("{}admin/paygent/payments{query}", demo.shop)).await;
    }

    /// The staff edit an order's amount on the shop's own page.
    async fn reprice(&self, demo: &Demo, order: &str, amount: &str) {
        self.open(&format!("{}admin/orders/{order}", demo.shop)).await;
        let field = self.find("input[name=amount]").await;
        field.clear().await.unwrap();
        field.send_keys(amount).await.unwrap();
        field.send_keys(Key::Enter + "").await.unwrap();
        self.says(&format!("¥{}", thousands(amount))).await;
    }

    async fn tick(&self, order: &str, column: &str) {
        self.click(&format!("tr[data-order='{order}'] input[data-column={column}]"))
            .await;
    }

    async fn run(&self, column: &str) {
        self.click(&format!("button[name=operation][value={column}]")).await;
    }

    /// A cell of an order's row, counted from 1.
    async fn cell(&self, order: &str, column: usize) -> String {
        let css = format!("tr[data-order='{order}'] td:nth-child({column})");
        self.find(&css).await.text().await.unwrap()
    }

    async fn evaluate(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Holds the page as it stands to WCAG 2.2 AA.
    async fn is_accessible(&self, what: &str) {
        let rules = std::fs::read_to_string(root().join("target/test-tools/node_modules/axe-core/axe.min.js"))
            .expect("tests/run installs axe-core");
        self.driver.execute(rules, Vec::new()).await.unwrap();
        let script = "const done = arguments[arguments.length - 1]; \
            axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }) \
               .then((found) => done({ broken: found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(' ')}`), \
                                       kept: found.passes.length }))";
        let found = self
            .driver
            .execute_async(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone();
        assert_eq!(found["broken"], json!([]), "{what}");
        assert!(found["kept"].as_u64().unwrap() > 3, "{what}: rules were looked at");
    }
}

fn thousands(amount: &str) -> String {
    let (head, tail) = amount.split_at(amount.len().saturating_sub(3));
    if head.is_empty() {
        tail.to_owned()
    } else {
        format!("{head},{tail}")
    }
}

fn control(demo: &Demo, path: &str, body: &Value) {
    let url = format!("{}/control/{path}", demo.simulator.trim_end_matches('/'));
    let answer = http("POST", &url, &[("content-type", "application/json")], &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn r31_r51_r52_r53_the_staff_capture_from_the_list() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        browser.says("検索結果：5件が該当しました").await;
        browser.picture("list-ja", DESK).await;

        browser.run("capture").await;
        browser.says("注文が選択されていません").await;
        browser.click("#paygent-ok").await;

        browser.click("[data-all=capture]").await;
        let ticked = "return document.querySelectorAll('input[data-column=capture]:checked').length";
        assert_eq!(browser.evaluate(ticked).await, 2, "every row that has the box");
        browser.click("[data-all=capture]").await;

        browser.tick("234", "capture").await;
        browser.run("capture").await;
        browser.says("選択した1件の注文を売上処理します").await;
        browser.says("合計金額：¥3,300").await;
        browser.is_accessible("the question before a run").await;
        browser.click("#paygent-no").await;
        assert_eq!(browser.cell("234", 3).await, "", "nothing ran");

        browser.run("capture").await;
        browser.click("#paygent-ok").await;
        browser.says("1件が成功しました").await;
        browser.says("受注番号：234 → 売上成功").await;
        assert_eq!(browser.cell("234", 3).await, "売上");
        browser.picture("list-result-ja", DESK).await;
        browser.is_accessible("the list with a result").await;
        browser.list(demo, "?lang=en").await;
        browser.says("5 orders found").await;
        browser.picture("list-en", DESK).await;
    });
}

#[test]
fn r80_r87_pending_orders_are_cancelled_by_the_button_of_the_guides_last_page() {
    let folder = tempfile::tempdir().unwrap();
    let on = |day: &str| Demo::started(&["--data", folder.path().to_str().unwrap(), "--pin-clock", day]);
    in_browser_with(on("2020-11-26"), async |browser, demo| {
        browser.log_in(demo).await;
        browser.click("#paygent-cleanup-run").await;
        browser
            .says("購入日より7日経過した「決済処理中」の注文はありません。")
            .await;
        browser.list(demo, "?status=pending").await;
        browser.picture("cleanup-ja", DESK).await;
    });
    in_browser_with(on("2020-12-04"), async |browser, demo| {
        browser.log_in(demo).await;
        browser.click("#paygent-cleanup-run").await;
        browser
            .says("「決済処理中」の注文1件を取り消します。よろしいですか？")
            .await;
        browser.says("受注番号：235 → 注文取消し").await;
        browser.picture("cleanup-question-ja", DESK).await;
        browser
            .is_accessible("the question before pending orders are cancelled")
            .await;
        browser.click("#paygent-ok").await;
        browser.says("1件の注文を取り消しました").await;
        assert_eq!(browser.cell("235", 10).await, "注文取消し");
        browser.picture("cleanup-result-ja", DESK).await;
        browser.is_accessible("pending orders cancelled").await;
        browser.list(demo, "/bulk?lang=en").await;
        browser.says("Cancel pending orders").await;
    });
}

#[test]
fn n4_r17_what_differs_is_found_and_put_right_on_its_page() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        browser.reprice(demo, "234", "3000").await;
        // Somebody cancels in Paygent Online, and takes an order by telephone.
        browser.open(&demo.simulator).await;
        browser.click("tr[data-payment='28569258'] button[value=cancel]").await;
        browser.says("オーソリ取消済").await;
        browser.find("#by-hand-amount").await.send_keys("900").await.unwrap();
        browser.find("#by-hand-id").await.send_keys("tel_1").await.unwrap();
        browser
            .find("#by-hand-id")
            .await
            .send_keys(Key::Enter + "")
            .await
            .unwrap();
        browser.says("tel_1").await;
        browser.picture("simulator-payments-ja", DESK).await;

        browser.open(&format!("{}admin/paygent/mismatches", demo.shop)).await;
        browser.says("まだ照合していません").await;
        browser.says("確認が必要なものはありません").await;
        browser.click("#paygent-compare").await;
        browser.says("最後の照合").await;
        browser.says("購入金額と、ペイジェントの金額が違います。").await;
        browser.picture("mismatches-ja", DESK).await;
        browser.is_accessible("what differs").await;
        browser.click("tr[data-order='234'] button.repair").await;
        browser.says("オーソリ変更 ¥3,300 → ¥3,000").await;
        browser.picture("mismatches-repair-ja", DESK).await;
        browser.is_accessible("what puts it right").await;
        browser.click("#paygent-ok").await;
        browser.says("1件が成功しました").await;
        browser
            .open(&format!("{}admin/paygent/mismatches?lang=en", demo.shop))
            .await;
        browser.says("Differences").await;
        browser.picture("mismatches-en", DESK).await;
    });
}

#[test]
fn r58_an_order_becomes_paid_when_paygent_tells_of_the_sale_and_not_before() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        browser.tick("234", "capture").await;
        browser.run("capture").await;
        browser.click("#paygent-ok").await;
        browser.says("受注番号：234 → 売上成功").await;
        let order = format!("{}admin/orders/234", demo.shop);
        let is_paid = async || {
            browser.open(&order).await;
            let status = browser.find("select[name=status]").await;
            status.prop("value").await.unwrap().as_deref() == Some("paid")
        };
        assert!(!is_paid().await, "売上 alone changes no 対応状況");
        // The demo lets a minute pass before it tells; that is over now.
        control(demo, "settings", &json!({"notice_delay_ms": 0}));
        let told = tokio::time::timeout(Duration::from_secs(20), async { while !is_paid().await {} }).await;
        told.expect("入金済み, once the notice came");
        browser
            .open(&format!("{}admin/paygent/payments/orders/234", demo.shop))
            .await;
        browser.says("通知").await;
        browser.picture("order-noticed-ja", DESK).await;
        browser.is_accessible("an order's page with notices").await;
    });
}

#[test]
fn r37_r62_r65_an_edited_amount_is_seen_warned_of_and_changed() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        for (order, amount) in [("233", "2800"), ("217", "1500")] {
            browser.reprice(demo, order, amount).await;
        }
        browser.list(demo, "").await;
        assert!(browser.cell("233", 9).await.contains("決済額 ¥3,200"), "R65");
        assert!(
            browser.cell("233", 4).await.starts_with("オーソリ変更")
                && browser.cell("217", 4).await.starts_with("売上変更")
        );

        browser.tick("233", "capture").await;
        browser.tick("234", "capture").await;
        browser.run("capture").await;
        browser
            .says("購入金額は¥2,800に変わっていますが、変更前の¥3,200で請求されます")
            .await;
        browser.picture("preflight-ja", DESK).await;
        browser.click("#paygent-no").await;

        browser.click("[data-all=change]").await;
        browser.run("change").await;
        browser.says("オーソリ変更 ¥3,200 → ¥2,800").await;
        browser.says("売上変更 ¥2,100 → ¥1,500").await;
        browser.says("変更は必要ありません").await;
        browser.says("すでにカード会社の締日を過ぎている可能性があります").await;
        browser.picture("preflight-change-ja", DESK).await;
        browser.click("#paygent-ok").await;
        browser.says("2件が成功しました").await;
        browser.says("受注番号：217 → 売上変更成功").await;
        assert_eq!(
            (browser.cell("233", 3).await, browser.cell("233", 9).await),
            ("オーソリ変更".into(), "¥2,800".into())
        );

        browser.click("tr[data-order='217'] .order a").await;
        browser.says("注文 217 の決済").await;
        browser.says("売上の金額を¥2,100から¥1,500に減らす訂正").await;
        browser.click("#paygent-inquire").await;
        browser.says("決済の状態に変わりはありません").await;
        browser.click(".events details").await;
        browser.picture("order-payment-ja", DESK).await;
        browser.is_accessible("an order's page").await;
        browser.run("void").await;
        browser.says("選択した1件の注文を取り消します").await;
        browser.click("#paygent-ok").await;
        browser.says("受注番号：217 → 売上キャンセル成功").await;
        assert_eq!(
            (browser.cell("217", 3).await, browser.cell("217", 10).await),
            ("売上キャンセル".into(), "注文取消し".into())
        );
        browser
            .open(&format!("{}admin/paygent/payments/orders/217?lang=en", demo.shop))
            .await;
        browser.says("Payment of order 217").await;
        browser.picture("order-payment-en", DESK).await;
        browser.is_accessible("an order's page in English").await;
    });
}

#[test]
fn r26_r27_the_detailed_search_opens_narrows_and_is_kept_on_the_way_back() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        browser.click(".detail > summary").await;
        browser.find("#paygent-kana").await.send_keys("カイイン").await.unwrap();
        browser
            .find("input[name=amount_from]")
            .await
            .send_keys("3,000")
            .await
            .unwrap();
        browser.click("input[name=payment][value=authorised]").await;
        browser.click("input[name=column][value=gateway]").await;
        browser.click(".search button[type=submit]").await;
        browser.says("検索結果：2件が該当しました").await;
        browser.picture("search-ja", (1400, 1350)).await;
        browser.is_accessible("the detailed search").await;
        browser.click("th a[href*='sort=amount']").await;
        browser.says("検索結果：2件が該当しました").await;
        let numbers = "return [...document.querySelectorAll('tr[data-order]')].map((row) => row.dataset.order).join()";
        assert_eq!(browser.evaluate(numbers).await, "234,233", "the dearest first");
        browser.click("th a[href*='sort=amount']").await;
        browser.says("検索結果：2件が該当しました").await;
        assert_eq!(browser.evaluate(numbers).await, "233,234");
        browser.click("tr[data-order='233'] .order a").await;
        browser.says("注文 233 の決済").await;
        browser.click("main p a").await;
        browser.says("検索結果：2件が該当しました").await;
        assert_eq!(browser.evaluate(numbers).await, "233,234", "search and order are kept");
        browser.click(".submit a[href*='near=1']").await;
        browser.says("検索結果：0件が該当しました").await;
    });
}

#[test]
fn n08_a_run_under_way_shows_its_progress_and_its_result_is_kept() {
    // The clock must run: the answer that is lost is looked up by it.
    in_browser_with(Demo::started(&[]), async |browser, demo| {
        browser.log_in(demo).await;
        control(
            demo,
            "faults",
            &json!({"kind": "022", "times": 1, "fault": "drop_after"}),
        );
        browser.click("[data-all=capture]").await;
        browser.run("capture").await;
        browser.says("選択した2件の注文を売上処理します").await;
        browser.click("#paygent-ok").await;
        browser.says("2件中1件が終わりました").await;
        browser.picture("list-running-ja", DESK).await;
        browser.says("2件が成功しました").await;
        browser.click(".results .note a").await;
        browser.says("処理時間：").await;
        browser.picture("run-ja", DESK).await;
        browser.is_accessible("a run's page").await;
        browser.open(&format!("{}admin/paygent/payments/bulk", demo.shop)).await;
        browser.says("一括売上").await;
        browser.picture("runs-ja", DESK).await;
        browser.is_accessible("all runs").await;
    });
}

#[test]
fn the_list_is_worked_by_the_keyboard_alone() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        browser
            .evaluate("document.querySelector(\"tr[data-order='234'] input[data-column=capture]\").focus()")
            .await;
        let press = async |key: Key| {
            browser
                .driver
                .active_element()
                .await
                .unwrap()
                .send_keys(key + "")
                .await
                .unwrap()
        };
        let focused = "const box = document.activeElement; return `${box.name} ${box.value}`";
        press(Key::Down).await;
        assert_eq!(browser.evaluate(focused).await, "order_capture 233");
        press(Key::Right).await;
        assert_eq!(browser.evaluate(focused).await, "order_void 233");
        press(Key::Up).await;
        assert_eq!(browser.evaluate(focused).await, "order_void 234");
        press(Key::Left).await;
        press(Key::Space).await;
        assert_eq!(browser.evaluate("return document.activeElement.checked").await, true);
        browser
            .evaluate("document.querySelector('button[value=capture]').focus()")
            .await;
        press(Key::Enter).await;
        browser.says("選択した1件の注文を売上処理します").await;
        assert_eq!(
            browser.evaluate("return document.activeElement.id").await,
            "paygent-ok",
            "the answer is at hand"
        );
        press(Key::Escape).await;
        assert_eq!(browser.cell("234", 3).await, "", "Escape does nothing");
        browser
            .evaluate("document.querySelector('button[value=capture]').focus()")
            .await;
        press(Key::Enter).await;
        browser.says("選択した1件の注文を売上処理します").await;
        press(Key::Enter).await;
        browser.says("受注番号：234 → 売上成功").await;

        // Shift and a click tick a range.
        let click = "const [from, to] = ['233', '217'].map((order) => document.querySelector(`tr[data-order='${order}'] input[data-column=void]`)); \
            from.click(); to.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey: true })); \
            return document.querySelectorAll('input[data-column=void]:checked').length";
        assert_eq!(browser.evaluate(click).await, 2);
    });
}

#[test]
fn n28_settings_and_self_check_in_both_languages() {
    // The shop's clock is the gateway's.
    in_browser_with(Demo::started(&[]), async |browser, demo| {
        browser.log_in(demo).await;
        for (language, title, check, picture) in [
            ("ja", "設定と自己診断", "つながります", "settings-ja"),
            ("en", "Settings and self-check", "works", "settings-en"),
        ] {
            browser
                .open(&format!("{}admin/paygent/settings?lang={language}", demo.shop))
                .await;
            browser.says(title).await;
            browser.click("#paygent-check").await;
            browser.says(check).await;
            browser.picture(picture, (1400, 1350)).await;
            browser.is_accessible(title).await;
        }
    });
}

#[test]
fn every_page_of_the_plugin_keeps_the_rules_of_accessibility_in_both_languages() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        for language in ["ja", "en"] {
            for path in [
                "",
                "?nothing=1",
                "?q=none",
                "?status=pending",
                "/bulk",
                "/orders/234",
                "/orders/235",
                "/orders/217",
            ] {
                browser.list(demo, path).await;
                let joint = if path.contains('?') { '&' } else { '?' };
                browser.list(demo, &format!("{path}{joint}lang={language}")).await;
                browser.is_accessible(&format!("{path} in {language}")).await;
            }
            browser
                .open(&format!("{}admin/paygent/payments/orders/none", demo.shop))
                .await;
            browser.is_accessible("a page that is not there").await;
            browser.open(&format!("{}?lang={language}", demo.shop)).await;
            browser.click("input[name=product][value='5'] + button").await;
            browser.click("#to-checkout").await;
            browser.click("#to-confirm").await;
            browser.click("#place").await;
            browser.find("#number").await;
            browser.is_accessible("the card page").await;
            browser.click("#pay-now").await;
            browser.find("[aria-invalid=true]").await;
            browser.is_accessible("the card page with errors").await;
            browser.click("form.back button").await;
            browser.find("#place").await;
        }
        browser.open(&demo.shop).await;
        browser.click("#login").await;
        browser.find("form[action='/logout']").await;
        for (language, card) in [("ja", GOOD), ("en", OTHER_GOOD)] {
            browser
                .open(&format!("{}paygent/cards?lang={language}", demo.shop))
                .await;
            browser.is_accessible("the stored cards").await;
            browser.type_card(card).await;
            browser.click("#pay-now").await;
            browser.find(".cards").await;
            browser.find("main [role=status]").await;
            browser.click(".cards summary").await;
            browser.is_accessible("a stored card that may be deleted").await;
            browser.open(&demo.shop).await;
            browser.click("input[name=product][value='5'] + button").await;
            browser.click("#to-checkout").await;
            browser.click("#to-confirm").await;
            browser.click("#place").await;
            browser.find("#wallet").await;
            browser.is_accessible("the card page with stored cards").await;
            browser.click("input[name=stored_card][value='']").await;
            browser.is_accessible("the card page where one can be stored").await;
            browser.click("form.back button").await;
            browser.find("#place").await;
        }
    });
}

#[test]
fn the_csv_is_one_click_away_and_no_staff_page_loads_anything_from_elsewhere() {
    in_browser(async |browser, demo| {
        browser.log_in(demo).await;
        let link = browser.find("#paygent-csv").await.attr("href").await.unwrap().unwrap();
        let url = format!("{}{}", demo.shop.trim_end_matches('/'), link);
        let file = http("GET", &url, &[("cookie", "staff=1; lang=ja")], "");
        assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
        assert!(
            file.body.starts_with('\u{feff}') && file.body.contains("\"234\""),
            "{}",
            file.body
        );
        for path in ["payments", "payments/bulk", "payments/orders/234", "settings"] {
            browser.open(&format!("{}admin/paygent/{path}", demo.shop)).await;
            let loaded = "return performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => !name.endsWith('/favicon.ico')).join()";
            assert_eq!(browser.evaluate(loaded).await, "", "{path}");
            let own = "return [...document.querySelectorAll('.paygent style, .paygent script, .paygent ~ script')].map((node) => node.textContent.length).reduce((sum, length) => sum + length, 0) \
                + [...document.querySelectorAll('style')].map((node) => node.textContent.length).reduce((sum, length) => sum + length, 0)";
            assert!(browser.evaluate(own).await.as_u64().unwrap() < 100_000);
        }
    });
}
