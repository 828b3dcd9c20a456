//! The link type: an order is posted, paid on Paygent's page, turned away from, and posted again.

use super::*;

const GOOD: &str = "4111111111111111";

impl Shop {
    /// The order's fields, signed, as a form.
    fn order(&self, trading_id: &str, more: &[(&str, &str)]) -> String {
        let mut fields = vec![
            ("trading_id", trading_id),
            ("payment_type", "02"),
            ("id", "3300"),
            ("seq_merchant_id", "10001"),
            ("payment_class", "1"),
            ("use_card_conf_number", "1"),
            ("return_url", "http://shop/done?order=1"),
            ("stop_return_url", "http://shop/stopped"),
            ("threedsecure_ryaku", "1"),
        ];
        fields.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        fields.extend(more);
        let value = |name: &str| {
            let found = fields.iter().find(|(field, _)| *field == name);
            found.map_or("", |(_, value)| *value)
        };
        let hc = hash::sha256(&[
            value("trading_id"),
            value("payment_type"),
            value("id"),
            value("seq_merchant_id"),
            value("payment_term_min"),
            value("payment_class"),
            value("use_card_conf_number"),
            value("threedsecure_ryaku"),
            &self.gateway.merchant().link_key,
        ]);
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}&hc={hc}", pairs.join("&"))
    }

    fn form(&self, path: &str, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.gateway.http).unwrap();
        let request = format!(
            "POST {path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// As the shop's server posts it.
    fn post_tls(&self, order: &str) -> String {
        self.tls(&format!(
            "POST /v/u/request HTTP/1.0\r\nContent-Length: {}\r\n\r\n{order}",
            order.len()
        ))
    }

    fn post_order(&self, trading_id: &str, more: &[(&str, &str)]) -> String {
        self.form("/link/request", "", &self.order(trading_id, more))
    }

    /// The path of an order's page.
    fn enter(&self, trading_id: &str) -> String {
        self.enter_with(trading_id, &[])
    }

    fn enter_with(&self, trading_id: &str, more: &[(&str, &str)]) -> String {
        let answer = self.post_order(trading_id, more);
        self.path_in(answer.lines().find_map(|line| line.strip_prefix("url=")).unwrap())
    }

    /// The path of an address at this Paygent.
    fn path_in(&self, url: &str) -> String {
        let online = self.gateway.online_url();
        format!(
            "/{}",
            url.strip_prefix(&online).unwrap_or_else(|| url.trim_start_matches('/'))
        )
    }

    fn pay_link(&self, page: &str, number: &str, ways: &str) -> String {
        let card = "expire_month=12&expire_year=98&cvc=123&name=TARO+TEST";
        self.form(page, "", &format!("card_number={number}&{card}&ways={ways}"))
    }
}

