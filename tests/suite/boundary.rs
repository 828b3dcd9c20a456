//! The C interface: compiled by the system's compiler, abused, under valgrind; and what the library shows outside.

use std::path::{Path, PathBuf};
use std::process::Command;

use host_shim::library::{Audience, beside_this_program};
use serde_json::json;

use crate::world::World;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Runs a command to its end; what it wrote, if it succeeded.
pub(crate) fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// Compiles a C host against the header and the library.
pub(crate) fn compiled(source: &str, folder: &Path) -> PathBuf {
    let library = beside_this_program().unwrap();
    let program = folder.join("host");
    let root = root();
    run(Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-g"])
        .arg(format!("-I{}", root.join("include").display()))
        .arg(root.join("tests/hosts").join(source))
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.parent().unwrap().display()))
        .arg("-o")
        .arg(&program));
    program
}

fn config(folder: &Path) -> String {
    json!({
        "database": folder.join("paygent.db"),
        "signing_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "gateway": {"access": "hash", "hash_key": "k", "merchant_id": "1", "connect_id": "c", "connect_password": "p"},
    })
    .to_string()
}

#[test]
fn the_header_compiles_as_c_and_as_cpp_and_both_sides_have_one_layout() {
    let dialects = [
        ("cc", "c", "c99"),
        ("cc", "c", "c11"),
        ("cc", "c", "c17"),
        ("c++", "c++", "c++11"),
        ("c++", "c++", "c++20"),
    ];
    for (compiler, language, standard) in dialects {
        run(Command::new(compiler)
            .args([
                "-x",
                language,
                &format!("-std={standard}"),
                "-Wall",
                "-Wextra",
                "-Werror",
                "-pedantic",
                "-fsyntax-only",
            ])
            .arg(format!("-I{}", root().join("include").display()))
            .arg(root().join("tests/hosts/layout.c")));
    }
}

#[test]
fn everything_a_host_can_do_wrong_is_answered_and_the_next_call_works() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(Command::new(compiled("abuse.c", folder.path())).arg(config(folder.path())));
    assert_eq!(said, "112 checks\n");
}

#[test]
fn valgrind_finds_no_wrong_access_and_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new("valgrind")
        .args([
            "--quiet",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite",
        ])
        .args(["--error-exitcode=9", "--child-silent-after-fork=yes"])
        .arg(compiled("abuse.c", folder.path()))
        .arg(config(folder.path())));
}

#[test]
fn the_library_shows_its_eight_functions_and_cannot_be_unloaded() {
    let library = beside_this_program().unwrap();
    let symbols = run(Command::new("nm")
        .args(["-D", "--defined-only", "--format=just-symbols"])
        .arg(&library));
    let mut symbols: Vec<&str> = symbols.lines().collect();
    symbols.sort_unstable();
    assert_eq!(
        symbols,
        [
            "paygent_abi_version",
            "paygent_call",
            "paygent_close",
            "paygent_free",
            "paygent_open",
            "paygent_serve",
            "paygent_stop",
            "paygent_version",
        ]
    );
    let dynamic = run(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    let needed: Vec<&str> = dynamic.lines().filter(|line| line.contains("NEEDED")).collect();
    assert!(
        needed.iter().all(|line| ["libc.", "libm.", "libgcc_s", "ld-linux"]
            .iter()
            .any(|own| line.contains(own))),
        "{needed:?}"
    );
}

#[test]
fn every_hook_and_route_is_registered_with_whom_it_serves() {
    let world = World::new();
    let hooks = world.adapter.plugin.hooks();
    let of = |audience| {
        hooks
            .iter()
            .filter(|hook| hook.audience == audience)
            .map(|hook| hook.name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(Audience::Shopper),
        [
            "shopper.route",
            "card.page",
            "card.pay",
            "card.back",
            "card.return",
            "card.authenticate",
            "card.acs",
            "link.paid",
            "link.stopped",
            "card.status",
            "cards.page",
            "cards.add",
            "cards.delete"
        ]
    );
    assert_eq!(
        of(Audience::Staff),
        [
            "staff.route",
            "admin.menu",
            "admin.list",
            "admin.export",
            "admin.order",
            "admin.inquire",
            "admin.link",
            "admin.bulk.list",
            "admin.bulk.start",
            "admin.bulk.preflight",
            "admin.cleanup",
            "admin.bulk.show",
            "admin.bulk.confirm",
            "admin.bulk.step",
            "admin.bulk.stop",
            "admin.bulk.resume",
            "admin.bulk.retry",
            "admin.mismatches",
            "admin.mismatches.compare",
            "admin.mismatches.done",
            "admin.mismatches.give_back",
            "admin.settings",
            "admin.check"
        ]
    );
    assert_eq!(of(Audience::Gateway), ["notice.push"]);
    assert_eq!(of(Audience::Scheduler), ["work.step"]);
    assert_eq!(
        of(Audience::Host),
        [
            "plugin.describe",
            "orders.put",
            "checkout.enter",
            "effects.pending",
            "effects.ack",
            "payments.state",
            "members.removed"
        ]
    );
}

#[test]
fn pythons_cffi_reads_the_header_without_preprocessor_lines() {
    let header = root().join("include/paygent_ffi.h");
    let script = "import cffi, sys; f = cffi.FFI(); f.cdef(open(sys.argv[1]).read()); print(f.sizeof('paygent_host'))";
    // Debian's own Python: that is where Debian's cffi lives.
    assert_eq!(
        run(Command::new("/usr/bin/python3").args(["-c", script]).arg(header)),
        "48\n"
    );
}
