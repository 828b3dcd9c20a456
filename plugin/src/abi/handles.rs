//! What a `paygent_plugin *` stands for: a number that is never given twice, looked up in a table. So closing twice
//! and using after closing are answered, not obeyed.
//!
//! After `fork` the child has the table but none of the parent's threads: it gives each plugin a fresh instance,
//! leaking the old one, whose locks may be held for ever and whose database connections may not even be closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use serde_json::json;
use tokio::sync::Notify;

use super::host::Host;
use super::{ABI, VERSION, paygent_plugin};
use crate::instance::Instance;
use crate::reply::Problem;

/// One opened plugin.
pub(super) struct Open {
    pub(super) host: Host,
    pub(super) instance: Arc<Instance>,
    calls: Mutex<Calls>,
    ended: Condvar,
    serving: AtomicBool,
    pub(super) stop: Notify,
}

#[derive(Default)]
struct Calls {
    running: usize,
    closing: bool,
}

struct Table {
    process: u32,
    last: usize,
    open: HashMap<usize, Arc<Open>>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

thread_local! {
    /// This thread is inside `paygent_serve`, so a close from a callback cannot wait for that to end.
    static INSIDE_SERVE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Puts a plugin into the table.
pub(super) fn insert(instance: Instance, host: Host) -> Result<*mut paygent_plugin, Problem> {
    let open = Arc::new(Open::new(instance, host));
    with_table(|table| {
        table.last += 1;
        table.open.insert(table.last, open);
        std::ptr::without_provenance_mut(table.last)
    })
}

/// The plugin behind a pointer.
pub(super) fn find(plugin: *mut paygent_plugin) -> Result<Arc<Open>, Problem> {
    with_table(|table| table.open.get(&plugin.addr()).map(Arc::clone))?
        .ok_or_else(|| Problem::misuse("abi.plugin", "this plugin is not open"))
}

/// Takes a plugin out of the table, stops its serving and waits for its calls.
pub(super) fn close(plugin: *mut paygent_plugin) {
    let Ok(Some(open)) = with_table(|table| table.open.remove(&plugin.addr())) else {
        return;
    };
    let mut calls = open.lock_calls();
    calls.closing = true;
    if open.serving.load(Ordering::Acquire) {
        open.stop();
    }
    let own = INSIDE_SERVE.get();
    while calls.running > 0 && !own {
        calls = open.ended.wait(calls).unwrap_or_else(PoisonError::into_inner);
    }
}

/// What `paygent_open` replies.
pub(super) fn greeting() -> String {
    let version = VERSION.trim_end_matches('\0');
    json!({"data": {"version": version, "abi": ABI, "hooks": crate::hook::HOOKS.len()}}).to_string()
}

fn with_table<T>(act: impl FnOnce(&mut Table) -> T) -> Result<T, Problem> {
    let process = std::process::id();
    let mut guard = match TABLE.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => wait_for_table(process)?,
    };
    let table = guard.get_or_insert_with(|| Table {
        process,
        last: 0,
        open: HashMap::new(),
    });
    if table.process != process {
        table.after_fork(process);
    }
    Ok(act(table))
}

/// Somebody holds the table, for a moment only. In a forked child that somebody may not exist any more: so the wait ends.
fn wait_for_table(process: u32) -> Result<MutexGuard<'static, Option<Table>>, Problem> {
    const TRIES: u32 = 1_000;
    for _ in 0..TRIES {
        std::thread::sleep(std::time::Duration::from_micros(500));
        match TABLE.try_lock() {
            Ok(guard) => return Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    Err(Problem::failed(
        "abi.forked",
        format!("process {process} was forked in the middle of a call; open the plugin in it"),
    ))
}

impl Table {
    fn after_fork(&mut self, process: u32) {
        self.process = process;
        for open in self.open.values_mut() {
            let fresh = open
                .instance
                .afresh()
                .map(|instance| Arc::new(Open::new(instance, open.host)));
            if let Ok(fresh) = fresh {
                std::mem::forget(std::mem::replace(open, fresh));
            }
        }
    }
}

impl Open {
    fn new(instance: Instance, host: Host) -> Self {
        Self {
            host,
            instance: Arc::new(instance),
            calls: Mutex::default(),
            ended: Condvar::new(),
            serving: AtomicBool::new(false),
            stop: Notify::new(),
        }
    }

    /// Makes the serving end, now or when it begins.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    fn lock_calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way; `close` waits for it.
pub(super) struct Entered(Arc<Open>);

impl Entered {
    /// Counts a call in; refused once the plugin is closing.
    pub(super) fn new(open: Arc<Open>) -> Result<Self, Problem> {
        let mut calls = open.lock_calls();
        if calls.closing {
            return Err(Problem::misuse("abi.plugin", "this plugin is closing"));
        }
        calls.running += 1;
        drop(calls);
        Ok(Self(open))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.lock_calls().running -= 1;
        self.0.ended.notify_all();
    }
}

/// While this lives, the plugin serves on this thread.
pub(super) struct Serving(Arc<Open>);

impl Serving {
    /// One at a time.
    pub(super) fn begin(open: Arc<Open>) -> Result<Self, Problem> {
        if open.serving.swap(true, Ordering::AcqRel) {
            return Err(Problem::misuse("serve.running", "this plugin is serving already"));
        }
        INSIDE_SERVE.set(true);
        Ok(Self(open))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        INSIDE_SERVE.set(false);
        self.0.serving.store(false, Ordering::Release);
    }
}
