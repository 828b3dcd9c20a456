//! `include/paygent.h` in Rust, as a host written in Rust would write it down.

use std::ffi::{c_char, c_void};

use libloading::Library;

use super::symbol;

/// The interface that this host was written for.
pub(super) const VERSION: u32 = 1 << 16;

/// What the host may do next.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// Done so far; call again.
    More = 1,
    /// A rule, or the card company, said no.
    Refused = 2,
    /// Asked and not answered; never repeat it.
    Uncertain = 3,
    /// Nothing was asked of the gateway; may be repeated.
    Failed = 4,
    /// Our mistake.
    Misuse = 5,
    /// A caught defect of the plugin.
    Bug = 6,
}

/// Whom a hook serves.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A browser of a shopper.
    Shopper = 0,
    /// A member of the staff.
    Staff = 1,
    /// Paygent's servers.
    Gateway = 2,
    /// Whatever wakes the plugin.
    Scheduler = 3,
    /// The shop's own code.
    Host = 4,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "the library makes its values")]
pub(super) enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
    Trace = 5,
}

#[repr(C)]
pub(super) struct Plugin {
    _private: [u8; 0],
}

#[repr(C)]
pub(super) struct Bytes {
    ptr: *mut c_char,
    len: usize,
}

#[repr(C)]
pub(super) struct Hook {
    pub(super) struct_size: usize,
    pub(super) name: *const c_char,
    pub(super) audience: Audience,
    pub(super) method: *const c_char,
    pub(super) path: *const c_char,
    pub(super) summary: *const c_char,
}

#[repr(C)]
pub(super) struct Host {
    pub(super) struct_size: usize,
    pub(super) abi: u32,
    pub(super) ctx: *mut c_void,
    pub(super) register_hook: Option<unsafe extern "C" fn(*mut c_void, *const Hook)>,
    pub(super) log: Option<unsafe extern "C" fn(*mut c_void, Level, *const c_char, usize)>,
    pub(super) now: Option<unsafe extern "C" fn(*mut c_void) -> i64>,
}

type OpenFn = unsafe extern "C" fn(*const Host, *const c_char, usize, *mut *mut Plugin, *mut Bytes) -> Status;
type CallFn = unsafe extern "C" fn(*mut Plugin, *const c_char, usize, *const c_char, usize, *mut Bytes) -> Status;
type ServeFn = unsafe extern "C" fn(*mut Plugin, *const c_char, usize, *mut Bytes) -> Status;

/// The library's functions, behind safe ones. They are good for as long as the library is loaded.
pub(super) struct Functions {
    abi_version: unsafe extern "C" fn() -> u32,
    open: OpenFn,
    call: CallFn,
    serve: ServeFn,
    stop: unsafe extern "C" fn(*mut Plugin),
    free: unsafe extern "C" fn(*mut Bytes),
    close: unsafe extern "C" fn(*mut Plugin),
}

impl Functions {
    pub(super) fn find(library: &Library) -> anyhow::Result<Self> {
        Ok(Self {
            abi_version: symbol(library, "paygent_abi_version")?,
            open: symbol(library, "paygent_open")?,
            call: symbol(library, "paygent_call")?,
            serve: symbol(library, "paygent_serve")?,
            stop: symbol(library, "paygent_stop")?,
            free: symbol(library, "paygent_free")?,
            close: symbol(library, "paygent_close")?,
        })
    }

    pub(super) fn abi_version(&self) -> u32 {
        // SAFETY: callable at any time.
        unsafe { (self.abi_version)() }
    }

    /// The host's `ctx` must outlive the plugin.
    pub(super) fn open(&self, host: &Host, config: &str) -> (Status, *mut Plugin, String) {
        let (mut plugin, mut reply) = (
            std::ptr::null_mut(),
            Bytes {
                ptr: std::ptr::null_mut(),
                len: 0,
            },
        );
        // SAFETY: every pointer is to a live value of the type and length that the header asks for.
        let status = unsafe {
            (self.open)(
                host,
                config.as_ptr().cast(),
                config.len(),
                &raw mut plugin,
                &raw mut reply,
            )
        };
        (status, plugin, self.take(reply))
    }

    pub(super) fn call(&self, plugin: *mut Plugin, hook: &str, request: &str) -> (Status, String) {
        let mut reply = Bytes {
            ptr: std::ptr::null_mut(),
            len: 0,
        };
        let (hook_at, request_at) = (hook.as_ptr().cast(), request.as_ptr().cast());
        // SAFETY: as for `open`; `plugin` came from it.
        let status = unsafe { (self.call)(plugin, hook_at, hook.len(), request_at, request.len(), &raw mut reply) };
        (status, self.take(reply))
    }

    pub(super) fn serve(&self, plugin: *mut Plugin, address: &str) -> (Status, String) {
        let mut reply = Bytes {
            ptr: std::ptr::null_mut(),
            len: 0,
        };
        // SAFETY: as for `call`.
        let status = unsafe { (self.serve)(plugin, address.as_ptr().cast(), address.len(), &raw mut reply) };
        (status, self.take(reply))
    }

    pub(super) fn stop(&self, plugin: *mut Plugin) {
        // SAFETY: takes whatever `open` ever gave.
        unsafe { (self.stop)(plugin) };
    }

    pub(super) fn close(&self, plugin: *mut Plugin) {
        // SAFETY: takes whatever `open` ever gave.
        unsafe { (self.close)(plugin) };
    }

    /// Copies a reply and gives it back.
    fn take(&self, mut reply: Bytes) -> String {
        let text = if reply.ptr.is_null() {
            String::new()
        } else {
            // SAFETY: not null: the library promises `len` readable bytes until `free`.
            let bytes = unsafe { std::slice::from_raw_parts(reply.ptr.cast::<u8>(), reply.len) };
            String::from_utf8_lossy(bytes).into_owned()
        };
        // SAFETY: the library filled it, or it is empty.
        unsafe { (self.free)(&raw mut reply) };
        text
    }
}
