//! What people see, in a real Chromium: a shopper buys, is refused, goes back; the staff capture from the list.
//!
//! `UPDATE_SCREENS=1` keeps the pictures in `tests/screens`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use thirtyfour::prelude::*;

use crate::boundary::root;
use crate::three_ds::CHALLENGE;
use crate::world::{ANSWER_LOST, GOOD, OTHER_GOOD, UNUSABLE, http, words};

/// The demo with the guide's orders, its clock on the guide's day.
pub(crate) struct Demo {
    child: Child,
    pub(crate) shop: String,
    pub(crate) simulator: String,
}

impl Demo {
    pub(crate) fn start() -> Self {
        Self::started(&["--pin-clock", "2020-11-26"])
    }

    pub(crate) fn started(clock: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_host-shim"))
            .args(["demo", "--port", "0"])
            .args(clock)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = |name: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
        };
        Self {
            shop: address("shop="),
            simulator: address("simulator="),
            child,
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Asks a process to end, as Ctrl-C does, and waits for it.
fn stop(child: &mut Child) {
    let ended = Command::new("sh")
        .args(["-c", "kill $0", &child.id().to_string()])
        .status();
    assert!(ended.is_ok_and(|status| status.success()));
    child.wait().unwrap();
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}

pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    _chromedriver: Running,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With arguments of Chromium's.
    pub(crate) async fn start_with(more: &[String]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let started = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed");
        let chromedriver = Running(started);
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=ja",
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            wanted.add_arg(argument).unwrap();
        }
        for argument in more {
            wanted.add_arg(argument).unwrap();
        }
        let url = format!("http://127.0.0.1:{port}");
        for _ in 0..100 {
            if let Ok(driver) = WebDriver::new(&url, wanted.clone()).await {
                return Self {
                    driver,
                    _chromedriver: chromedriver,
                    _profile: profile,
                };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("chromedriver does not answer at {url}");
    }

    pub(crate) async fn end(self) {
        self.driver.clone().quit().await.unwrap();
    }

    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// The element, once it is there.
    pub(crate) async fn find(&self, css: &str) -> WebElement {
        let found = self.driver.query(By::Css(css)).first().await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("no {css}: {error}\n{}", self.text().await),
        }
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    pub(crate) async fn text(&self) -> String {
        self.driver.find(By::Css("body")).await.unwrap().text().await.unwrap()
    }

    /// Waits until the page says it.
    pub(crate) async fn says(&self, text: &str) {
        for _ in 0..200 {
            if let Ok(body) = self.driver.find(By::Css("body")).await
                && body.text().await.is_ok_and(|shown| shown.contains(text))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{text} is not on the page:\n{}", self.text().await);
    }

    pub(crate) async fn type_card(&self, number: &str) {
        for (field, text) in [
            ("#number", number),
            ("#expiry", "1230"),
            ("#cvc", "123"),
            ("#name", "TARO YAMADA"),
        ] {
            self.find(field).await.send_keys(text).await.unwrap();
        }
    }

    /// Types a card on the simulator's page of the link type, and pays.
    async fn type_at_paygent(&self, number: &str) {
        for (field, text) in [
            ("#link-number", number),
            ("#link-month", "12"),
            ("#link-year", "30"),
            ("#link-cvc", "123"),
        ] {
            self.find(field).await.send_keys(text).await.unwrap();
        }
        self.click("#link-pay").await;
    }

    pub(crate) async fn buy(&self, shop: &str) {
        self.open(shop).await;
        self.click("input[name=product][value='1'] + button").await;
        self.click("#to-checkout").await;
        self.click("#to-confirm").await;
        self.click("#place").await;
        self.says("カード番号").await;
    }

    /// The same where stored cards come before the number.
    async fn buy_as_member(&self, shop: &str) {
        self.open(shop).await;
        self.click("input[name=product][value='1'] + button").await;
        self.click("#to-checkout").await;
        self.click("#to-confirm").await;
        self.click("#place").await;
        self.says("お支払いに使うカード").await;
    }

    /// Keeps a picture, if pictures are wanted.
    pub(crate) async fn picture(&self, name: &str, (width, height): (u32, u32)) {
        if std::env::var_os("UPDATE_SCREENS").is_some() {
            self.driver.set_window_rect(0, 0, width, height).await.unwrap();
            self.driver
                .screenshot(&root().join(format!("tests/screens/{name}.png")))
                .await
                .unwrap();
        }
    }
}

const PHONE: (u32, u32) = (500, 1270);
pub(crate) const DESK: (u32, u32) = (1400, 1000);

pub(crate) fn in_browser(journey: impl AsyncFnOnce(&Browser, &Demo)) {
    in_browser_with(Demo::start(), journey);
}

pub(crate) fn in_browser_with(demo: Demo, journey: impl AsyncFnOnce(&Browser, &Demo)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let browser = Browser::start().await;
        browser.driver.set_window_rect(0, 0, DESK.0, DESK.1).await.unwrap();
        browser.open(&format!("{}?lang=ja", demo.shop)).await;
        journey(&browser, &demo).await;
        browser.end().await;
    });
}

#[test]
fn a_shopper_buys_is_refused_and_goes_back() {
    in_browser(async |browser, demo| {
        browser.buy(&demo.shop).await;
        browser.picture("card-ja", PHONE).await;
        browser.click("#pay-now").await;
        browser.says("カード番号をご確認ください").await;
        let focused = browser.driver.active_element().await.unwrap().id().await.unwrap();
        assert_eq!(
            focused.as_deref(),
            Some("number"),
            "focus goes to the first field that is wrong"
        );
        let number = browser.find("#number").await;
        assert_eq!(number.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
        number.send_keys("4111").await.unwrap();
        assert_eq!(
            browser.find("#brand").await.text().await.unwrap(),
            "VISA",
            "the brand shows while typing"
        );
        browser.driver.refresh().await.unwrap();

        browser.type_card(UNUSABLE).await;
        browser.click("#pay-now").await;
        browser.says("このカードはご利用いただけません").await;
        browser.picture("card-refused-ja", PHONE).await;
        browser.type_card(OTHER_GOOD).await;
        browser.find("#name").await.send_keys(Key::Enter + "").await.unwrap();
        browser.says("ご注文ありがとうございました").await;
        assert_eq!(browser.find("#order-number").await.text().await.unwrap(), "236");

        browser.buy(&demo.shop).await;
        browser.click("form.back button").await;
        browser.says("ご注文内容のご確認").await;
        browser.click("#place").await;
        browser.says("カード番号").await;
        browser.type_card(GOOD).await;
        browser.click("#pay-now").await;
        browser.says("ご注文ありがとうございました").await;
        browser.open(&demo.simulator).await;
        browser.says("オーソリ").await;
        browser.picture("simulator-ja", DESK).await;
    });
}

#[test]
fn ways_of_paying_off_follow_the_brand_that_is_typed() {
    in_browser(async |browser, demo| {
        browser.buy(&demo.shop).await;
        browser.click("#class option[value='80']").await;
        let is_open = async || {
            browser
                .find("#class option[value='80']")
                .await
                .is_enabled()
                .await
                .unwrap()
        };
        browser
            .find("#number")
            .await
            .send_keys("5555555555554444")
            .await
            .unwrap();
        assert!(is_open().await, "Mastercard takes it");
        let number = browser.find("#number").await;
        number.clear().await.unwrap();
        number.send_keys("378282246310005").await.unwrap();
        assert!(!is_open().await, "AMEX does not");
        browser.says("一括払いに変更しました").await;
        assert_eq!(
            browser.find("#class").await.prop("value").await.unwrap().as_deref(),
            Some("10")
        );
        browser.picture("card-class", PHONE).await;
    });
}

#[test]
fn three_d_secure_in_a_frame_leads_the_whole_window_on() {
    let demo = Demo::started(&["--pin-clock", "2020-11-26", "--set", "card.three_ds.frame=true"]);
    in_browser_with(demo, async |browser, demo| {
        browser.buy(&demo.shop).await;
        browser.type_card(CHALLENGE).await;
        browser.click("#pay-now").await;
        browser.says("本人認証をお願いします").await;
        let frame = browser.find("#acs").await;
        frame.enter_frame().await.unwrap();
        browser.says("本人認証サービス").await;
        browser.picture("authenticate-ja", PHONE).await;
        browser.find("#acs-password").await.send_keys("1234").await.unwrap();
        // The click takes the frame away with the whole window: a driver that waits for the frame's next page may wait for ever.
        let click = "setTimeout(() => document.querySelector('#acs-ok').click())";
        browser.driver.execute(click, Vec::new()).await.unwrap();
        browser.driver.enter_default_frame().await.unwrap();
        browser.says("ご注文ありがとうございました").await;

        // An issuer that cannot be framed is one link away, and a refusal leads back to the card page.
        browser.buy(&demo.shop).await;
        browser.type_card(CHALLENGE).await;
        browser.click("#pay-now").await;
        browser.click("#whole").await;
        browser.says("本人認証サービス").await;
        browser.click("#acs-cancel").await;
        browser.says("本人認証（3Dセキュア）ができませんでした").await;
        assert!(browser.find("#number").await.is_displayed().await.unwrap());
    });
}

#[test]
fn a_shopper_types_the_card_on_paygents_page_is_refused_pays_and_goes_back() {
    let demo = Demo::started(&["--pin-clock", "2020-11-26", "--set", "card.entry=link"]);
    in_browser_with(demo, async |browser, demo| {
        browser.buy(&demo.shop).await;
        browser.picture("link-ja", PHONE).await;
        browser.click("#pay-now").await;
        browser.says("シミュレータ（テスト用）").await;
        browser.picture("link-paygent-ja", PHONE).await;
        browser.driver.back().await.unwrap();
        browser.driver.refresh().await.unwrap();
        browser.says("お支払いの途中です").await;
        browser.picture("link-begun-ja", PHONE).await;
        browser.click("#pay-now").await;
        browser.type_at_paygent(UNUSABLE).await;
        browser.says("別のカードをお試しください").await;
        browser.type_at_paygent(OTHER_GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!(browser.find("#order-number").await.text().await.unwrap(), "236");

        browser.buy(&demo.shop).await;
        browser.click("#pay-now").await;
        browser.click("#link-stop").await;
        browser.says("ご注文内容のご確認").await;
        browser.click("#place").await;
        browser.says("ペイジェントの画面へ進む").await;
        browser.click("form.back button").await;
        browser.says("ご注文内容のご確認").await;
    });
}

#[test]
fn r09_the_browsers_own_way_back_and_the_button_differ() {
    in_browser(async |browser, demo| {
        browser.buy(&demo.shop).await;
        browser.driver.back().await.unwrap();
        browser.open(&format!("{}admin", demo.shop)).await;
        browser.click("#staff-login").await;
        browser.says("検索結果：5件が該当しました").await;
        browser
            .open(&format!("{}admin/paygent/payments?status=pending", demo.shop))
            .await;
        browser.says("検索結果：2件が該当しました").await;
        browser.open(&format!("{}admin/ledger", demo.shop)).await;
        assert_eq!(
            browser.find("[data-stock='1']").await.text().await.unwrap(),
            "89",
            "R10: held"
        );

        browser.open(&format!("{}confirm", demo.shop)).await;
        browser.click("#place").await;
        browser.click("form.back button").await;
        browser.says("ご注文内容のご確認").await;
        browser
            .open(&format!("{}admin/paygent/payments?status=pending", demo.shop))
            .await;
        browser.says("検索結果：1件が該当しました").await;
        browser.open(&format!("{}admin/orders", demo.shop)).await;
        assert!(!browser.text().await.contains("236"), "in no list");
        browser.open(&format!("{}admin/ledger", demo.shop)).await;
        assert_eq!(browser.find("[data-stock='1']").await.text().await.unwrap(), "90");
    });
}

#[test]
fn a_lost_answer_shows_that_it_is_checked_and_moves_on_by_itself() {
    // The clock must run: the inquiry falls due by it.
    in_browser_with(Demo::started(&[]), async |browser, demo| {
        browser.buy(&demo.shop).await;
        browser.type_card(ANSWER_LOST).await;
        browser.click("#pay-now").await;
        browser.says("お支払いを確認しています").await;
        browser.picture("confirming-ja", PHONE).await;
        browser.says("ご注文ありがとうございました").await;
        browser.open(&format!("{}admin", demo.shop)).await;
        browser.click("#staff-login").await;
        browser.says("検索結果：6件が該当しました").await;
        browser.open(&format!("{}admin/orders/236", demo.shop)).await;
        browser.picture("order-ja", DESK).await;
    });
}

#[test]
fn the_shop_and_the_card_page_speak_english_too() {
    in_browser(async |browser, demo| {
        browser.buy_in_english(&demo.shop).await;
        browser.picture("card-en", PHONE).await;
    });
}

impl Browser {
    async fn buy_in_english(&self, shop: &str) {
        self.open(&format!("{shop}?lang=en")).await;
        self.picture("shop-en", DESK).await;
        self.click("input[name=product][value='2'] + button").await;
        self.click("#to-checkout").await;
        self.click("#to-confirm").await;
        self.click("#place").await;
        self.says("Card number").await;
    }
}

#[test]
fn a_member_stores_a_card_pays_with_it_and_deletes_it() {
    in_browser(async |browser, demo| {
        browser.click("#login").await;
        browser.find("form[action='/logout']").await;
        browser.buy(&demo.shop).await;
        browser.says("このカードを登録する").await;
        browser.type_card(GOOD).await;
        browser.click("#store").await;
        browser.click("#pay-now").await;
        browser.says("ご注文ありがとうございました").await;

        browser.open(&format!("{}mypage", demo.shop)).await;
        browser.click("#stored-cards").await;
        browser.says("VISA ************1111").await;
        browser.type_card("378282246310005").await;
        browser.find("#cvc").await.send_keys("4").await.unwrap();
        browser.click("#pay-now").await;
        browser.says("カードを登録しました").await;
        browser.says("AMEX ***********0005").await;

        browser.buy_as_member(&demo.shop).await;
        assert!(
            !browser.find("#number").await.is_displayed().await.unwrap(),
            "a stored card is chosen"
        );
        browser.picture("card-wallet-ja", PHONE).await;
        browser.click("#pay-now").await;
        browser.says("セキュリティコードをご確認ください").await;
        browser.find("#cvc").await.send_keys("123").await.unwrap();
        browser.click("input[name=stored_card][value='']").await;
        assert!(browser.find("#number").await.is_displayed().await.unwrap());
        browser.click("input[name=stored_card][data-of=amex]").await;
        browser.click("#pay-now").await;
        browser.says("セキュリティコードをご確認ください").await;
        browser.find("#cvc").await.send_keys("4").await.unwrap();
        browser.click("#pay-now").await;
        browser.says("ご注文ありがとうございました").await;

        browser.open(&format!("{}paygent/cards", demo.shop)).await;
        let button = "li:first-child details button";
        assert!(
            !browser.find(button).await.is_displayed().await.unwrap(),
            "it asks first"
        );
        browser.click("li:first-child summary").await;
        browser.says("このカードを削除しますか？").await;
        browser.picture("cards-ja", PHONE).await;
        browser.click(button).await;
        browser.says("カードを削除しました").await;
        assert!(!browser.text().await.contains("1111"));
        browser.open(&format!("{}paygent/cards?lang=en", demo.shop)).await;
        browser.says("Store a card").await;
        browser.picture("cards-en", PHONE).await;
        browser.click(".back a").await;
        browser.says("My page").await;
    });
}

#[test]
fn without_javascript_the_card_page_says_so_and_the_list_still_works() {
    let demo = Demo::start();
    let cookie = ("cookie", "session=0123456789abcdef0123456789abcdef; staff=1");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let post = |path: &str, body: &str| http("POST", &format!("{}{path}", demo.shop), &[cookie, form], body);
    let get = |path: &str| http("GET", &format!("{}{path}", demo.shop), &[cookie], "").body;
    post("cart/add", "product=1");
    post("checkout", "family_name=A&given_name=B");
    let card_page = post("confirm", "")
        .header("location")
        .and_then(|address| address.strip_prefix(&demo.shop))
        .unwrap()
        .to_owned();
    assert!(
        get(&card_page).contains("<noscript><p class=\"no-script\">このページでのお支払いには JavaScript が必要です")
    );
    let list = get("admin/paygent/payments");
    let csrf = list
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let ran = post(
        "admin/paygent/payments/bulk",
        &format!("csrf={csrf}&operation=capture&order_capture=233"),
    );
    let result = get(ran.header("location").unwrap().trim_start_matches('/'));
    assert!(result.contains("受注番号：233 → 売上成功"));
}

#[test]
fn the_demo_stands_as_the_guides_figures_do() {
    let demo = Demo::start();
    let rows = |query: &str| -> Vec<String> {
        let url = format!("{}admin/paygent/payments{query}", demo.shop);
        let list = http("GET", &url, &[("cookie", "staff=1; lang=ja")], "").body;
        let rows = list
            .split("<tr data-order=")
            .skip(1)
            .map(|row| row.split("</tr>").next().unwrap());
        rows.map(|row| words(&format!("<tr {row}"))).collect()
    };
    insta::assert_snapshot!("guide_default_list", rows("").join("\n"));
    insta::assert_snapshot!("guide_pending_list", rows("?status=pending").join("\n"));
}
