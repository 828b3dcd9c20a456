//! The C interface, whole: eight functions out, one sized table in, JSON between. `include/paygent.h` is its print,
//! so the comments here are written for whoever writes a host.
//!
//! This module and its parts are the only unsafe code of the plugin:
//! `bytes` text in and out · `host` the host's table as a safe value · `handles` what a `paygent_plugin *` stands for ·
//! `tls` one call into OpenSSL.

#![expect(unsafe_code, reason = "this is the C boundary; each block says who promised what")]
#![expect(non_camel_case_types, reason = "the names are those of the C header")]

mod bytes;
mod handles;
#[cfg(test)]
mod header;
mod host;
pub(crate) mod tls;

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use crate::hook::dispatch;
use crate::http::{self, Door};
use crate::instance::Instance;
use crate::log;
use crate::reply::{Answer, Problem, Status};

/// The longest configuration and the longest request, in bytes.
const CONFIG_LIMIT: usize = 1 << 20;
const REQUEST_LIMIT: usize = 8 << 20;

/// The interface that this library speaks: major in the upper 16 bits, minor in the lower.
const ABI: u32 = 1 << 16;
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// One opened plugin. It is a number in disguise: never look behind the pointer. A closed one is never reused,
/// so using it again answers `PAYGENT_MISUSE`.
pub struct paygent_plugin {
    _private: [u8; 0],
}

/// Text that the plugin gives: `len` bytes of UTF-8 at `ptr`, and a NUL after them that `len` does not count.
/// It is yours until you give it to `paygent_free`; never give `ptr` to `free`.
#[repr(C)]
#[derive(Debug)]
pub struct paygent_bytes {
    /// First byte; null when there is no text.
    pub ptr: *mut c_char,
    /// Number of bytes without the NUL.
    pub len: usize,
}

/// What you may do next after a call. A reply that is not OK or MORE says why: `{"code", "message", "detail"}`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum paygent_status {
    /// Done.
    PAYGENT_OK = 0,
    /// Done so far; the job has more steps: call again.
    PAYGENT_MORE = 1,
    /// A rule, or the card company, said no.
    PAYGENT_REFUSED = 2,
    /// Asked and not answered. Never repeat it: it will be resolved by inquiry.
    PAYGENT_UNCERTAIN = 3,
    /// Nothing was asked of the gateway. You may repeat the call.
    PAYGENT_FAILED = 4,
    /// Your mistake; nothing happened.
    PAYGENT_MISUSE = 5,
    /// A defect of the plugin was caught. The plugin can be used on; what this call did is found out by inquiry.
    PAYGENT_BUG = 6,
}

/// Whom a hook serves. Let nobody else through to it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum paygent_audience {
    /// A browser of a shopper.
    PAYGENT_SHOPPER = 0,
    /// A member of the shop's staff, whom you have logged in; name them and their rights in the request.
    PAYGENT_STAFF = 1,
    /// Paygent's servers.
    PAYGENT_GATEWAY = 2,
    /// Whatever wakes the plugin every few seconds: cron, a page, `paygent_serve`.
    PAYGENT_SCHEDULER = 3,
    /// Your own code.
    PAYGENT_HOST = 4,
}

/// How much a log line matters.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum paygent_level {
    /// Somebody has to look.
    PAYGENT_ERROR = 1,
    /// Something was refused or failed, and was dealt with.
    PAYGENT_WARN = 2,
    /// What happened to money and orders.
    PAYGENT_INFO = 3,
    /// For whoever writes a host.
    PAYGENT_DEBUG = 4,
    /// Everything.
    PAYGENT_TRACE = 5,
}

/// One hook or route, told at `paygent_open`. All text is NUL-terminated UTF-8 and stays valid for ever.
#[repr(C)]
#[derive(Debug)]
pub struct paygent_hook {
    /// Size of this struct; members are only ever appended.
    pub struct_size: usize,
    /// What `paygent_call` takes, such as `checkout.enter`.
    pub name: *const c_char,
    /// Whom it serves.
    pub audience: paygent_audience,
    /// HTTP method of a page or of the HTTP door; `ANY` for a whole mount point.
    pub method: *const c_char,
    /// Path below the audience's mount point; `{…}` is one segment, a final `*` all that follows.
    pub path: *const c_char,
    /// One line on what it does.
    pub summary: *const c_char,
}