fn location(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.0 303"), "{answer}");
    answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_on_paygents_page_and_by_one_payment() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let answer = shop.post_order("7_1_a", &[]);
    let online = shop.gateway.online_url();
    assert!(
        answer.contains(&format!("\r\n\r\n\r\nresult=0\r\nurl={online}link/")),
        "{answer}"
    );
    assert!(answer.contains("\r\ntrading_id=7_1_a\r\nlimit_date=2"), "{answer}");
    let page = shop.enter("7_1_a");
    assert!(answer.contains(&page), "the same page while it is not paid");
    let shown = shop.plain("GET", &page, &Value::Null);
    for words in [
        "¥3,300",
        "カード番号",
        "24回払い",
        "ボーナス一括払い",
        "支払う",
        "戻る（中止）",
    ] {
        assert!(shown.contains(words), "{words}");
    }
    let paid = shop.pay_link(&page, "4111+1111+1111+1111", "61-3");
    assert_eq!(location(&paid), "http://shop/done?order=1");
    let payment = shop.json("GET", "/control/payments/28569257", &Value::Null);
    let told = |key: &str| payment[key].clone();
    assert_eq!(
        [
            told("trading_id"),
            told("status"),
            told("payment_class"),
            told("split_count")
        ],
        [json!("7_1_a"), json!(20), json!("61"), json!("3")]
    );
    let notices = shop.json("GET", "/control/notices", &Value::Null);
    assert_eq!(notices[0]["status"], 20);
    let again = shop.pay_link(&page, GOOD, "10");
    assert!(again.contains("お支払いは完了しています"), "{again}");
    assert_eq!(shop.statuses(), [20]);
    let late = shop.post_order("7_1_a", &[]);
    assert!(late.contains("result=1\r\nresponse_code=P033\r\n"), "{late}");
    let log = shop.json("GET", "/control/telegrams", &Value::Null);
    assert_eq!((&log[0]["kind"], &log[0]["executed"]), (&json!("link"), &json!(true)));
    assert!(!log.to_string().contains("1111"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_card_stays_on_the_page_and_another_one_pays() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let page = shop.enter("1");
    let refused = shop.pay_link(&page, "4000000000001125", "10");
    assert!(
        refused.contains("role=\"alert\"") && refused.contains("2001 1G12"),
        "{refused}"
    );
    let mistyped = shop.pay_link(&page, "4111111111111112", "10");
    assert!(mistyped.contains("カード番号が正しくありません"), "{mistyped}");
    let unoffered = shop.pay_link(&page, GOOD, "61-4");
    assert!(unoffered.contains("支払回数を選び直してください"), "{unoffered}");
    let bare = shop.form(
        &page,
        "",
        &format!("card_number={GOOD}&expire_month=12&expire_year=98&ways=10"),
    );
    assert!(bare.contains("セキュリティコードが正しくありません"), "{bare}");
    let unfit = shop.pay_link(&page, "378282246310005", "23");
    assert!(unfit.contains("2001 1G78"), "{unfit}");
    assert_eq!(shop.statuses(), [11, 11]);
    shop.json(
        "POST",
        "/control/settings",
        &json!({"link_return_carries_result": true}),
    );
    let paid = shop.pay_link(&page, GOOD, "10");
    assert_eq!(location(&paid), "http://shop/done?order=1&result=0&trading_id=1");
    assert_eq!(shop.statuses(), [11, 11, 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_is_authenticated_before_the_card_is_charged() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let page = shop.enter_with("1", &[("threedsecure_ryaku", "0")]);
    let question = shop.path_in(location(&shop.pay_link(&page, "4000000000003006", "10")));
    assert!(shop.plain("GET", &question, &Value::Null).contains("acs-password"));
    let given_up = shop.form(&format!("{question}/answer"), "", "cancel=1");
    let back = shop.path_in(location(&given_up));
    let refused = shop.plain("GET", &back, &Value::Null);
    assert!(refused.contains("本人認証ができませんでした"), "{refused}");
    assert_eq!(shop.statuses(), [0; 0]);

    let question = shop.path_in(location(&shop.pay_link(&page, "4000000000003006", "10")));
    let typed = shop.form(&format!("{question}/answer"), "", "password=1234");
    let again = shop.plain("GET", &back, &Value::Null);
    assert!(again.contains("link-pay"), "an earlier way back pays nothing: {again}");
    let paid = shop.plain("GET", &shop.path_in(location(&typed)), &Value::Null);
    assert_eq!(location(&paid), "http://shop/done?order=1");
    assert_eq!(shop.statuses(), [20]);
    let payment = shop.json("GET", "/control/payments/28569257", &Value::Null);
    assert_eq!(payment["three_ds"], true);

    let denied = shop.pay_link(
        &shop.enter_with("2", &[("threedsecure_ryaku", "")]),
        "4000000000003063",
        "10",
    );
    assert!(denied.contains("31007"), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shops_server_hands_over_by_tls_and_may_hear_nothing() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let script = json!({"kind": "link", "times": 1, "fault": "drop_after"});
    shop.json("POST", "/control/faults", &script);
    let lost = shop.post_tls(&shop.order("1", &[("isbtob", "1")]));
    assert_eq!(lost, "");
    let told = shop.post_tls(&shop.order("1", &[("isbtob", "1")]));
    assert!(told.contains("\r\nresult=0\r\nurl=http://"), "{told}");
    shop.json(
        "POST",
        "/control/faults",
        &json!({"kind": "link", "times": 1, "fault": {"code": ["P003", "x"]}}),
    );
    let refused = shop.post_tls(&shop.order("2", &[]));
    assert!(refused.contains("response_code=P003"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_turns_back_comes_again_and_is_lost_after_paying() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let page = shop.enter("1");
    assert_eq!(
        location(&shop.form(&page, "", "stop=1&card_number=")),
        "http://shop/stopped"
    );
    assert_eq!(shop.enter("1"), page);
    let lost = shop.pay_link(&page, "4000000000900029", "10");
    assert!(lost.starts_with("HTTP/1.0 500"), "{lost}");
    assert_eq!(shop.statuses(), [20], "only the notice tells the shop");
    let nothing = shop.pay_link(&shop.enter("2"), "4000000000905002", "10");
    assert!(nothing.starts_with("HTTP/1.0 500"), "{nothing}");
    assert_eq!(shop.statuses(), [20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_over_after_its_term_and_may_be_captured_at_once() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let browser = shop.form(
        "/link/request",
        "Accept: text/html,*/*\r\n",
        &shop.order("1", &[("sales_flg", "1"), ("payment_term_min", "5")]),
    );
    let page = location(&browser)
        .strip_prefix(shop.gateway.online_url().trim_end_matches('/'))
        .unwrap()
        .to_owned();
    shop.json("POST", "/control/clock", &json!({"advance_secs": 299}));
    assert!(shop.plain("GET", &page, &Value::Null).contains("link-pay"));
    shop.json("POST", "/control/clock", &json!({"advance_secs": 2}));
    let late = shop.pay_link(&page, GOOD, "10");
    assert!(late.contains("期限が過ぎました"), "{late}");
    let page = shop.form(
        "/link/request",
        "Accept: text/html\r\n",
        &shop.order("2", &[("sales_flg", "1")]),
    );
    let page = location(&page).rsplit_once('/').unwrap().1.to_owned();
    shop.pay_link(&format!("/link/{page}"), GOOD, "10");
    assert_eq!(shop.statuses(), [40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_filled_in_wrongly_is_refused() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let wrong: [(&str, &str, &str); 9] = [
        ("seq_merchant_id", "10002", "P001"),
        ("payment_type", "01", "P003"),
        ("trading_id", "a-b", "P003"),
        ("id", "0", "2003"),
        ("id", "10000000", "2003"),
        ("payment_class", "3", "P003"),
        ("return_url", "javascript:x", "P003"),
        ("payment_term_min", "4", "P003"),
        ("payment_term_min", "x", "P003"),
    ];
    for (field, value, code) in wrong {
        let answer = shop.post_order("1", &[(field, value)]);
        let expected = format!("result=1\r\nresponse_code={code}\r\n");
        assert!(answer.contains(&expected), "{field}={value}: {answer}");
    }
    let changed = shop.order("1", &[]).replace("id=3300", "id=1");
    let unsigned = shop.form("/link/request", "", &changed);
    assert!(unsigned.contains("response_code=P002"), "{unsigned}");
    let most = shop.post_order("1", &[("id", "9999999")]);
    assert!(most.contains("result=0"), "{most}");
    let gone = shop.plain("GET", "/link/nothing", &Value::Null);
    assert!(gone.starts_with("HTTP/1.0 404"), "{gone}");
}
