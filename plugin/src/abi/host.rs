//! The host's table as a safe value: its clock, its log, its register.

use std::ffi::{CString, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};

use super::{ABI, paygent_audience, paygent_hook, paygent_host, paygent_level};
use crate::hook::{Audience, HOOKS};
use crate::log::Line;
use crate::reply::Problem;

/// A copy of the table, zero where the host's is shorter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host(paygent_host);

// SAFETY: the header binds the host to a `ctx` and callbacks that may be used from every thread it calls us from;
// we use them on such threads only, and on the one inside `paygent_serve`.
unsafe impl Send for Host {}
// SAFETY: as for `Send`: the value itself is never changed.
unsafe impl Sync for Host {}

impl Host {
    /// Copies what both sides know of the table.
    ///
    /// # Safety
    /// `host` is null, or points to a table of at least its own `struct_size` bytes.
    pub(super) unsafe fn copy(host: *const paygent_host) -> Result<Self, Problem> {
        const SMALLEST: usize = std::mem::offset_of!(paygent_host, register_hook);
        const LARGEST: usize = 4_096;
        if host.is_null() || !host.is_aligned() {
            return Err(Problem::misuse("abi.host", "`host` points nowhere"));
        }
        // SAFETY: not null, aligned, and the caller promised a table, whose first member this is.
        let theirs = unsafe { host.cast::<usize>().read() };
        if !(SMALLEST..=LARGEST).contains(&theirs) {
            return Err(Problem::misuse(
                "abi.struct_size",
                format!("paygent_host.struct_size cannot be {theirs}"),
            ));
        }
        let mut table = MaybeUninit::<paygent_host>::zeroed();
        let known = theirs.min(size_of::<paygent_host>());
        // SAFETY: the caller promised `theirs` readable bytes, and `table` has room for `known`; they do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(host.cast::<u8>(), table.as_mut_ptr().cast::<u8>(), known) };
        // SAFETY: every member is an integer, a pointer or a nullable function pointer, for which zero is a value.
        let mut table = unsafe { table.assume_init() };
        if table.abi >> 16 != ABI >> 16 {
            let (major, ours) = (table.abi >> 16, ABI >> 16);
            return Err(Problem::misuse(
                "abi.version",
                format!("the host speaks interface {major}, this library {ours}"),
            ));
        }
        table.struct_size = known;
        Ok(Self(table))
    }

    /// The one clock of a call.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let told = self.0.now.and_then(|now| {
            // SAFETY: the header binds the host to a callable function for as long as the plugin is open.
            DateTime::from_timestamp_millis(unsafe { now(self.0.ctx) })
        });
        told.unwrap_or_else(system_now)
    }

    /// The host keeps a log.
    pub(super) fn wants_log(&self) -> bool {
        self.0.log.is_some()
    }

    /// Writes what a call has to tell.
    pub(super) fn write_log(&self, lines: &[Line]) {
        let Some(log) = self.0.log else { return };
        for line in lines {
            // SAFETY: as for `now`; the text lives until the callback returns.
            unsafe {
                log(
                    self.0.ctx,
                    level(line.level),
                    line.text.as_ptr().cast(),
                    line.text.len(),
                )
            };
        }
    }

    /// Tells the host of every hook and route.
    pub(super) fn register_all(&self) {
        let Some(register) = self.0.register_hook else { return };
        for print in prints() {
            register_one(register, self.0.ctx, print);
        }
    }
}

fn register_one(register: unsafe extern "C" fn(*mut c_void, *const paygent_hook), ctx: *mut c_void, print: &Print) {
    let hook = paygent_hook {
        struct_size: size_of::<paygent_hook>(),
        name: print.name.as_ptr(),
        audience: print.audience,
        method: print.method.as_ptr(),
        path: print.path.as_ptr(),
        summary: print.summary.as_ptr(),
    };
    // SAFETY: as for `now`; the hook's text is never freed, the hook itself lives until the callback returns.
    unsafe { register(ctx, &raw const hook) };
}

/// A hook's text with the NULs that C needs.
struct Print {
    name: CString,
    audience: paygent_audience,
    method: CString,
    path: CString,
    summary: CString,
}

fn prints() -> &'static [Print] {
    static PRINTS: OnceLock<Vec<Print>> = OnceLock::new();
    let terminated = |text: &str| CString::new(text).unwrap_or_default();
    PRINTS.get_or_init(|| {
        let print = |hook: &crate::hook::Hook| Print {
            name: terminated(hook.name),
            audience: audience(hook.audience),
            method: terminated(hook.method),
            path: terminated(hook.path),
            summary: terminated(hook.summary),
        };
        HOOKS.iter().map(print).collect()
    })
}

fn audience(audience: Audience) -> paygent_audience {
    match audience {
        Audience::Shopper => paygent_audience::PAYGENT_SHOPPER,
        Audience::Staff => paygent_audience::PAYGENT_STAFF,
        Audience::Gateway => paygent_audience::PAYGENT_GATEWAY,
        Audience::Scheduler => paygent_audience::PAYGENT_SCHEDULER,
        Audience::Host => paygent_audience::PAYGENT_HOST,
    }
}

fn level(level: tracing::Level) -> paygent_level {
    match level {
        tracing::Level::ERROR => paygent_level::PAYGENT_ERROR,
        tracing::Level::WARN => paygent_level::PAYGENT_WARN,
        tracing::Level::INFO => paygent_level::PAYGENT_INFO,
        tracing::Level::DEBUG => paygent_level::PAYGENT_DEBUG,
        tracing::Level::TRACE => paygent_level::PAYGENT_TRACE,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where a host without a clock of its own gets the system's"
)]
fn system_now() -> DateTime<Utc> {
    Utc::now()
}
