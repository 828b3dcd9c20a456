//! The page before Paygent's own card page (link type): the amount, the way on, and 「戻る」.

use serde::{Serialize, Serializer};

use super::brand::Brand;
use super::card::CardProblem;
use super::frame::{Page, headers_leading_to, render};
use super::text::Language;
use crate::payment::Yen;

/// What the page shows.
#[derive(Serialize)]
pub(crate) struct LinkPage<'a> {
    pub(crate) shop_name: &'a str,
    pub(crate) order_number: &'a str,
    #[serde(serialize_with = "as_shown")]
    pub(crate) amount: Yen,
    pub(crate) pay_url: &'a str,
    pub(crate) back_url: &'a str,
    pub(crate) form_token: &'a str,
    pub(crate) back_token: &'a str,
    pub(crate) brands: Vec<Brand>,
    /// Its shopper was sent to Paygent's page before, and may go there again.
    pub(crate) begun: bool,
    /// What became of the try before.
    pub(crate) problem: Option<CardProblem>,
    pub(crate) test_mode: bool,
}

/// Draws the page; its form may lead to `pages`, a source of Paygent's.
pub(crate) fn link(shown: &LinkPage<'_>, language: Language, nonce: &str, pages: &str) -> Page {
    Page {
        headers: headers_leading_to(nonce, pages),
        html: render(language, "link.html", shown, nonce),
    }
}

fn as_shown<S: Serializer>(amount: &Yen, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(begun: bool, problem: Option<CardProblem>, language: Language) -> Page {
        let shown = LinkPage {
            shop_name: "見本の店",
            order_number: "236",
            amount: Yen::try_from(3300).unwrap(),
            pay_url: "/paygent/pay/c0ffee",
            back_url: "/paygent/pay/c0ffee/back",
            form_token: "form.token",
            back_token: "back.token",
            brands: ["visa", "jcb"].into_iter().filter_map(Brand::of).collect(),
            begun,
            problem,
            test_mode: true,
        };
        link(&shown, language, "n0nce", "https://*.paygent.co.jp")
    }

    #[test]
    fn no_card_is_typed_here_and_nothing_runs() {
        let html = page(false, None, Language::Ja).html;
        assert!(html.contains("¥3,300") && html.contains("ペイジェントの画面"), "{html}");
        assert!(!html.contains("cc-number") && !html.contains("<script"), "{html}");
        assert!(page(true, None, Language::Ja).html.contains("お支払いの途中"));
        let problem = CardProblem::of("link-unpaid", Language::En);
        assert!(page(false, Some(problem), Language::En).html.contains("role=\"alert\""));
    }

    #[test]
    fn its_form_leads_to_paygent_and_nowhere_else() {
        let headers = page(false, None, Language::Ja).headers;
        let policy = headers
            .iter()
            .find(|(name, _)| *name == "content-security-policy")
            .unwrap();
        assert!(
            policy.1.contains("form-action 'self' https://*.paygent.co.jp; "),
            "{}",
            policy.1
        );
    }
}
