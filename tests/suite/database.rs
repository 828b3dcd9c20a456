//! The plugin's database under whatever happens to files: a second copy of the library on it, a file that is deleted, replaced or
//! of a newer version, a migration that is killed, a disk that is full or fails at any write. Nothing is asked of the gateway
//! whose intent is not on disk, and nothing is lost in silence.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use host_shim::demo;
use host_shim::library::{Called, Plugin, Status as Outcome, beside_this_program};
use host_shim::shop::Status;
use serde_json::{Value, json};

use crate::crash::reached;
use crate::world::{GOOD, World, code, text};

fn database(world: &World) -> PathBuf {
    world.folder.path().join("shop/paygent.db")
}

/// The plugin opened anew on this world's files, by that copy of the library.
fn opened(world: &World, library: &Path) -> Plugin {
    let config = demo::config(&world.folder.path().join("shop"), &world.reach).unwrap();
    Plugin::open(library, &config, world.clock(), |_| {}).unwrap()
}

fn asked(plugin: &Plugin) -> Called {
    plugin.call("payments.state", &json!({"data": {"order_ids": ["1"]}}))
}

/// Moves the database and what belongs to it.
fn moved(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm"] {
        let of = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        if of(from).exists() {
            std::fs::rename(of(from), of(to)).unwrap();
        }
    }
}

