//! EMV 3-D Secure: every way that a holder's authentication can go, and every way that a browser can come back from it.

use std::collections::BTreeMap;

use host_shim::library::{Called, Status as Outcome};
use host_shim::shop::Status;
use serde_json::json;

use crate::world::{Answer, CardPage, GOOD, World, code, http, outcome, text, words};

/// Asks for a password.
pub(crate) const CHALLENGE: &str = "4000000000003006";
const REFUSED: &str = "4000000000003014";
/// The holder is not enrolled.
pub(crate) const ATTEMPT: &str = "4000000000003022";
const TIMED_OUT: &str = "4000000000003030";
const ERROR: &str = "4000000000003048";
/// 31012: the brand has no 3-D Secure.
const NOT_OFFERED: &str = "4000000000003055";
/// 31007.
const DENIED: &str = "4000000000003063";

/// A shopper's browser on its way through 3-D Secure, without a single cookie.
pub(crate) struct Journey<'a> {
    pub(crate) world: &'a World,
    pub(crate) page: CardPage,
    /// The card company's page that the plugin showed.
    pub(crate) shown: Called,
}

impl<'a> Journey<'a> {
    pub(crate) fn begun(world: &'a World, card: &str) -> Self {
        let page = world.entered();
        let shown = world.pay(&page, card);
        Self { world, page, shown }
    }

    /// Where the gateway's page leads.
    fn acs(&self) -> String {
        let html = text(&self.shown.reply, "/body");
        let action = html
            .split("action=\"")
            .nth(1)
            .unwrap_or_else(|| panic!("no form: {html}"));
        action.split('"').next().unwrap().to_owned()
    }

    /// The card company's page is asked for, as its form does.
    fn at_the_card_company(&self) -> Answer {
        http("POST", &self.acs(), &[], "")
    }

    /// The holder types a password.
    fn typed(&self, password: &str) -> Answer {
        let form = ("content-type", "application/x-www-form-urlencoded");
        http(
            "POST",
            &format!("{}/answer", self.acs()),
            &[form],
            &format!("password={password}"),
        )
    }

    /// The address that the browser is sent back to, without any question asked.
    pub(crate) fn way_back(&self) -> String {
        self.at_the_card_company().header("location").unwrap().to_owned()
    }

    /// The browser comes back there.
    pub(crate) fn returned(&self) -> Called {
        self.comes_back(&self.way_back())
    }

    /// Where the browser is sent back to after whatever the card company asks for was answered rightly.
    pub(crate) fn authenticated(&self) -> String {
        let shown = self.at_the_card_company();
        let asked = shown.header("location").is_none().then(|| self.typed("1234"));
        let left = asked.as_ref().unwrap_or(&shown);
        left.header("location").unwrap().to_owned()
    }

    pub(crate) fn comes_back(&self, address: &str) -> Called {
        comes_back(self.world, address)
    }
}

/// A browser asks the plugin for a whole address of the shop.
pub(crate) fn comes_back(world: &World, address: &str) -> Called {
    let (path, query) = parts(world, address);
    world.shopper(&json!({"method": "GET", "path": path, "query": query}))
}

/// Path below the mount point, and query.
pub(crate) fn parts(world: &World, address: &str) -> (String, BTreeMap<String, String>) {
    let mount = format!("{}paygent", world.shop_url.as_deref().unwrap());
    let below = address
        .strip_prefix(&mount)
        .unwrap_or_else(|| panic!("not the shop's: {address}"));
    let (path, query) = below.split_once('?').unwrap();
    let fields = query.split('&').map(|pair| pair.split_once('=').unwrap());
    (
        path.to_owned(),
        fields
            .map(|(name, value)| (name.to_owned(), value.replace("%2A", "*")))
            .collect(),
    )
}

fn card_page_says(world: &World, page: &CardPage, sentence: &str) -> bool {
    words(&text(&world.show(page).reply, "/body")).contains(sentence)
}

