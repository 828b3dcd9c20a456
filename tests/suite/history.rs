//! A browser's history: back, forward, a page that is old, a second tab, a browser that was closed. In a real Chromium, which
//! reaches shop and gateway by two names of their own over TLS, as browsers do.
//!
//! What is defined: the browser's own way back withdraws nothing (R10), a page that comes back shows how things stand, a used
//! or outdated form never pays, and however the browser fares, one order is paid once.

use std::time::Duration;

use base64::Engine as _;
use host_shim::shop::Status;
use openssl::hash::MessageDigest;
use serde_json::json;

use crate::browser::Browser;
use crate::peer::{Apache, Identity};
use crate::three_ds::CHALLENGE;
use crate::world::{GOOD, World};

const SHOP: &str = "shop.example";
const GATEWAY: &str = "gateway.test";

/// Shop, simulator and the server before both.
struct Site {
    world: World,
    apache: Apache,
    /// The servers' keys, as Chromium pins them.
    trusted: String,
}

impl Site {
    fn start() -> Self {
        let world = World::known_as(&format!("https://{SHOP}/"), &format!("https://{GATEWAY}/"));
        let (shop, gateway) = (Identity::alone(SHOP), Identity::alone(GATEWAY));
        let pinned = [&shop, &gateway].map(|identity| {
            let key = identity.key.public_key_to_der().unwrap();
            let digest = openssl::hash::hash(MessageDigest::sha256(), &key).unwrap();
            base64::engine::general_purpose::STANDARD.encode(digest)
        });
        let apache = Apache::for_browsers(&world, (SHOP, &shop), (GATEWAY, &gateway));
        Self {
            world,
            apache,
            trusted: pinned.join(","),
        }
    }

    async fn browser(&self) -> Browser {
        let to = self.apache.address();
        Browser::start_with(&[
            format!("--host-resolver-rules=MAP {SHOP} {to},MAP {GATEWAY} {to}"),
            format!("--ignore-certificate-errors-spki-list={}", self.trusted),
        ])
        .await
    }

    /// How the orders that browsers made stand.
    fn orders(&self) -> Vec<Status> {
        let orders = self.world.adapter.shop.orders(&Status::ALL).unwrap();
        orders.iter().map(|order| order.status()).collect()
    }

    /// Payments that hold money.
    fn live(&self) -> usize {
        let payments = self.world.payments();
        payments
            .iter()
            .filter(|payment| matches!(payment["status"].as_i64(), Some(20 | 40)))
            .count()
    }
}

impl Browser {
    async fn shop(&self) {
        self.open(&format!("https://{SHOP}/?lang=ja")).await;
    }

    async fn to_the_card_page(&self) {
        self.buy(&format!("https://{SHOP}/")).await;
    }

    async fn pays(&self, card: &str) {
        self.type_card(card).await;
        self.click("#pay-now").await;
    }

    async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }
}

fn at(site: &Site, journey: impl AsyncFnOnce(&Site, &Browser)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let browser = site.browser().await;
        browser.shop().await;
        journey(site, &browser).await;
        browser.end().await;
    });
}

#[test]
fn r10_the_browsers_way_back_to_the_confirmation_keeps_the_order_and_it_can_be_paid() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        let card_page = browser.path().await;
        browser.driver.back().await.unwrap();
        assert!(browser.path().await.contains("confirm"));
        assert_eq!(
            site.orders(),
            [Status::Pending],
            "決済処理中, as any way out but 「戻る」 leaves it"
        );

        browser.driver.forward().await.unwrap();
        browser.says("カード番号").await;
        assert_eq!(browser.path().await, card_page, "the same order's page");
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
}

#[test]
fn a_confirmation_that_is_pressed_again_after_going_back_pays_one_order() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        browser.driver.back().await.unwrap();
        browser.click("#place").await;
        browser.says("カード番号").await;
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        let placed = site.orders().iter().filter(|status| **status == Status::New).count();
        assert_eq!((placed, site.live()), (1, 1), "{:?}", site.orders());
    });
}

#[test]
fn a_paid_order_that_is_gone_back_from_shows_that_it_is_paid() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        let complete = browser.path().await;
        // Through the gateway's page and the card page, as far as the history goes: neither takes a card again.
        for _ in 0..3 {
            browser.driver.back().await.unwrap();
            let there = browser.path().await;
            if there.contains("/paygent/") {
                panic!("{there} is shown of a paid order: {}", browser.text().await);
            }
            if !there.contains("complete") {
                break;
            }
        }
        browser.open(&format!("https://{SHOP}{complete}")).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
}

