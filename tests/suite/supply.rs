//! What we build on: licences that may be linked, and crates that may not.

use std::process::Command;

use serde_json::Value;

use crate::boundary::{root, run};

/// Every crate of the lock file, by `cargo metadata` without a network.
fn packages() -> Vec<Value> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let printed = run(Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .current_dir(root()));
    let metadata: Value = serde_json::from_str(&printed).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn every_licence_is_one_that_a_shop_can_link() {
    const ALLOWED: [&str; 9] = [
        "MIT",
        "Apache-2.0",
        "ISC",
        "BSD-3-Clause",
        "Unicode-3.0",
        "Zlib",
        "Unlicense",
        "BSL-1.0",
        "Apache-2.0 WITH LLVM-exception",
    ];
    for package in packages() {
        let (name, licence) = (
            package["name"].as_str().unwrap(),
            package["license"].as_str().unwrap_or("none"),
        );
        if name == "cbindgen" {
            assert_eq!(licence, "MPL-2.0", "a tool of the tests, never shipped");
            continue;
        }
        // `A OR B` leaves the choice, `A AND B` asks for both.
        let parts = licence
            .replace(['(', ')'], "")
            .replace(" / ", " OR ")
            .replace('/', " OR ");
        let good = parts
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|one| ALLOWED.contains(&one.trim())));
        assert!(good, "{name}: {licence}");
    }
}

#[test]
fn what_was_decided_against_stays_out() {
    const BANNED: [&str; 6] = ["rustls", "ring", "aws-lc-rs", "mysqlclient-src", "r2d2", "native-tls"];
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!BANNED.contains(&name), "{name} is in the tree");
        let source = package["source"].as_str().unwrap_or("path");
        assert!(
            source == "path" || source.starts_with("registry+"),
            "{name} comes from {source}"
        );
    }
}

#[test]
fn r90_r91_r92_the_readme_says_for_whom_it_is_and_who_supports_what() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for said in [
        "カゴラボ 5.0.0",
        "shop's vendor supports the operation",
        "ペイジェントオンライン (which needs its own account)",
        "<https://www.paygent.co.jp/contact/>",
    ] {
        assert!(readme.contains(said), "{said}");
    }
}
