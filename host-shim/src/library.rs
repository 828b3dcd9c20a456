//! The plugin as this shop knows it: a file that is loaded at run time. Nothing of the plugin's code is linked.
//!
//! `abi` is our own copy of `include/paygent.h`, in Rust. All unsafe code of the shop stands in this module.

mod abi;

use std::ffi::{CStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, bail};
use libloading::{Library, Symbol};
use serde_json::Value;

pub use abi::{Audience, Status};
use abi::{Hook as HookPrint, Host, Plugin as Handle};

/// A hook or route that the plugin registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What `call` takes.
    pub name: String,
    /// Whom it serves.
    pub audience: Audience,
    /// HTTP method.
    pub method: String,
    /// Path below the audience's mount point.
    pub path: String,
}

/// A reply: what the shop may do next, and the JSON.
#[derive(Debug, Clone)]
pub struct Called {
    /// What the shop may do next.
    pub status: Status,
    /// `{data, effects, body, …}`, or `{code, message}`.
    pub reply: Value,
}

/// What the plugin's callbacks reach. Its address must not change while the plugin is open.
struct Side {
    hooks: Mutex<Vec<Hook>>,
    log: Box<dyn Fn(&str) + Send + Sync>,
    /// Unix milliseconds; 0: the system's clock.
    clock: Arc<AtomicI64>,
}

/// One opened plugin. Shared by all threads of the shop.
pub struct Plugin {
    functions: abi::Functions,
    handle: *mut Handle,
    side: Box<Side>,
    /// Dropped last: the functions live in it.
    _library: Library,
}

// SAFETY: the header lets any thread call any function; `handle` is a number in disguise, and `Side` is `Sync`.
unsafe impl Send for Plugin {}
// SAFETY: as for `Send`.
unsafe impl Sync for Plugin {}

impl Plugin {
    /// Loads `library` and opens it with this configuration. `clock` holds Unix milliseconds, or 0 for the system's
    /// clock; `log` gets the plugin's lines.
    pub fn open(
        library: &Path,
        config: &Value,
        clock: Arc<AtomicI64>,
        log: impl Fn(&str) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        // SAFETY: loading runs the library's initialisers; the plugin has none (it starts nothing before it is called).
        let loaded = unsafe { Library::new(library) }.with_context(|| format!("cannot load {}", library.display()))?;
        let functions = abi::Functions::find(&loaded)?;
        let ours = abi::VERSION;
        let theirs = functions.abi_version();
        if theirs >> 16 != ours >> 16 {
            bail!(
                "{} speaks interface {}, this shop {}",
                library.display(),
                theirs >> 16,
                ours >> 16
            );
        }
        let side = Box::new(Side {
            hooks: Mutex::default(),
            log: Box::new(log),
            clock,
        });
        let host = Host {
            struct_size: size_of::<Host>(),
            abi: ours,
            ctx: (&raw const *side).cast_mut().cast(),
            register_hook: Some(register),
            log: Some(write_log),
            now: Some(now),
        };
        let (status, handle, reply) = functions.open(&host, &config.to_string());
        if status != Status::Ok {
            bail!("the plugin did not open: {reply}");
        }
        Ok(Self {
            functions,
            handle,
            side,
            _library: loaded,
        })
    }

    /// Runs a hook to its end on this thread; it may block for as long as the gateway takes.
    pub fn call(&self, hook: &str, request: &Value) -> Called {
        let (status, text) = self.functions.call(self.handle, hook, &request.to_string());
        Called {
            status,
            reply: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    /// The HTTP door, on this thread, until `stop`.
    pub fn serve(&self, address: &str) -> Called {
        let (status, text) = self.functions.serve(self.handle, address);
        Called {
            status,
            reply: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    /// Makes `serve` return.
    pub fn stop(&self) {
        self.functions.stop(self.handle);
    }

    /// What was registered, in the plugin's order.
    pub fn hooks(&self) -> Vec<Hook> {
        self.side
            .hooks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.functions.close(self.handle);
    }
}

/// `libpaygent.so` as cargo leaves it: beside this program, in `deps` below it, or one folder up for a test; of several
/// the newest, since cargo does not renew them all.
pub fn beside_this_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let name = format!(
        "{}paygent{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let folder = program.parent().context("a program lies in a folder")?;
    let places = [
        Some(folder.to_owned()),
        Some(folder.join("deps")),
        folder.parent().map(Path::to_owned),
    ];
    let built = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let found = places
        .into_iter()
        .flatten()
        .map(|place| place.join(&name))
        .filter(|path| built(path).is_some());
    let newest = found.max_by_key(built);
    newest.with_context(|| format!("{name} is not beside {}; build the workspace first", program.display()))
}

/// # Safety
/// `ctx` is the `Side` that `Plugin::open` gave, and `hook` a hook whose text is NUL-terminated.
unsafe extern "C" fn register(ctx: *mut c_void, hook: *const HookPrint) {
    // SAFETY: the plugin calls back only inside `paygent_open`, while `side` lives.
    let side = unsafe { &*ctx.cast::<Side>() };
    // SAFETY: the header promises a hook that is readable during the callback.
    let hook = unsafe { &*hook };
    // SAFETY: the header promises NUL-terminated text.
    let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    let hook = Hook {
        name: text(hook.name),
        audience: hook.audience,
        method: text(hook.method),
        path: text(hook.path),
    };
    side.hooks
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .push(hook);
}

/// # Safety
/// `ctx` as above; `message` points to `len` readable bytes.
unsafe extern "C" fn write_log(ctx: *mut c_void, level: abi::Level, message: *const c_char, len: usize) {
    // SAFETY: the plugin calls back only inside its functions, while `side` lives.
    let side = unsafe { &*ctx.cast::<Side>() };
    // SAFETY: the header promises `len` readable bytes.
    let message = unsafe { std::slice::from_raw_parts(message.cast::<u8>(), len) };
    (side.log)(&format!("{level:?} {}", String::from_utf8_lossy(message)));
}

/// # Safety
/// `ctx` as above.
unsafe extern "C" fn now(ctx: *mut c_void) -> i64 {
    // SAFETY: the plugin calls back only inside its functions, while `side` lives.
    let side = unsafe { &*ctx.cast::<Side>() };
    match side.clock.load(Ordering::Acquire) {
        0 => crate::clock::now().timestamp_millis(),
        set => set,
    }
}

/// A function of the library.
fn symbol<T: Copy>(library: &Library, name: &str) -> anyhow::Result<T> {
    // SAFETY: `abi` asks for each name with the type that the header gives it.
    let found: Symbol<'_, T> = unsafe { library.get(name) }.with_context(|| format!("the library has no {name}"))?;
    Ok(*found)
}
