//! The card page. The card's number never reaches the shop: the inputs have no `name`, and what is posted is a token.

use serde::{Serialize, Serializer};

use super::brand::Brand;
use super::frame::{Page, headers, origin, render};
use super::text::{Language, text};
use super::wallet::Wallet;
use crate::payment::{PaymentClass, Yen};

/// What the page shows.
#[derive(Serialize)]
pub(crate) struct CardPage<'a> {
    pub(crate) shop_name: &'a str,
    pub(crate) order_number: &'a str,
    #[serde(serialize_with = "as_shown")]
    pub(crate) amount: Yen,
    pub(crate) pay_url: &'a str,
    pub(crate) back_url: &'a str,
    pub(crate) form_token: &'a str,
    pub(crate) back_token: &'a str,
    pub(crate) token_script_url: &'a str,
    pub(crate) merchant_id: &'a str,
    pub(crate) token_key: &'a str,
    pub(crate) brands: Vec<Brand>,
    /// Ways of paying off; asked for only where there are several.
    pub(crate) classes: Vec<ClassOffered>,
    /// The member's stored cards; none where no member may store any.
    pub(crate) wallet: Option<&'a Wallet>,
    /// What became of the try before.
    pub(crate) problem: Option<CardProblem>,
    pub(crate) test_mode: bool,
}

/// A way of paying off that may be chosen.
#[derive(Serialize)]
pub(crate) struct ClassOffered {
    /// As the form posts it.
    value: String,
    name: String,
    /// Brands that take it, parted by blanks.
    brands: String,
}

impl ClassOffered {
    /// With cards of these brands.
    pub(crate) fn of(class: PaymentClass, brands: &[String], language: Language) -> Self {
        Self {
            value: class.value(),
            name: class_name(class, language),
            brands: brands.join(" "),
        }
    }
}

/// 一括払い, 3回払い, …
pub(crate) fn class_name(class: PaymentClass, language: Language) -> String {
    match class {
        PaymentClass::Once => text(language, "card-once", &[]),
        PaymentClass::Bonus => text(language, "card-bonus", &[]),
        PaymentClass::Instalments(count) => text(language, "card-instalments", &[("count", &count.to_string())]),
        PaymentClass::Revolving => text(language, "card-revolving", &[]),
    }
}

/// What the page has to say to the shopper, and which field it is about.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CardProblem {
    text: String,
    /// `number`, `expiry`, `cvc`, `class`, or empty.
    field: &'static str,
}

/// What a shopper is told of a refusal: generic, unless they can correct it themselves (PAYGENT, "Codes").
const REFUSALS: [(&str, &str, &str); 25] = [
    ("3ds.refused", "card-3ds-refused", ""),
    ("3ds.attempt", "card-3ds-other", ""),
    ("31007", "card-3ds-refused", ""),
    ("31012", "card-3ds-other", ""),
    ("1G44", "card-bad-cvc", "cvc"),
    ("1G45", "card-bad-cvc", "cvc"),
    ("1G65", "card-bad-number", "number"),
    ("1G83", "card-bad-expiry", "expiry"),
    ("1G02", "card-limit", ""),
    ("1G03", "card-limit", ""),
    ("1G04", "card-limit", ""),
    ("1G05", "card-limit", ""),
    ("1G06", "card-limit", ""),
    ("1G07", "card-limit", ""),
    ("1G54", "card-limit", ""),
    ("1G55", "card-limit", ""),
    ("1G12", "card-other-card", ""),
    ("1G60", "card-other-card", ""),
    ("1G61", "card-other-card", ""),
    ("1G72", "card-bad-class", "class"),
    ("1G74", "card-bad-class", "class"),
    ("1G78", "card-bad-class", "class"),
    ("P026", "card-not-stored", ""),
    ("2020", "card-again", ""),
    ("2021", "card-again", ""),
];

impl CardProblem {
    /// A text about the whole form.
    pub(crate) fn of(id: &str, language: Language) -> Self {
        Self::saying(text(language, id, &[]))
    }

    /// These words about the whole form.
    pub(crate) fn saying(text: String) -> Self {
        Self { text, field: "" }
    }

    /// What to say of the gateway's code for a try that was to be paid off in this way.
    pub(crate) fn of_code(code: &str, class: Option<PaymentClass>, language: Language) -> Self {
        let known = REFUSALS.iter().find(|(known, _, _)| *known == code);
        let unknown = match class {
            // No code says for certain that it was the class; a card is often refused for another one alone.
            Some(PaymentClass::Bonus | PaymentClass::Instalments(_) | PaymentClass::Revolving) => "card-declined-class",
            Some(PaymentClass::Once) | None => "card-declined",
        };
        let (id, field) = known.map_or((unknown, ""), |(_, id, field)| (*id, *field));
        Self {
            text: text(language, id, &[]),
            field,
        }
    }
}

/// Draws the page.
pub(crate) fn card(shown: &CardPage<'_>, language: Language, nonce: &str) -> Page {
    let scripts: Vec<String> = origin(shown.token_script_url).into_iter().collect();
    Page {
        headers: headers(nonce, &scripts),
        html: render(language, "card.html", shown, nonce),
    }
}