#[test]
fn d09_a12_a_second_copy_of_the_library_on_one_file_is_refused_until_the_first_is_closed() {
    let world = World::new();
    let order = world.placed();
    let copy = world.folder.path().join("libpaygent-copy.so");
    std::fs::copy(beside_this_program().unwrap(), &copy).unwrap();
    let second = opened(&world, &copy);
    let refused = asked(&second);
    assert_eq!(code(&refused), (Outcome::Failed, "store.second_copy".to_owned()));
    assert!(text(&refused.reply, "/message").contains("load the library once"));
    world.run("capture", &[&order.order_id]);
    assert_eq!(world.live(&order.order_id)[0].1, 40, "the first copy works on");
    // The same copy may be opened as often as anybody likes.
    let again = opened(&world, &beside_this_program().unwrap());
    assert_eq!(asked(&again).status, Outcome::Ok);
    drop(again);
    let World {
        adapter,
        gateway,
        folder,
        reach,
        ..
    } = world;
    drop(adapter);
    assert_eq!(asked(&second).status, Outcome::Ok, "the first one is closed");
    let left: Vec<_> = std::fs::read_dir(folder.path().join("shop"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.ends_with(".lock"))
        .collect();
    assert_eq!(left.len(), 1, "one lock file, the second copy's: {left:?}");
    drop((gateway, reach));
}

#[test]
fn a_lock_file_of_a_process_that_was_killed_is_swept_away() {
    let world = World::new();
    let stale = PathBuf::from(format!("{}.999999.lock", database(&world).display()));
    std::fs::write(&stale, "").unwrap();
    world.placed();
    assert!(!stale.exists());
}

#[test]
fn d06_a_file_that_is_moved_or_replaced_while_it_is_open_stops_payments_and_nothing_is_sent() {
    let world = World::new();
    world.placed();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let (file, aside) = (database(&world), world.folder.path().join("aside.db"));
    let sent = world.telegrams("020").len();
    for replaced in [false, true] {
        moved(&file, &aside);
        if replaced {
            std::fs::copy(&aside, &file).unwrap();
        }
        let refused = world.post(&page, &form, &world.token(GOOD));
        assert_eq!(
            code(&refused),
            (Outcome::Failed, "store.replaced".to_owned()),
            "{replaced}"
        );
        assert_eq!(world.telegrams("020").len(), sent, "nothing is asked for");
        if replaced {
            std::fs::remove_file(&file).unwrap();
        }
        moved(&aside, &file);
    }
    let paid = world.post(&page, &form, &world.token(GOOD));
    assert_eq!(
        paid.reply.pointer("/data/outcome"),
        Some(&json!("placed")),
        "{}",
        paid.reply
    );
}

#[test]
fn d06_an_empty_file_never_stands_in_for_one_that_was_lost() {
    let world = World::new();
    let order = world.placed();
    let library = beside_this_program().unwrap();
    let shop = world.folder.path().join("shop");
    let aside = world.folder.path().join("aside.db");
    let clock = world.clock();
    let World {
        adapter,
        gateway: _gateway,
        folder: _folder,
        reach,
        ..
    } = world;
    drop(adapter);
    let open = || {
        let config = demo::config(&shop, &reach).unwrap();
        Plugin::open(&library, &config, clock.clone(), |_| {}).unwrap()
    };
    let state = |plugin: &Plugin| plugin.call("payments.state", &json!({"data": {"order_ids": [order.order_id]}}));
    let file = shop.join("paygent.db");
    moved(&file, &aside);
    assert_eq!(code(&state(&open())), (Outcome::Failed, "store.missing".to_owned()));
    assert!(!file.exists(), "and none is made");
    // Nor does an empty one that somebody else made.
    std::fs::write(&file, "").unwrap();
    assert_eq!(code(&state(&open())), (Outcome::Failed, "store.missing".to_owned()));
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    // The one that was lost is taken up again, also where the name beside it is lost.
    moved(&aside, &file);
    assert_eq!(state(&open()).status, Outcome::Ok);
    std::fs::remove_file(shop.join("paygent.db.name")).unwrap();
    assert_eq!(state(&open()).status, Outcome::Ok);
    assert!(shop.join("paygent.db.name").exists());
    // Whoever removes both begins anew.
    moved(&file, &aside);
    std::fs::remove_file(shop.join("paygent.db.name")).unwrap();
    assert_eq!(state(&open()).status, Outcome::Ok);
}

#[test]
fn u02_a_database_of_a_newer_version_is_left_alone() {
    let world = World::new();
    world.placed();
    world.rows("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    let older = world.beside(json!({}));
    let refused = older
        .plugin
        .call("payments.state", &json!({"data": {"order_ids": ["1"]}}));
    assert_eq!(code(&refused), (Outcome::Failed, "store.newer".to_owned()));
    assert!(text(&refused.reply, "/message").contains("20991231000000"));
}

/// A hook called in a process of its own whose calls on the database's files meet a fault; how often they did.
struct Faulted<'a> {
    world: &'a World,
    calls: &'a str,
    fault: String,
}

impl Faulted<'_> {
    fn call(&self, hook: &str, request: &Value) -> (usize, String) {
        let folder = self.world.folder.path().join("shop");
        let trace = self.world.folder.path().join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(&trace);
        for end in ["", "-wal", "-journal"] {
            command
                .arg("-P")
                .arg(format!("{}{end}", database(self.world).display()));
        }
        let output = command
            .arg("-e")
            .arg(format!("trace={}", self.calls))
            .arg("-e")
            .arg(format!("inject={}:{}", self.calls, self.fault))
            .arg(env!("CARGO_BIN_EXE_host-shim"))
            .arg("call")
            .args(reached(self.world, &folder))
            .arg("--at")
            .arg(self.world.clock().load(Ordering::Acquire).to_string())
            .args([hook, &request.to_string()])
            .stderr(Stdio::piped())
            .output()
            .expect("strace is installed");
        let told = std::fs::read_to_string(&trace).unwrap_or_default();
        let hits = told.lines().filter(|line| line.contains("(INJECTED)")).count()
            + told.lines().filter(|line| line.contains("killed by SIGKILL")).count();
        let said = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
        (hits, said.concat())
    }
}