#[test]
fn r18_an_authenticated_card_is_authorised_and_the_card_company_bears_chargebacks() {
    let world = World::reachable();
    let journey = Journey::begun(&world, GOOD);
    assert_eq!(outcome(&journey.shown), "authenticating");
    assert!(
        world.telegrams("020").is_empty(),
        "nothing is held before the holder is known"
    );
    let back = journey.returned();
    assert_eq!(outcome(&back), "placed", "{}", back.reply);
    assert_eq!(world.order(&journey.page.order).status(), Status::New);
    let asked = text(&world.telegrams("020")[0], "/request");
    assert!(
        asked.contains("3dsecure_use_type=2") && asked.contains("3ds_auth_id=") && !asked.contains("3dsecure_ryaku"),
        "{asked}"
    );
    assert!(
        world.order_page(&journey.page.order.order_id).says("カード会社"),
        "who bears chargebacks"
    );
    assert_eq!(
        world.list(&[("three_ds", "yes")]).numbers(),
        [journey.page.order.order_id.as_str()]
    );
}

#[test]
fn a_right_password_pays_and_a_wrong_one_three_times_leads_back_to_the_card_page() {
    let world = World::reachable();
    let first = Journey::begun(&world, CHALLENGE);
    assert!(first.at_the_card_company().body.contains("本人認証サービス"));
    let back = first.typed("1234").header("location").unwrap().to_owned();
    assert_eq!(outcome(&first.comes_back(&back)), "placed");

    let second = Journey::begun(&world, CHALLENGE);
    second.typed("0000");
    second.typed("0000");
    let back = second.typed("0000").header("location").unwrap().to_owned();
    let returned = second.comes_back(&back);
    assert_eq!(code(&returned), (Outcome::Refused, "card.declined".to_owned()));
    assert!(card_page_says(
        &world,
        &second.page,
        "本人認証（3Dセキュア）ができませんでした"
    ));
    assert_eq!(world.telegrams("020").len(), 1, "of the first one alone");
    let again = world.pay(&second.page, GOOD);
    assert_eq!(outcome(&again), "authenticating", "another card may be tried");
}

#[test]
fn a_card_that_is_not_enrolled_goes_on_at_the_shops_risk_unless_the_shop_refuses_it() {
    let world = World::reachable();
    let journey = Journey::begun(&world, ATTEMPT);
    assert_eq!(outcome(&journey.returned()), "placed");
    assert!(text(&world.telegrams("020")[0], "/request").contains("3ds_auth_id="));
    assert!(
        world.list(&[("three_ds", "yes")]).numbers().is_empty(),
        "the shop bears chargebacks"
    );

    let strict = World::reachable_with(|members| members["card"]["three_ds"]["accept_attempts"] = json!(false));
    let journey = Journey::begun(&strict, ATTEMPT);
    assert_eq!(outcome(&journey.returned()), "declined");
    assert!(card_page_says(
        &strict,
        &journey.page,
        "本人認証（3Dセキュア）に対応していません"
    ));
    assert!(strict.telegrams("020").is_empty());
}

#[test]
fn a_brand_without_three_d_secure_is_refused_unless_the_shop_takes_it() {
    let world = World::reachable();
    let journey = Journey::begun(&world, NOT_OFFERED);
    assert_eq!(outcome(&journey.shown), "declined");
    assert!(world.telegrams("020").is_empty());

    let lenient = World::reachable_with(|members| members["card"]["three_ds"]["accept_brands_without"] = json!(true));
    let journey = Journey::begun(&lenient, NOT_OFFERED);
    assert_eq!(outcome(&journey.shown), "placed");
    assert!(text(&lenient.telegrams("020")[0], "/request").contains("3dsecure_ryaku=1"));
    assert!(lenient.list(&[("three_ds", "yes")]).numbers().is_empty());
}

#[test]
fn a_refusal_and_an_error_at_the_card_company_lead_back_to_the_card_page() {
    for card in [REFUSED, ERROR, DENIED] {
        let world = World::reachable();
        let journey = Journey::begun(&world, card);
        let ended = match outcome(&journey.shown).as_str() {
            "authenticating" => outcome(&journey.returned()),
            at_once => at_once.to_owned(),
        };
        assert_eq!(ended, "declined", "{card}");
        assert!(card_page_says(&world, &journey.page, "本人認証"), "{card}");
        assert!(
            world.telegrams("020").is_empty() && world.payments().is_empty(),
            "{card}"
        );
        assert_eq!(
            world.order(&journey.page.order).status(),
            Status::Pending,
            "{card}: R10"
        );
    }
}

