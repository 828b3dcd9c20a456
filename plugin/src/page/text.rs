//! The wording of all pages, Japanese and English, by id.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// The default.
    Ja,
    En,
}

impl Language {
    /// `en`, `en-GB`, …; everything else is Japanese.
    pub(crate) fn parse(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("en") {
            Self::En
        } else {
            Self::Ja
        }
    }

    /// For the `lang` of a page.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }
}

/// The text of that id. One that is missing shows its id, and says so in the log: a page with a gap beats no page.
pub(crate) fn text(language: Language, id: &str, arguments: &[(&str, &str)]) -> String {
    let bundle = bundle(language);
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        tracing::error!(id, "text.missing");
        return id.to_owned();
    };
    let mut given = FluentArgs::new();
    for (name, value) in arguments {
        given.set(*name, *value);
    }
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&given), &mut errors).into_owned();
    if !errors.is_empty() {
        tracing::error!(id, ?errors, "text.argument");
    }
    text
}

/// That text; empty where there is none.
pub(crate) fn text_if_any(language: Language, id: &str) -> String {
    if has(language, id) {
        text(language, id, &[])
    } else {
        String::new()
    }
}

/// Whether there is such a text.
pub(super) fn has(language: Language, id: &str) -> bool {
    bundle(language).has_message(id)
}

fn bundle(language: Language) -> &'static FluentBundle<FluentResource> {
    static JA: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    static EN: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    match language {
        Language::Ja => JA.get_or_init(|| read(language, include_str!("ja.ftl"))),
        Language::En => EN.get_or_init(|| read(language, include_str!("en.ftl"))),
    }
}

fn read(language: Language, source: &str) -> FluentBundle<FluentResource> {
    let locale: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Otherwise invisible direction marks would stand round every argument.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(source: &str) -> BTreeSet<&str> {
        assert!(FluentResource::try_new(source.to_owned()).is_ok());
        let is_id = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        source
            .lines()
            .filter(is_id)
            .filter_map(|line| line.split(" =").next())
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_texts() {
        assert_eq!(ids(include_str!("ja.ftl")), ids(include_str!("en.ftl")));
    }

    #[test]
    fn a_text_takes_its_arguments_without_invisible_marks() {
        assert_eq!(
            text(Language::Ja, "list-count", &[("count", "3")]),
            "検索結果：3件が該当しました"
        );
        let line = text(
            Language::Ja,
            "list-result-line",
            &[("number", "234"), ("words", "売上成功")],
        );
        assert_eq!(line, "受注番号：234 → 売上成功");
    }

    #[test]
    fn r25_the_eight_statuses_have_the_words_of_the_guide() {
        let words = [
            "新規受付",
            "入金済み",
            "対応中",
            "注文取消し",
            "発送済み",
            "購入処理中",
            "決済処理中",
            "返品",
        ];
        for (status, word) in crate::payment::OrderStatus::ALL.into_iter().zip(words) {
            assert_eq!(
                text(
                    Language::Ja,
                    &format!("status-{}", status.name().replace('_', "-")),
                    &[]
                ),
                word
            );
        }
    }
}