/// What a disk does to a payment at each of the writes and syncs that it makes: full or failing, once or from then on.
fn at_every_write(calls: &str, error: &str, for_ever: bool) -> usize {
    let world = World::new();
    // The tables stand: what fails is the payment's own.
    world.placed();
    for point in 1.. {
        let order = world.adapter.shop.sample(&(5_000 + point).to_string(), 1_000).unwrap();
        let page = world.enter(order);
        let form = text(&world.show(&page).reply, "/data/form");
        let body = format!("form={form}&card_token={}&payment_class=10", world.token(GOOD));
        let request = json!({"method": "POST", "path": page.path, "body": body});
        let sent = world.telegrams("020").len();
        let plus = if for_ever { "+" } else { "" };
        let faulted = Faulted {
            world: &world,
            calls,
            fault: format!("error={error}:when={point}{plus}"),
        };
        let (hits, said) = faulted.call("card.pay", &request);
        let after = world.telegrams("020").len();
        assert!(after <= sent + 1, "{error} at {point}: {said}");
        let order = &page.order.order_id;
        let intents = world.rows(&format!(
            "SELECT COUNT(*) FROM telegrams WHERE kind = '020' AND order_id = '{order}'"
        ));
        if after > sent {
            assert_eq!(
                intents,
                ["1"],
                "{error} at {point}: sent without an intent on disk: {said}"
            );
        }
        // There is space again.
        for _ in 0..8 {
            world.pass(70);
            world.work();
        }
        let live = world.live(order);
        let status = world.order(&page.order).status();
        assert_eq!(
            status == Status::New,
            live.len() == 1,
            "{error} at {point}: {status:?}, {live:?}: {said}"
        );
        assert_eq!(world.self_check(), Vec::<String>::new(), "{error} at {point}");
        if status == Status::Pending {
            // Nothing was asked for: the shopper pays with the same page.
            assert_eq!(world.telegrams("020").len(), after);
            let paid = world.pay(&page, GOOD);
            assert_eq!(
                paid.reply.pointer("/data/outcome"),
                Some(&json!("placed")),
                "{error} at {point}: {}",
                paid.reply
            );
        }
        if hits == 0 {
            return point - 1;
        }
    }
    unreachable!("the loop ends where nothing failed")
}

#[test]
fn d02_d03_a_disk_that_is_full_or_fails_at_any_write_sends_nothing_without_an_intent_and_loses_nothing() {
    let kinds = [
        ("pwrite64,ftruncate", "ENOSPC", true),
        ("pwrite64,ftruncate", "ENOSPC", false),
        ("pwrite64,fsync,fdatasync", "EIO", false),
    ];
    let told: Vec<String> = std::thread::scope(|scope| {
        let runs = kinds.map(|kind| scope.spawn(move || at_every_write(kind.0, kind.1, kind.2)));
        kinds
            .iter()
            .zip(runs)
            .map(|(kind, run)| {
                let points = run.join().unwrap();
                assert!(points > 4, "{kind:?} failed at {points} points only");
                format!("{kind:?}: {points}")
            })
            .collect()
    });
    println!("failed at: {}", told.join(", "));
}

#[test]
fn d16_a_migration_that_is_killed_anywhere_is_done_by_the_next_start() {
    const CALLS: &str = "pwrite64,fsync,fdatasync,ftruncate";
    let world = World::new();
    let mut point = 0;
    loop {
        point += 1;
        for end in ["", "-wal", "-shm", ".name"] {
            let _ = std::fs::remove_file(format!("{}{end}", database(&world).display()));
        }
        let faulted = Faulted {
            world: &world,
            calls: CALLS,
            fault: format!("signal=KILL:when={point}"),
        };
        let request = json!({"data": {"order_ids": ["1"]}});
        let (hits, _) = faulted.call("payments.state", &request);
        let whole = Faulted {
            world: &world,
            calls: CALLS,
            fault: "error=EIO:when=60000".to_owned(),
        };
        let (_, said) = whole.call("payments.state", &request);
        assert!(said.starts_with("Ok "), "killed at {point}: {said}");
        assert_eq!(world.rows("PRAGMA integrity_check"), ["ok"], "killed at {point}");
        if hits == 0 {
            break;
        }
    }
    assert!(point > 10, "killed at {point} points only");
    println!("killed at {} points", point - 1);
}