#[test]
fn a_gateway_that_does_not_answer_450_leaves_nothing_asked_for() {
    let world = World::reachable();
    world.fault("450", &json!("drop_before"));
    let journey = Journey::begun(&world, GOOD);
    assert_eq!(outcome(&journey.shown), "not_executed");
    assert_eq!(
        outcome(&world.pay(&journey.page, GOOD)),
        "authenticating",
        "at once again"
    );
}

#[test]
fn a_time_out_comes_back_without_any_browser_and_ends_the_attempt() {
    let world = World::reachable();
    let journey = Journey::begun(&world, TIMED_OUT);
    let left_there = journey.at_the_card_company();
    assert!(left_there.body.contains("時間切れになりました"), "{}", left_there.body);
    assert!(card_page_says(
        &world,
        &journey.page,
        "本人認証（3Dセキュア）ができませんでした"
    ));
    assert!(world.telegrams("020").is_empty());
}

#[test]
fn b04_a_browser_that_never_comes_back_leaves_a_pending_order_and_no_money() {
    let world = World::reachable();
    let journey = Journey::begun(&world, CHALLENGE);
    world.pass(36 * 60);
    world.work();
    assert!(world.telegrams("020").is_empty() && world.payments().is_empty());
    assert_eq!(world.order(&journey.page.order).status(), Status::Pending, "R10");
    let late = journey.typed("1234").header("location").unwrap().to_owned();
    assert_eq!(
        outcome(&journey.comes_back(&late)),
        "not_executed",
        "too late: the card page again"
    );
    assert!(world.telegrams("020").is_empty());
}

#[test]
fn b08_n10_the_return_needs_no_cookie_no_session_and_not_even_the_same_browser() {
    let world = World::reachable();
    let journey = Journey::begun(&world, GOOD);
    let answer = http("GET", &journey.way_back(), &[("sec-fetch-site", "cross-site")], "");
    assert_eq!(answer.status, 303, "{}", answer.body);
    let complete = format!("/complete/{}", journey.page.order.order_id);
    assert_eq!(answer.header("location"), Some(complete.as_str()));
    assert_eq!(
        answer.header("set-cookie"),
        None,
        "the browser's own session is left alone"
    );
    assert_eq!(world.order(&journey.page.order).status(), Status::New);
    let url = world.shop_url.as_deref().unwrap().trim_end_matches('/');
    let elsewhere = http("GET", &format!("{url}{complete}"), &[], "").body;
    assert!(
        elsewhere.contains("ご注文を承りました") && !elsewhere.contains("¥3,300"),
        "{elsewhere}"
    );
}

#[test]
fn b15_a_return_that_comes_a_hundred_times_is_one_payment() {
    let world = World::reachable();
    let journey = Journey::begun(&world, GOOD);
    let address = journey.way_back();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(http("GET", &address, &[], ""))));
        }
    });
    world.pass(7 * 24 * 3_600);
    assert_eq!(outcome(&journey.comes_back(&address)), "placed", "a week later, too");
    assert_eq!(world.telegrams("020").len(), 1);
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
    assert_eq!(world.payments().len(), 1);
}

/// Nothing moved: no telegram, no payment, no effect, the order still on the card page.
fn nothing_moved(world: &World, page: &CardPage) {
    assert!(world.telegrams("020").is_empty() && world.payments().is_empty());
    assert_eq!(world.order(&page.order).status(), Status::Pending);
    assert!(world.adapter.shop.mails().unwrap().is_empty());
}

