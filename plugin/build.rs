//! Linker settings of `libpaygent.so`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // PHP unloads a library at the end of each request; ours must stay what it was, with its tables of opened plugins.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