/// Your side. Fill `struct_size` and `abi`; every callback may be null. The plugin copies the table at `paygent_open`
/// (only the members that `struct_size` covers) and calls back only on a thread that is inside one of its functions,
/// with no lock held. A callback must not unwind, and must not call `paygent_close` on this plugin except inside
/// `paygent_serve`, where it only stops.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct paygent_host {
    /// `sizeof(paygent_host)`.
    pub struct_size: usize,
    /// The `paygent_abi_version` that you were written for; its major must be the library's.
    pub abi: u32,
    /// Given back to each callback. Must stay valid until `paygent_close` returns; may be used from several threads
    /// if you call the plugin from several threads.
    pub ctx: *mut c_void,
    /// Called once per hook and route inside `paygent_open`. Copy what you need; `hook` itself is gone afterwards.
    pub register_hook: Option<unsafe extern "C" fn(ctx: *mut c_void, hook: *const paygent_hook)>,
    /// One line for your log, UTF-8, without line break, without card data or secrets. Valid during the call only.
    pub log: Option<
        unsafe extern "C" fn(ctx: *mut c_void, level: paygent_level, message: *const c_char, message_len: usize),
    >,
    /// The time as Unix milliseconds, UTC. Null: the system's clock. A test can drive 60 days with it.
    pub now: Option<unsafe extern "C" fn(ctx: *mut c_void) -> i64>,
}

/// The layout that hosts are compiled against, as `tests/hosts/layout.c` asserts it from the other side.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<paygent_bytes>() == 16 && offset_of!(paygent_bytes, len) == 8);
    assert!(size_of::<paygent_hook>() == 48 && offset_of!(paygent_hook, audience) == 16);
    assert!(offset_of!(paygent_hook, method) == 24 && offset_of!(paygent_hook, summary) == 40);
    assert!(
        size_of::<paygent_host>() == 48 && offset_of!(paygent_host, abi) == 8 && offset_of!(paygent_host, ctx) == 16
    );
    assert!(offset_of!(paygent_host, register_hook) == 24 && offset_of!(paygent_host, now) == 40);
};

/// The interface's version: `major << 16 | minor`. A host and a library with one major work together.
/// Any thread, any time, before anything else.
#[unsafe(no_mangle)]
pub extern "C" fn paygent_abi_version() -> u32 {
    ABI
}

/// The product's version, such as `0.1.0`: NUL-terminated, valid for ever; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn paygent_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// Opens a plugin: checks the host's table, parses `config` (JSON, `config_len` bytes, not kept) and registers every
/// hook and route through the table. Starts no thread and opens no socket and no database: that happens in the first
/// call that needs it. On PAYGENT_OK `*plugin` is yours until `paygent_close`; otherwise it is null.
/// `*reply` is yours to free in any case. Any thread.
///
/// # Safety
/// `host` points to a table of at least `struct_size` bytes; `config` to `config_len` readable bytes; `plugin` and
/// `reply` to writable memory. Null pointers are answered, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn paygent_open(
    host: *const paygent_host,
    config: *const c_char,
    config_len: usize,
    plugin: *mut *mut paygent_plugin,
    reply: *mut paygent_bytes,
) -> paygent_status {
    answered(reply, || {
        if plugin.is_null() || !plugin.is_aligned() {
            return Err(Problem::misuse("abi.plugin", "`plugin` points nowhere"));
        }
        // SAFETY: the caller promised writable memory; null and misaligned were refused above.
        unsafe { plugin.write(std::ptr::null_mut()) };
        // SAFETY: the caller promised a table of at least `struct_size` bytes.
        let host = unsafe { host::Host::copy(host) }?;
        // SAFETY: the caller promised `config_len` readable bytes, for the time of this call.
        let config = unsafe { bytes::text("config", config, config_len, CONFIG_LIMIT) }?;
        let instance = Instance::open(config)?;
        host.register_all();
        let handle = handles::insert(instance, host)?;
        // SAFETY: as above.
        unsafe { plugin.write(handle) };
        Ok(Answer {
            status: Status::Ok,
            json: handles::greeting(),
        })
    })
}

/// Runs one hook to its end on this thread. `hook` is a registered name, `request` its JSON (at most 8 MB; neither is
/// kept). `*reply` is yours to free in any case. Any thread, several at once; it may block for the gateway's latency
/// (`timeout_secs` of the configuration) and for the database.
///
/// # Safety
/// `hook` and `request` point to as many readable bytes as their lengths say; `reply` to writable memory.
/// Null pointers are answered, not followed. `plugin` may be anything that `paygent_open` ever gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn paygent_call(
    plugin: *mut paygent_plugin,
    hook: *const c_char,
    hook_len: usize,
    request: *const c_char,
    request_len: usize,
    reply: *mut paygent_bytes,
) -> paygent_status {
    answered(reply, || {
        const NAME_LIMIT: usize = 128;
        let open = handles::find(plugin)?;
        // SAFETY: the caller promised `hook_len` readable bytes, for the time of this call.
        let hook = unsafe { bytes::text("hook", hook, hook_len, NAME_LIMIT) }?;
        // SAFETY: the caller promised `request_len` readable bytes, for the time of this call.
        let request = unsafe { bytes::text("request", request, request_len, REQUEST_LIMIT) }?;
        let now = open.host.now();
        let entered = handles::Entered::new(Arc::clone(&open))?;
        let (answer, lines) = log::collect(open.host.wants_log(), || {
            guarded(|| Ok(dispatch::call(&open.instance, hook, request, now)))
        });
        drop(entered);
        open.host.write_log(&lines);
        answer
    })
}

