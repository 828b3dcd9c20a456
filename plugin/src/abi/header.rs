//! `include/paygent.h` and `include/paygent_ffi.h` are prints of `abi.rs`; this holds them to it.
//! `UPDATE_HEADER=1 cargo test -p paygent header` prints them anew.

use std::path::Path;

use cbindgen::{Builder, Config, DocumentationStyle, EnumConfig, Language, Style};

const HEAD: &str = r#"/* The C interface of the Paygent payment plugin. Printed from plugin/src/abi.rs; do not edit.
 *
 * A host in seven steps:
 *   1. Fill a paygent_host: struct_size = sizeof(paygent_host), abi = paygent_abi_version(), callbacks as you like.
 *   2. paygent_open(&host, config, strlen(config), &plugin, &reply): every hook and route comes through register_hook.
 *   3. Tell of orders with paygent_call(plugin, "orders.put", ...), and open the card page with "checkout.enter".
 *   4. Mount two places: hand every request below them to "shopper.route" and "staff.route", send back what they reply.
 *   5. Each reply may hold "effects": apply each once by its key, in the order of its number; tell by "effects.ack".
 *   6. Call "work.step" every few seconds (or leave that to paygent_serve).
 *   7. paygent_free each reply, paygent_close at the end.
 * Requests and replies are JSON; the hook "plugin.describe" answers with their schemas.
 * Amounts are whole yen, ids are strings, times are RFC 3339 with an offset. */"#;

fn header(config: Config) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/abi.rs");
    let mut text = Vec::new();
    Builder::new()
        .with_config(config)
        .with_src(source)
        .generate()
        .unwrap()
        .write(&mut text);
    String::from_utf8(text).unwrap()
}

fn common() -> Config {
    Config {
        language: Language::C,
        style: Style::Both,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::Doxy,
        enumeration: EnumConfig {
            prefix_with_name: false,
            ..EnumConfig::default()
        },
        line_length: 120,
        ..Config::default()
    }
}

fn c_header() -> String {
    header(Config {
        header: Some(HEAD.to_owned()),
        include_guard: Some("PAYGENT_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        cpp_compat: true,
        ..common()
    })
}

/// PHP's FFI and Python's cffi read declarations only: no preprocessor line may stand in them.
fn ffi_header() -> String {
    header(Config {
        no_includes: true,
        documentation: false,
        ..common()
    })
}

fn hold(name: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include").join(name);
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == printed,
        "include/{name} is not what abi.rs says; print it anew with UPDATE_HEADER=1"
    );
}

#[test]
fn the_header_is_the_print_of_the_interface() {
    hold("paygent.h", &c_header());
}

#[test]
fn the_ffi_header_is_the_same_without_preprocessor_lines() {
    let printed = ffi_header();
    assert!(
        !printed.lines().any(|line| line.trim_start().starts_with('#')),
        "{printed}"
    );
    hold("paygent_ffi.h", &printed);
}