#[test]
fn s06_a_forged_or_edited_return_moves_nothing() {
    let world = World::reachable();
    let journey = Journey::begun(&world, REFUSED);
    let (path, honest) = parts(&world, &journey.way_back());
    let hash = &honest["hc"];
    let mut flipped = hash.clone();
    flipped.replace_range(..1, if hash.starts_with('0') { "1" } else { "0" });
    let forgeries: [(&str, &str); 7] = [
        ("result", "0"),
        ("hc", ""),
        ("hc", &flipped),
        ("hc", &hash.to_uppercase()),
        ("hc", &hash[..63]),
        (
            "hc",
            "0e462097431906509019562988736854000000000000000000000000000000000",
        ),
        ("3ds_auth_id", "11111111-1111-1111-1111-111111111111"),
    ];
    for (name, value) in forgeries {
        let mut query = honest.clone();
        query.insert(name.to_owned(), value.to_owned());
        let returned = world.shopper(&json!({"method": "GET", "path": path, "query": query}));
        assert_eq!(
            code(&returned),
            (Outcome::Refused, "three_ds.forged".to_owned()),
            "{name}={value}"
        );
        nothing_moved(&world, &journey.page);
    }
    let without = world.shopper(&json!({"method": "GET", "path": path, "query": {"result": "0"}}));
    assert_eq!(code(&without).1, "three_ds.forged");
    nothing_moved(&world, &journey.page);
}

#[test]
fn s06_the_authentication_of_a_cheap_order_pays_no_dear_one() {
    let world = World::reachable();
    let cheap = Journey::begun(&world, GOOD);
    let (_, proof) = parts(&world, &cheap.way_back());
    let order = world.confirmed_with(6, 1, 0);
    let page = world.enter(order);
    let dear = Journey {
        world: &world,
        shown: world.pay(&page, GOOD),
        page,
    };
    let (path, _) = parts(&world, &dear.way_back());
    let swapped = world.shopper(&json!({"method": "GET", "path": path, "query": proof}));
    assert_eq!(code(&swapped).1, "three_ds.forged");
    nothing_moved(&world, &dear.page);
    let (cheap_path, _) = parts(&world, &cheap.way_back());
    let checkout = |path: &str| path.split('/').nth(2).unwrap().to_owned();
    let crossed = cheap_path.replace(&checkout(&cheap_path), &checkout(&path));
    let crossed = world.shopper(&json!({"method": "GET", "path": crossed, "query": proof}));
    assert_eq!(
        code(&crossed).1,
        "three_ds.forged",
        "another order's checkout with this order's key"
    );
    nothing_moved(&world, &dear.page);
}

#[test]
fn s07_a_field_that_came_twice_is_refused_and_never_picked_from() {
    let world = World::reachable();
    let journey = Journey::begun(&world, REFUSED);
    let address = journey.way_back();
    for doubled in ["&result=0", "&res%75lt=0", "&hc=0"] {
        let answer = http("GET", &format!("{address}{doubled}"), &[], "");
        assert_eq!(answer.status, 400, "{doubled}");
        nothing_moved(&world, &journey.page);
    }
}

#[test]
fn s18_where_a_holder_comes_back_to_is_the_shops_setting_and_no_header() {
    let world = World::reachable();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let body = format!("form={form}&card_token={}&payment_class=10", world.token(GOOD));
    world.shopper(&json!({
        "method": "POST", "path": page.path, "body": body, "base_url": "https://evil.example/paygent",
        "headers": {"host": "evil.example", "x-forwarded-host": "evil.example"},
    }));
    let asked = text(&world.telegrams("450")[0], "/request");
    assert!(
        !asked.contains("evil") && asked.contains("term_url=http%3A%2F%2F127.0.0.1"),
        "{asked}"
    );
}

#[test]
fn back_while_the_holder_is_at_the_card_company_leaves_no_order_and_the_return_finds_none() {
    let world = World::reachable();
    let before = world.stock_and_points();
    let journey = Journey::begun(&world, CHALLENGE);
    assert_eq!(
        text(&world.back(&journey.page).reply, "/redirect"),
        "/confirm",
        "R9: nothing is held yet"
    );
    let late = journey.typed("1234").header("location").unwrap().to_owned();
    assert_eq!(journey.comes_back(&late).reply["status"], 410);
    assert!(world.shop_orders().is_empty() && world.telegrams("020").is_empty());
    assert_eq!(world.stock_and_points(), before);
}

