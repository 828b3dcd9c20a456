//! The shop's one clock: the system's, or a time that the demo or a test has set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDateTime, Utc};

/// Unix milliseconds that stand still, or 0 for the system's clock. Shared with the plugin's `now`.
pub type Setting = Arc<AtomicI64>;

/// The system's time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the shop asks the system for the time"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The time by a setting, UTC.
pub fn read(setting: &Setting) -> NaiveDateTime {
    let set = setting.load(Ordering::Acquire);
    let told = (set != 0).then(|| DateTime::from_timestamp_millis(set)).flatten();
    told.unwrap_or_else(now).naive_utc()
}

/// Lets a setting's time run `speed` times as fast as the system's, counted from a moment (Unix milliseconds): whoever
/// names the same moment and speed has the same time. Sixty days pass in a while, and a quarantine in seconds.
pub fn run_fast(setting: &Setting, from: i64, speed: i64) {
    const STEP: std::time::Duration = std::time::Duration::from_millis(5);
    let fast = move || from + (now().timestamp_millis() - from) * speed;
    setting.store(fast(), Ordering::Release);
    let setting = Arc::downgrade(setting);
    std::thread::spawn(move || {
        while let Some(setting) = setting.upgrade() {
            setting.store(fast(), Ordering::Release);
            drop(setting);
            std::thread::sleep(STEP);
        }
    });
}
