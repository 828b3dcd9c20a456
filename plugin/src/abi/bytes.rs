//! Text across the boundary: borrowed on the way in, owned by the caller on the way out.

use std::ffi::c_char;

use super::paygent_bytes;
use crate::reply::Problem;

/// The caller's text, checked: not null unless empty, at most `limit` bytes, UTF-8.
///
/// # Safety
/// `ptr` is null, or points to `len` bytes that stay readable and unchanged for `'a`.
pub(super) unsafe fn text<'a>(what: &str, ptr: *const c_char, len: usize, limit: usize) -> Result<&'a str, Problem> {
    if len == 0 {
        return Ok("");
    }
    if ptr.is_null() {
        return Err(Problem::misuse(
            "abi.null",
            format!("`{what}` is null, but its length is not 0"),
        ));
    }
    if len > limit {
        return Err(Problem::misuse(
            "abi.too_long",
            format!("`{what}` has {len} bytes; at most {limit} are taken"),
        ));
    }
    // SAFETY: not null; the caller promised `len` readable, unchanging bytes; `limit` is far below `isize::MAX`.
    let bytes = unsafe { std::slice::from_raw_parts(ptr.cast::<u8>(), len) };
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::misuse(
            "abi.not_utf8",
            format!("`{what}` is not UTF-8 from byte {}", error.valid_up_to()),
        )
    })
}

/// Hands text to the caller.
pub(super) fn owned(text: String) -> paygent_bytes {
    let len = text.len();
    let mut bytes = text.into_bytes();
    bytes.push(0);
    let ptr = Box::into_raw(bytes.into_boxed_slice());
    paygent_bytes { ptr: ptr.cast(), len }
}

/// Takes text back and empties `bytes`.
///
/// # Safety
/// `bytes` came from `owned` and was not changed since, or is empty.
pub(super) unsafe fn free(bytes: &mut paygent_bytes) {
    let paygent_bytes { ptr, len } = std::mem::replace(
        bytes,
        paygent_bytes {
            ptr: std::ptr::null_mut(),
            len: 0,
        },
    );
    if !ptr.is_null() {
        let slice = std::ptr::slice_from_raw_parts_mut(ptr.cast::<u8>(), len + 1);
        // SAFETY: `owned` made exactly this box, of `len` bytes and the NUL; the caller promised it is unchanged.
        drop(unsafe { Box::from_raw(slice) });
    }
}