#[test]
fn b05_two_tabs_at_the_card_company_make_one_payment() {
    let world = World::reachable();
    let first = Journey::begun(&world, CHALLENGE);
    let shown = world.pay(&first.page, CHALLENGE);
    let second = Journey {
        world: &world,
        page: CardPage {
            order: first.page.order.clone(),
            path: first.page.path.clone(),
        },
        shown,
    };
    let (one, other) = (
        first.typed("1234").header("location").unwrap().to_owned(),
        second.typed("1234").header("location").unwrap().to_owned(),
    );
    assert_eq!(outcome(&second.comes_back(&other)), "placed");
    assert_eq!(
        outcome(&first.comes_back(&one)),
        "placed",
        "and the other tab is told so"
    );
    assert_eq!(world.telegrams("020").len(), 1);
}

#[test]
fn an_amount_edited_meanwhile_is_not_charged() {
    let world = World::reachable();
    let journey = Journey::begun(&world, CHALLENGE);
    world.reprice(&journey.page.order, 5_000);
    let back = journey.typed("1234").header("location").unwrap().to_owned();
    journey.comes_back(&back);
    assert!(world.telegrams("020").is_empty());
    assert!(card_page_says(&world, &journey.page, "金額"));
}

#[test]
fn s25_the_card_companys_page_stands_alone_with_a_policy_of_its_own() {
    let world = World::reachable();
    let journey = Journey::begun(&world, GOOD);
    let headers = &journey.shown.reply["headers"];
    let policy = text(headers, "/content-security-policy");
    for part in [
        "sandbox allow-forms",
        "default-src 'none'",
        "form-action *",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(
        !policy.contains("allow-same-origin"),
        "its scripts are not the shop's: {policy}"
    );
    assert_eq!(text(headers, "/referrer-policy"), "no-referrer");
    assert!(
        !text(&journey.shown.reply, "/body").contains("見本の店"),
        "nothing of the shop's beside it"
    );
    assert!(
        text(&journey.shown.reply, "/body").contains("次へ"),
        "450 alone is answered in UTF-8"
    );

    let huge = "x".repeat(600 << 10);
    let reply = format!("\r\nresult=0\r\n3ds_auth_id=11111111-1111-1111-1111-111111111111\r\nout_acs_html=\r\n{huge}");
    world.fault("450", &json!({"reply": reply}));
    let page = world.entered();
    assert_eq!(outcome(&world.pay(&page, GOOD)), "not_executed");
}

fn framed() -> World {
    World::reachable_with(|members| members["card"]["three_ds"]["frame"] = json!(true))
}

/// What a page lets be done with it.
fn policy(called: &Called) -> String {
    text(&called.reply["headers"], "/content-security-policy")
}

/// The path of the shop's page that a whole address or a path of it names.
fn below_mount(address: &str) -> String {
    address.split_once("/paygent").unwrap().1.to_owned()
}

/// The address of a frame, or of a link.
fn attribute(html: &str, before: &str) -> String {
    let rest = html
        .split(before)
        .nth(1)
        .unwrap_or_else(|| panic!("no {before} in {html}"));
    rest.split('"').next().unwrap().replace("&#x2f;", "/")
}

#[test]
fn the_card_companys_page_stands_in_a_frame_and_the_whole_window_goes_on() {
    let world = framed();
    let page = world.entered();
    let posted = world.pay(&page, CHALLENGE);
    assert_eq!(outcome(&posted), "authenticating");
    let holder = world.get(&below_mount(&text(&posted.reply, "/redirect")));
    let html = text(&holder.reply, "/body");
    assert!(
        words(&html).contains("¥3,300") && words(&html).contains("本人認証"),
        "{html}"
    );
    assert!(policy(&holder).contains("frame-src 'self' https:") && policy(&holder).contains("frame-ancestors 'none'"));

    let frame = attribute(&html, "<iframe class=\"acs\" id=\"acs\" src=\"");
    assert_eq!(
        attribute(&html, "id=\"whole\" href=\""),
        frame,
        "the same in the whole window"
    );
    let shown = world.get(&below_mount(&frame));
    assert!(policy(&shown).contains("frame-ancestors 'self'") && policy(&shown).contains("sandbox"));
    let again = world.get(&below_mount(&frame));
    assert_eq!(
        again.reply["body"], shown.reply["body"],
        "a reload, or the whole window, shows it again"
    );

    let journey = Journey {
        world: &world,
        page,
        shown,
    };
    let back = journey.comes_back(&journey.authenticated());
    assert_eq!(outcome(&back), "placed");
    assert!(
        policy(&back).contains("frame-ancestors 'self'"),
        "it is shown in the frame"
    );
    let on = text(&back.reply, "/body");
    assert!(
        on.contains("target=\"_top\"") && attribute(&on, "id=\"on\" href=\"").contains("complete"),
        "{on}"
    );
    let late = world.get(&below_mount(&frame));
    assert_eq!(outcome(&late), "placed", "nobody is authenticated twice");
    assert_eq!(world.rows("SELECT COUNT(*) FROM acs_pages"), ["0"]);
}

#[test]
fn the_card_companys_page_waits_encrypted_and_is_gone_whatever_becomes_of_it() {
    let world = framed();
    let kept = |world: &World| world.rows("SELECT sealed_page FROM acs_pages");
    for card in [REFUSED, CHALLENGE] {
        let page = world.entered();
        let posted = world.pay(&page, card);
        let sealed = kept(&world);
        assert!(sealed.len() == 1 && !sealed[0].contains('<'), "{sealed:?}");
        if card == REFUSED {
            let holder = world.get(&below_mount(&text(&posted.reply, "/redirect")));
            let frame = attribute(&text(&holder.reply, "/body"), "<iframe class=\"acs\" id=\"acs\" src=\"");
            let shown = world.get(&below_mount(&frame));
            let journey = Journey {
                world: &world,
                page,
                shown,
            };
            assert_eq!(outcome(&journey.returned()), "declined");
        } else {
            world.pass(36 * 60);
            world.work();
            let late = world.get(&below_mount(&text(&posted.reply, "/redirect")));
            assert_eq!(
                outcome(&late),
                "not_executed",
                "who comes too late is led back to the card page"
            );
            assert!(card_page_says(
                &world,
                &page,
                "本人認証（3Dセキュア）が終わらなかったため"
            ));
        }
        assert_eq!(kept(&world), Vec::<String>::new(), "{card}");
    }
    let nobody = world.get("/pay/0123456789abcdef/acs/0123456789abcdef");
    assert_eq!(nobody.status, Outcome::Misuse);
}

#[test]
fn a_key_of_one_order_opens_no_page_of_another() {
    let world = framed();
    let (mine, other) = (world.entered(), world.entered());
    let own = below_mount(&text(&world.pay(&mine, CHALLENGE).reply, "/redirect"));
    world.pay(&other, CHALLENGE);
    let key = own.rsplit('/').next().unwrap();
    for place in ["authenticate", "acs"] {
        let swapped = world.get(&format!("{}/{place}/{key}", other.path));
        assert_eq!(swapped.status, Outcome::Misuse, "{place}");
    }
}

#[test]
fn the_cards_token_waits_encrypted_and_is_gone_afterwards() {
    let world = World::reachable();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let token = world.token(CHALLENGE);
    let shown = world.post(&page, &form, &token);
    let database = || -> Vec<u8> {
        ["paygent.db", "paygent.db-wal"]
            .iter()
            .flat_map(|name| std::fs::read(world.folder.path().join("shop").join(name)).unwrap_or_default())
            .collect()
    };
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!holds(&database(), &token), "never as it is");
    let journey = Journey {
        world: &world,
        page,
        shown,
    };
    let back = journey.typed("1234").header("location").unwrap().to_owned();
    assert_eq!(outcome(&journey.comes_back(&back)), "placed");
    assert_eq!(world.rows("SELECT sealed_card FROM attempts"), [""]);
}