/// Opens the HTTP door at `address` (`127.0.0.1:8080`; port 0 takes a free one, told in the log) and does the background
/// work, on this thread and threads of its own, until `paygent_stop` or `paygent_close`. No thread is left when it
/// returns. PAYGENT_OK when it was stopped. `*reply` is yours to free in any case. Any thread; one at a time per plugin.
///
/// # Safety
/// `address` points to `address_len` readable bytes; `reply` to writable memory. Null pointers are answered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn paygent_serve(
    plugin: *mut paygent_plugin,
    address: *const c_char,
    address_len: usize,
    reply: *mut paygent_bytes,
) -> paygent_status {
    answered(reply, || {
        const ADDRESS_LIMIT: usize = 256;
        let open = handles::find(plugin)?;
        // SAFETY: the caller promised `address_len` readable bytes, for the time of this call.
        let address = unsafe { bytes::text("address", address, address_len, ADDRESS_LIMIT) }?;
        let _entered = handles::Entered::new(Arc::clone(&open))?;
        let _serving = handles::Serving::begin(Arc::clone(&open))?;
        let (clock, log) = (Arc::clone(&open), Arc::clone(&open));
        let door = Door {
            instance: Arc::clone(&open.instance),
            clock: Rc::new(move || clock.host.now()),
            log: open
                .host
                .wants_log()
                .then(|| Rc::new(move |lines: &[log::Line]| log.host.write_log(lines)) as Rc<_>),
        };
        http::serve(&door, address, open.stop.notified())?;
        Ok(Answer {
            status: Status::Ok,
            json: r#"{"data":{"stopped":true}}"#.to_owned(),
        })
    })
}

/// Makes `paygent_serve` return, after the requests in flight. Meant for another thread; returns at once. A stop that
/// comes before `paygent_serve` makes that return at once. Does nothing on a closed plugin.
#[unsafe(no_mangle)]
pub extern "C" fn paygent_stop(plugin: *mut paygent_plugin) {
    let _ = catch_unwind(|| {
        if let Ok(open) = handles::find(plugin) {
            open.stop();
        }
    });
}

/// Frees a reply and empties it; doing it twice, or to an empty one, is harmless. Any thread.
///
/// # Safety
/// `reply` is null, or points to a `paygent_bytes` that this library filled and nobody changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn paygent_free(reply: *mut paygent_bytes) {
    let _ = catch_unwind(|| {
        if !reply.is_null() && reply.is_aligned() {
            // SAFETY: not null and aligned; the caller promised a `paygent_bytes` that nobody else uses now.
            let reply = unsafe { &mut *reply };
            // SAFETY: the caller promised that this library filled it; an emptied one holds null.
            unsafe { bytes::free(reply) };
        }
    });
}

/// Closes a plugin: refuses new calls, stops `paygent_serve`, waits for the calls under way and frees everything.
/// Nothing is lost: what was not finished is rows. Doing it twice is harmless. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn paygent_close(plugin: *mut paygent_plugin) {
    let _ = catch_unwind(|| handles::close(plugin));
}

/// Runs `body`, with no panic getting out, and writes its answer for the caller.
fn answered(reply: *mut paygent_bytes, body: impl FnOnce() -> Result<Answer, Problem>) -> paygent_status {
    if reply.is_null() || !reply.is_aligned() {
        return paygent_status::PAYGENT_MISUSE;
    }
    // SAFETY: the caller promised writable memory; null and misaligned were refused above. What stood there is not read.
    unsafe {
        reply.write(paygent_bytes {
            ptr: std::ptr::null_mut(),
            len: 0,
        })
    };
    let answer = guarded(body).unwrap_or_else(Answer::from);
    // SAFETY: as above.
    unsafe { reply.write(bytes::owned(answer.json)) };
    answer.status.into()
}

/// A caught panic is a defect of ours, told as such. What unwound is either our own value or a lock that recovers
/// from poisoning, so nothing half-changed is seen afterwards.
fn guarded<T>(body: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(Problem {
            status: Status::Bug,
            code: "bug.panic",
            message: "a defect of the plugin was caught".into(),
            detail: None,
        })
    })
}

impl From<Status> for paygent_status {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok => Self::PAYGENT_OK,
            Status::More => Self::PAYGENT_MORE,
            Status::Refused => Self::PAYGENT_REFUSED,
            Status::Uncertain => Self::PAYGENT_UNCERTAIN,
            Status::Failed => Self::PAYGENT_FAILED,
            Status::Misuse => Self::PAYGENT_MISUSE,
            Status::Bug => Self::PAYGENT_BUG,
        }
    }
}