#[test]
fn a_refused_cards_page_out_of_the_history_takes_another_card_and_one_payment() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        browser.pays(crate::world::UNUSABLE).await;
        browser.says("このカードはご利用いただけません").await;
        browser.driver.back().await.unwrap();
        browser.says("カード番号").await;
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
}

#[test]
fn a_page_that_chromium_kept_whole_is_drawn_anew() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        let form = async || {
            let input = browser.find("#pay input[name=form]").await;
            input.prop("value").await.unwrap().unwrap()
        };
        let first = form().await;
        // As Chromium does for a page that it kept whole, also one that it does not keep by itself.
        browser
            .driver
            .execute(
                "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))",
                vec![],
            )
            .await
            .unwrap();
        tokio::time::timeout(Duration::from_secs(20), async {
            while form().await == first {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("another form, for the one of before may be used");
        assert_eq!(site.orders(), [Status::Pending]);
    });
}

#[test]
fn a_form_that_lay_open_for_hours_pays_nothing_and_is_drawn_anew() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        site.world.pass(3 * 3_600);
        browser.pays(GOOD).await;
        browser.says("カード番号").await;
        assert!(browser.path().await.starts_with("/paygent/pay/"));
        assert_eq!(site.live(), 0);
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
}

#[test]
fn a_card_token_that_ran_out_during_3d_secure_leads_back_to_the_card_page() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        browser.pays(CHALLENGE).await;
        browser.says("本人認証サービス").await;
        let _: serde_json::Value = site
            .world
            .control("POST", "clock", &json!({"advance_secs": 3 * 3_600}).to_string());
        browser.find("#acs-password").await.send_keys("1234").await.unwrap();
        browser.click("#acs-ok").await;
        browser.says("もう一度カード情報をご入力ください").await;
        assert_eq!(site.live(), 0);
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
}

#[test]
fn a_second_tab_of_a_paid_order_is_led_to_the_end_of_it() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        let address = browser.driver.current_url().await.unwrap();
        let first = browser.driver.window().await.unwrap();
        let second = browser.driver.new_tab().await.unwrap();
        browser.driver.switch_to_window(second.clone()).await.unwrap();
        browser.open(address.as_str()).await;
        browser.says("カード番号").await;
        browser.driver.switch_to_window(first).await.unwrap();
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;

        browser.driver.switch_to_window(second).await.unwrap();
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
        assert_eq!(
            site.world.telegrams("020").len(),
            1,
            "the second tab's card was never asked for"
        );
    });
}

#[test]
fn n10_a_browser_that_lost_its_cookies_comes_back_from_3d_secure_to_the_end_of_the_order() {
    at(&Site::start(), async |site, browser| {
        browser.to_the_card_page().await;
        // The shop's, its session among them; the gateway sets none.
        browser.driver.delete_all_cookies().await.unwrap();
        browser.pays(CHALLENGE).await;
        browser.says("本人認証サービス").await;
        browser.find("#acs-password").await.send_keys("1234").await.unwrap();
        browser.click("#acs-ok").await;
        // Its language was a cookie too.
        browser.says("Thank you for your order").await;
        browser.says("Log in where you ordered to see it").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
}

#[test]
fn a_browser_that_is_closed_in_3d_secure_leaves_no_payment_and_another_goes_on() {
    let site = Site::start();
    let mut card_page = String::new();
    at(&site, async |_, browser| {
        browser.to_the_card_page().await;
        card_page = browser.driver.current_url().await.unwrap().to_string();
        browser.pays(CHALLENGE).await;
        browser.says("本人認証サービス").await;
    });
    assert_eq!((site.orders(), site.live()), (vec![Status::Pending], 0));
    at(&site, async |site, browser| {
        browser.open(&card_page).await;
        browser.says("カード番号").await;
        browser.pays(GOOD).await;
        browser.says("ご注文ありがとうございました").await;
        assert_eq!((site.orders(), site.live()), (vec![Status::New], 1));
    });
    for _ in 0..5 {
        site.world.pass(900);
        site.world.work();
    }
    assert_eq!(
        (site.orders(), site.live()),
        (vec![Status::New], 1),
        "and nothing comes after it"
    );
    assert_eq!(site.world.adapter.shop.mails().unwrap().len(), 1);
}
