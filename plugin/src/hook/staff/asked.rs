//! What the staff ask of the list, as its query string says it: one GET that can be kept as a bookmark (R24 to R29).

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::config;
use crate::fold::{fold, phone_digits, width};
use crate::hook::Call;
use crate::page::DETAIL_FIELDS;
use crate::payment::{OrderStatus, deadline};
use crate::store::search::{Between, Detail, PaymentState, Search, SearchText, Sort};

/// Page sizes offered, and the one that the guide shows.
pub(in crate::hook) const PAGE_SIZES: [i64; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
const PAGE_SIZE: i64 = 50;
const LONGEST_TEXT: usize = 200;

const OTHERS: [&str; 8] = ["q", "status", "payment", "column", "per", "page", "sort", "direction"];

/// The fields of a query that the list knows, in their order; others are dropped.
#[derive(Debug, Clone, Default)]
pub(in crate::hook) struct Asked(Vec<(String, String)>);

impl Asked {
    /// Of the request.
    pub(in crate::hook) fn of(call: &Call<'_>) -> Self {
        let fields = call.request.query.keys().flat_map(|key| {
            call.request
                .query_all(key)
                .into_iter()
                .map(move |value| (key.clone(), value.to_owned()))
        });
        Self::known(fields)
    }

    /// Of a query string, such as one that a form carries back.
    pub(in crate::hook) fn of_query(query: &str) -> Self {
        Self::known(form_urlencoded::parse(query.as_bytes()).into_owned())
    }

    fn known(fields: impl Iterator<Item = (String, String)>) -> Self {
        let known = |(key, value): &(String, String)| {
            !value.is_empty() && (OTHERS.contains(&key.as_str()) || DETAIL_FIELDS.contains(&key.as_str()))
        };
        let cut = |(key, value): (String, String)| (key, value.chars().take(LONGEST_TEXT).collect());
        Self(fields.filter(known).map(cut).collect())
    }

    /// The last value of a field; empty where there is none.
    pub(in crate::hook) fn one(&self, key: &str) -> &str {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map_or("", |(_, value)| value.trim())
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The query string.
    pub(in crate::hook) fn query(&self) -> String {
        self.query_with(&[])
    }

    /// The query string with fields in place of those of the same name.
    fn query_with(&self, fields: &[(&str, &str)]) -> String {
        let kept = self
            .0
            .iter()
            .filter(|(key, _)| !fields.iter().any(|(name, _)| name == key));
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in kept {
            query.append_pair(key, value);
        }
        for (key, value) in fields {
            query.append_pair(key, value);
        }
        query.finish()
    }

    /// The address of a page with this query, fields put in place of those of the same name.
    pub(in crate::hook) fn url(&self, page: &str, fields: &[(&str, &str)]) -> String {
        match self.query_with(fields) {
            query if query.is_empty() => page.to_owned(),
            query => format!("{page}?{query}"),
        }
    }

    pub(in crate::hook) fn page_size(&self) -> i64 {
        let asked = self.one("per").parse().ok();
        asked.filter(|size| PAGE_SIZES.contains(size)).unwrap_or(PAGE_SIZE)
    }

    pub(in crate::hook) fn page(&self) -> i64 {
        self.one("page").parse().unwrap_or(1).clamp(1, 1_000_000)
    }

    pub(in crate::hook) fn sort(&self) -> Sort {
        Sort::parse(self.one("sort")).unwrap_or(Sort::Updated)
    }

    pub(in crate::hook) fn ascending(&self) -> bool {
        self.one("direction") == "up"
    }

    /// Ticked boxes of 対応状況.
    pub(in crate::hook) fn statuses(&self) -> Vec<OrderStatus> {
        self.all("status").filter_map(OrderStatus::parse).collect()
    }

    /// Ticked boxes of the payment's status.
    pub(in crate::hook) fn payment_states(&self) -> Vec<PaymentState> {
        self.all("payment").filter_map(PaymentState::parse).collect()
    }

    /// The columns beside the guide's ten: the shop's, or those that were chosen here.
    pub(in crate::hook) fn columns(&self, call: &Call<'_>) -> Vec<&'static str> {
        let shop = &call.instance.config.staff.columns;
        let chosen = !self.one("columns").is_empty();
        let shown = |name: &&'static str| match chosen {
            true => self.all("column").any(|column| column == *name),
            false => shop.iter().any(|column| column == *name),
        };
        config::COLUMNS.into_iter().filter(shown).collect()
    }

    /// Something of 詳細検索 is asked.
    pub(in crate::hook) fn has_detail(&self) -> bool {
        self.0
            .iter()
            .any(|(key, _)| key == "payment" || (key != "columns" && DETAIL_FIELDS.contains(&key.as_str())))
    }

    /// What stands in the fields of 詳細検索.
    pub(in crate::hook) fn fields(&self) -> BTreeMap<&'static str, String> {
        DETAIL_FIELDS
            .into_iter()
            .map(|key| (key, self.one(key).to_owned()))
            .collect()
    }

    /// The question for the database.
    pub(in crate::hook) fn search(&self, call: &Call<'_>) -> Search {
        let asked = self.statuses();
        let shown = |status: &OrderStatus| match asked.is_empty() {
            true => status.in_default_list(),
            false => asked.contains(status),
        };
        let text = width(self.one("q"));
        let rules = call.rules();
        Search {
            text: (!text.is_empty()).then(|| SearchText {
                folded: fold(&text),
                digits: phone_digits(&text),
                raw: text,
            }),
            statuses: OrderStatus::ALL.into_iter().filter(shown).collect(),
            detail: self.detail(rules.today),
            sort: self.sort(),
            ascending: self.ascending(),
            limits: rules.limits,
            today: rules.today,
            after: None,
            offset: (self.page() - 1) * self.page_size(),
            limit: self.page_size(),
        }
    }

    fn detail(&self, today: NaiveDate) -> Detail {
        let day = |key: &str| self.one(key).parse::<NaiveDate>().ok();
        let days = |from: &str, to: &str| Between {
            from: day(from),
            to: day(to),
        };
        let yen = |key: &str| fold(self.one(key)).replace(['¥', ','], "").parse::<i64>().ok();
        let mut deadline = days("deadline_from", "deadline_to");
        if !self.one("near").is_empty() {
            let last = today.checked_add_days(Days::new(deadline::NEAR_DAYS.unsigned_abs()));
            deadline.from = Some(deadline.from.map_or(today, |from| from.max(today)));
            deadline.to = match (deadline.to, last) {
                (Some(to), Some(last)) => Some(to.min(last)),
                (to, last) => to.or(last),
            };
        }
        let either = |key: &str, yes: &str, no: &str| match self.one(key) {
            value if value == yes => Some(true),
            value if value == no => Some(false),
            _ => None,
        };
        Detail {
            name: fold(self.one("name")),
            kana: fold(self.one("kana")),
            company: fold(self.one("company")),
            email: fold(self.one("email")),
            phone: phone_digits(self.one("phone")),
            number: width(self.one("number")),
            method: self.one("method").to_owned(),
            tracking: width(self.one("tracking")),
            product: fold(self.one("product")),
            ordered: days("ordered_from", "ordered_to"),
            paid: days("paid_from", "paid_to"),
            updated: days("updated_from", "updated_to"),
            deliver: days("delivery_from", "delivery_to"),
            amount: Between {
                from: yen("amount_from"),
                to: yen("amount_to"),
            },
            mail_sent: either("mail", "sent", "unsent"),
            payment: self.payment_states(),
            deadline,
            differs: !self.one("differs").is_empty(),
            three_ds: either("three_ds", "yes", "no"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_comes_back_as_it_was_and_what_nobody_knows_is_dropped() {
        let asked = Asked::of_query("q=%E4%BC%9A%E5%93%A1&status=new&status=paid&evil=1&page=2&near=");
        assert_eq!(asked.query(), "q=%E4%BC%9A%E5%93%A1&status=new&status=paid&page=2");
        assert_eq!(
            asked.url("/l", &[("page", "3")]),
            "/l?q=%E4%BC%9A%E5%93%A1&status=new&status=paid&page=3"
        );
        assert_eq!(Asked::of_query("").url("/l", &[]), "/l");
    }

    #[test]
    fn near_means_from_today_to_a_fortnight() {
        let today: NaiveDate = "2020-11-26".parse().unwrap();
        let detail = Asked::of_query("near=1").detail(today);
        assert_eq!(detail.deadline.from, Some(today));
        assert_eq!(detail.deadline.to, "2020-12-10".parse().ok());
    }

    #[test]
    fn an_amount_may_be_typed_as_it_is_shown() {
        let detail = Asked::of_query("amount_from=%EF%BF%A53%2C300&amount_to=%EF%BC%99%EF%BC%99%EF%BC%99%EF%BC%99")
            .detail(NaiveDate::MIN);
        assert_eq!((detail.amount.from, detail.amount.to), (Some(3_300), Some(9_999)));
    }
}