fn as_shown<S: Serializer>(amount: &Yen, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(problem: Option<CardProblem>, classes: &[PaymentClass], language: Language) -> Page {
        let shown = CardPage {
            shop_name: "見本の店",
            order_number: "236",
            amount: Yen::try_from(3300).unwrap(),
            pay_url: "/paygent/pay/c0ffee",
            back_url: "/paygent/pay/c0ffee/back",
            form_token: "form.token",
            back_token: "back.token",
            token_script_url: "https://sandbox.paygent.co.jp/js/PaygentToken.js",
            merchant_id: "10001",
            token_key: "key",
            brands: ["visa", "jcb", "unknown"].into_iter().filter_map(Brand::of).collect(),
            classes: classes
                .iter()
                .map(|class| ClassOffered::of(*class, &["visa".to_owned(), "jcb".to_owned()], language))
                .collect(),
            wallet: None,
            problem,
            test_mode: true,
        };
        card(&shown, language, "n0nce")
    }

    /// The opening tag of the input with that id.
    fn input<'a>(html: &'a str, id: &str) -> &'a str {
        let at = html.find(&format!("<input id=\"{id}\"")).unwrap();
        html[at..].split('>').next().unwrap()
    }

    #[test]
    fn r01_a_card_is_typed_into_fields_that_no_form_can_post() {
        let html = page(None, &[], Language::Ja).html;
        for (id, purpose) in [
            ("number", "cc-number"),
            ("expiry", "cc-exp"),
            ("cvc", "cc-csc"),
            ("name", "cc-name"),
        ] {
            let tag = input(&html, id);
            assert!(tag.contains(&format!("autocomplete=\"{purpose}\"")), "{tag}");
            assert!(!tag.contains(" name="), "{tag}");
        }
        assert!(
            html.contains("¥3,300を支払う") && html.contains("JavaScript が必要"),
            "{html}"
        );
        assert!(
            !page(None, &[PaymentClass::Once], Language::Ja).html.contains("<select"),
            "nothing to choose"
        );
        let html = page(None, &[PaymentClass::Once, PaymentClass::Instalments(6)], Language::Ja).html;
        assert!(
            html.contains(r#"<option value="61-6" data-brands="visa jcb">6回払い</option>"#),
            "{html}"
        );
    }

    #[test]
    fn who_was_refused_with_instalments_is_told_to_try_to_pay_at_once() {
        let of = |code, class| CardProblem::of_code(code, Some(class), Language::En).text;
        assert!(of("1G97", PaymentClass::Instalments(3)).contains("pay at once"));
        assert!(!of("1G97", PaymentClass::Once).contains("pay at once"));
        let problem = CardProblem::of_code("1G78", Some(PaymentClass::Revolving), Language::Ja);
        let html = page(
            Some(problem),
            &[PaymentClass::Once, PaymentClass::Revolving],
            Language::Ja,
        )
        .html;
        assert!(
            html.contains(
                r#"<select id="class" name="payment_class" aria-describedby="class-error" aria-invalid="true">"#
            ),
            "{html}"
        );
    }

    #[test]
    fn r03_a_brand_outside_the_contract_is_not_offered() {
        let html = page(None, &[], Language::En).html;
        assert!(html.contains(">VISA<") && html.contains(">JCB<") && !html.contains(">AMEX<"));
    }

    #[test]
    fn r07_what_the_shopper_can_correct_stands_at_its_field() {
        let problem = CardProblem::of_code("1G44", None, Language::Ja);
        let html = page(Some(problem), &[], Language::Ja).html;
        assert!(input(&html, "cvc").contains("aria-invalid=\"true\""));
        assert!(!input(&html, "number").contains("aria-invalid"));
        assert!(html.contains("セキュリティコードをご確認ください。</p>"));
    }

    #[test]
    fn a_refusal_tells_the_shopper_nothing_that_a_thief_could_use() {
        let declined = CardProblem::of_code("1G97", None, Language::Ja);
        assert_eq!(CardProblem::of_code("P011", None, Language::Ja), declined);
        assert_eq!(CardProblem::of_code("", None, Language::Ja), declined);
        assert_eq!(
            CardProblem::of_code("1G60", None, Language::En),
            CardProblem::of_code("1G12", None, Language::En),
            "stolen or unusable"
        );
    }

    #[test]
    fn only_our_own_script_and_paygents_run() {
        let headers = page(None, &[], Language::Ja).headers;
        let policy = &headers
            .iter()
            .find(|(name, _)| *name == "content-security-policy")
            .unwrap()
            .1;
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'nonce-n0nce' https://sandbox.paygent.co.jp; \
             connect-src https://sandbox.paygent.co.jp; style-src 'nonce-n0nce'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
    }

    #[test]
    fn every_refusal_has_its_words() {
        for (code, id, _) in REFUSALS {
            assert!(super::super::text::has(Language::Ja, id), "{code}");
        }
    }
}
