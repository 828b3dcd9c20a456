//! What a call has to tell the host's log: gathered while it runs, written when no lock is held.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// One line: `what.happened name=value …`, without control characters.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) text: String,
}

/// Runs `body` on this thread and gathers its lines, if anybody wants them.
pub(crate) fn collect<T>(wanted: bool, body: impl FnOnce() -> T) -> (T, Vec<Line>) {
    if !wanted {
        return (body(), Vec::new());
    }
    let lines = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::registry().with(Gather(Arc::clone(&lines)));
    let result = tracing::subscriber::with_default(subscriber, body);
    let gathered = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    (result, gathered)
}

struct Gather(Arc<Mutex<Vec<Line>>>);

impl<S: Subscriber> Layer<S> for Gather {
    /// Our own lines only: what libraries below us say may hold what must not be logged.
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with(env!("CARGO_CRATE_NAME")) && *metadata.level() <= Level::DEBUG
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = Line {
            level: *event.metadata().level(),
            text: text.message + &text.fields,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        let escaped: String = value.chars().flat_map(escape).collect();
        let _ = write!(self.fields, " {}={escaped}", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

/// A line stays one line, whatever a shopper or the gateway wrote.
fn escape(c: char) -> impl Iterator<Item = char> {
    let control = c.is_control();
    let escaped = control.then(|| c.escape_default()).into_iter().flatten();
    escaped.chain((!control).then_some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let ((), lines) = collect(true, || tracing::warn!(order = "1\r\n2\u{7f}", count = 3, "order.odd"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text, r"order.odd order=1\r\n2\u{7f} count=3");
        assert_eq!(lines[0].level, Level::WARN);
    }
}
