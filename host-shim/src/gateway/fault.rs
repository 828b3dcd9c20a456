//! What goes wrong on purpose: the next telegrams of a kind can be given a fault, and answers can be held back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::cards::Script;

/// A fault of one telegram, as `POST /control/faults` names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// Done at once, answered after so many milliseconds.
    DelayMs(u64),
    /// Done only after so many milliseconds, whoever is still there: closed at once without a byte.
    ExecuteLateMs(u64),
    /// Nothing done, closed without a byte.
    DropBefore,
    /// Done, closed without a byte.
    DropAfter,
    /// Done, answered with what nobody can read.
    Garbage,
    /// Done, the answer ends before its Content-Length.
    Truncate,
    /// Nothing done, HTTP status 500.
    #[serde(rename = "http_500")]
    Http500,
    /// Nothing done, answered with this text.
    Reply(String),
    /// Nothing done, answered with this code and detail.
    Code([String; 2]),
    /// Done, and yet answered with this code and detail.
    CodeAfter([String; 2]),
}

impl Fault {
    /// The telegram is carried out all the same.
    pub(crate) fn executes(&self) -> bool {
        !matches!(self, Self::DropBefore | Self::Http500 | Self::Reply(_) | Self::Code(_))
    }

    /// How the answer travels.
    pub(crate) fn delivery(&self) -> Delivery {
        match self {
            Self::DelayMs(delay) => Delivery::Late(*delay),
            Self::DropBefore | Self::DropAfter | Self::ExecuteLateMs(_) => Delivery::Lost,
            Self::Garbage => Delivery::Garbled,
            Self::Truncate => Delivery::Cut,
            Self::Http500 => Delivery::Http500,
            Self::Reply(_) | Self::Code(_) | Self::CodeAfter(_) => Delivery::Prompt,
        }
    }
}

/// What becomes of an answer on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It arrives.
    Prompt,
    /// It arrives after so many milliseconds.
    Late(u64),
    /// The connection closes without a byte.
    Lost,
    /// Something else arrives.
    Garbled,
    /// Its first half arrives.
    Cut,
    /// HTTP status 500 arrives.
    Http500,
}

impl Delivery {
    /// How the answer about a scripted card travels.
    pub(crate) fn of(script: Script) -> Self {
        match script {
            Script::Slow => Self::Late(5_000),
            Script::AnswerLost | Script::RequestLost => Self::Lost,
            Script::Garbage => Self::Garbled,
            Script::Cut => Self::Cut,
            Script::Http500 => Self::Http500,
            _ => Self::Prompt,
        }
    }
}

/// The faults still to come, per kind of telegram, first come first served.
#[derive(Default)]
pub(crate) struct Faults(Mutex<HashMap<String, VecDeque<Fault>>>);

impl Faults {
    /// The next `times` telegrams of the kind get the fault, after those that were given one before.
    pub(crate) fn script(&self, kind: &str, times: usize, fault: &Fault) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting
            .entry(kind.to_owned())
            .or_default()
            .extend(std::iter::repeat_n(fault.clone(), times));
    }

    /// The fault of the telegram that just came.
    pub(crate) fn take(&self, kind: &str) -> Option<Fault> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(kind)?
            .pop_front()
    }

    /// How much later the telegram that just came is done, where that is its fault.
    pub(crate) fn take_late(&self, kind: &str) -> Option<Duration> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = waiting.get_mut(kind)?;
        let Some(Fault::ExecuteLateMs(later)) = of_kind.front() else {
            return None;
        };
        let later = Duration::from_millis(*later);
        of_kind.pop_front();
        Some(later)
    }

    /// Nothing goes wrong any more.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_spent_one_by_one_and_per_kind() {
        let faults = Faults::default();
        faults.script("022", 2, &Fault::DropBefore);
        faults.script("022", 1, &Fault::Garbage);
        assert_eq!(faults.take("020"), None);
        let taken: Vec<_> = std::iter::repeat_with(|| faults.take("022")).take(4).collect();
        assert_eq!(
            taken,
            [
                Some(Fault::DropBefore),
                Some(Fault::DropBefore),
                Some(Fault::Garbage),
                None
            ]
        );
    }

    #[test]
    fn faults_are_written_as_documented() {
        let read = |json: &str| serde_json::from_str::<Fault>(json).unwrap();
        assert_eq!(read(r#"{"delay_ms":20}"#), Fault::DelayMs(20));
        assert_eq!(read(r#"{"execute_late_ms":20}"#), Fault::ExecuteLateMs(20));
        assert_eq!(read(r#""drop_before""#), Fault::DropBefore);
        assert_eq!(read(r#""drop_after""#), Fault::DropAfter);
        assert_eq!(read(r#""http_500""#), Fault::Http500);
        assert_eq!(read(r#"{"reply":"raw text"}"#), Fault::Reply("raw text".to_owned()));
        assert_eq!(
            read(r#"{"code":["2004",""]}"#),
            Fault::Code(["2004".to_owned(), String::new()])
        );
    }
}
