//! Hosts in other languages: each lists the hooks, sells an order with a real telegram, captures it and closes.

use std::process::Command;

use host_shim::demo;
use host_shim::library::beside_this_program;

use crate::boundary::{compiled, root, run};
use crate::world::{GOOD, World};

/// What every host must have said and done.
fn sold(world: &World, said: &str) {
    for line in [
        "hook checkout.enter POST /hooks/checkout.enter",
        "hook staff.route ANY /*",
        "45 hooks, plugin 0.1.0",
        "paid: placed",
        "state: 売上",
    ] {
        assert!(said.lines().any(|own| own == line), "{line} in\n{said}");
    }
    let payments = world.payments();
    assert_eq!(
        (payments.len(), payments[0]["status"].as_i64()),
        (1, Some(40)),
        "{payments:?}"
    );
}

fn config(world: &World) -> String {
    demo::config(world.folder.path(), &world.reach).unwrap().to_string()
}

#[test]
fn a_host_in_c_sells_and_captures() {
    let world = World::new();
    let host = compiled("host.c", world.folder.path());
    sold(
        &world,
        &run(Command::new(host).arg(config(&world)).arg(world.token(GOOD))),
    );
}

#[test]
fn a_host_in_php_sells_and_captures() {
    let world = World::new();
    let hosts = root().join("tests/hosts");
    let said = run(Command::new("php")
        .args(["-d", "ffi.enable=1"])
        .arg(hosts.join("host.php"))
        .arg(beside_this_program().unwrap())
        .arg(root().join("include/paygent_ffi.h"))
        .arg(config(&world))
        .arg(world.token(GOOD)));
    sold(&world, &said);
}

#[test]
fn a_host_in_python_sells_and_captures() {
    let world = World::new();
    let said = run(Command::new("python3")
        .arg(root().join("tests/hosts/host.py"))
        .arg(beside_this_program().unwrap())
        .arg(config(&world))
        .arg(world.token(GOOD)));
    sold(&world, &said);
}

/// Each stays short enough to be read in one go.
#[test]
fn the_first_hosts_are_under_sixty_lines() {
    for name in ["host.c", "host.php", "host.py"] {
        let lines = std::fs::read_to_string(root().join("tests/hosts").join(name))
            .unwrap()
            .lines()
            .count();
        assert!(lines < 60, "{name} has {lines} lines");
    }
}
