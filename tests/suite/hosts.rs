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
/// The conformance test of an adapter: how it ended, and what it said.
fn conforms(kills: u32, adapter: &[&str], guarded: bool) -> (bool, String) {
    let mut test = Command::new(env!("CARGO_BIN_EXE_host-shim"));
    test.arg("conform").arg("--kills").arg(kills.to_string()).args(adapter);
    if !guarded {
        test.env("UNGUARDED", "1");
    }
    let output = test.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said)
}

#[test]
fn n3_this_shops_adapter_does_each_effect_once_twice_at_once_and_killed_in_between() {
    let (conforms, said) = conforms(12, &[], true);
    assert!(conforms, "{said}");
    let killed = said.lines().last().unwrap();
    assert!(!killed.contains("killed 0 times"), "{killed}");
    println!("{killed}");
}

#[test]
fn n3_any_hosts_adapter_can_be_tested_and_one_without_a_guard_is_found_out() {
    let script = root().join("tests/hosts/adapter.py");
    let python = ["python3", script.to_str().unwrap()];
    let (good, said) = conforms(2, &python, true);
    assert!(good, "{said}");
    let (good, said) = conforms(1, &python, false);
    assert!(!good);
    for wrong in [
        "order.pend, twice",
        "mail.order_placed after pend, place, twice",
        "order.cancel after pend, twice",
    ] {
        assert!(said.contains(&format!("WRONG   {wrong}")), "{wrong}: {said}");
    }
}

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
