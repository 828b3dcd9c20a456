//! The conformance test of adapters: whether a host does what the plugin asks for exactly once. Any host's developer can run it
//! against their own: an adapter is a program that knows three commands.
//!
//! - `make FOLDER`: prepares one order of a member with goods and points, in 購入処理中; prints
//!   `{"order_id", "pieces", "points"}`: what the order takes.
//! - `apply FOLDER`: reads one effect (JSON) from standard input and does what it asks for; prints `applied`, `already`,
//!   `retry` or `rejected`, by itself on a line.
//! - `look FOLDER ORDER`: prints `{"status", "stock", "points", "mails"}`: how things stand now.
//!
//! `FOLDER` is an empty folder of the order's own; a host with a database of its own may leave it alone. Each effect is
//! applied once, twice, by eight processes at once, and by a process that is killed at any moment and then anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

/// The program under test.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// What is started.
    pub program: PathBuf,
    /// What is said to it before the command.
    pub arguments: Vec<String>,
}

/// What came of one check.
#[derive(Debug)]
pub struct Check {
    /// What was tried.
    pub name: String,
    /// What was wrong; nothing where it conforms.
    pub problem: Option<String>,
}

/// All checks, and how the kills fell.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<Check>,
    /// Processes that were killed before what they did stood, and after.
    pub killed: (usize, usize),
}

impl Report {
    /// Nothing was wrong.
    pub fn conforms(&self) -> bool {
        self.checks.iter().all(|check| check.problem.is_none())
    }
}

/// The effects of an order's life that matter: what is asked for, in which order.
const LIVES: [&[&str]; 3] = [
    &[
        "order.pend",
        "order.place",
        "mail.order_placed",
        "order.paid",
        "order.cancel",
    ],
    &["order.pend", "order.withdraw"],
    &["order.pend", "order.cancel"],
];
/// So many processes are killed for each effect, where nobody says otherwise.
pub const KILLS: u32 = 24;
const AT_ONCE: usize = 8;

/// Runs all checks; so many processes are killed for each effect.
pub fn run(adapter: &Adapter, kills: u32) -> anyhow::Result<Report> {
    let folder = std::env::temp_dir().join(format!("conform-{}", std::process::id()));
    let mut bench = Bench {
        adapter,
        kills,
        folder: folder.clone(),
        orders: 0,
        report: Report::default(),
    };
    let ran = bench.run_all();
    std::fs::remove_dir_all(&folder)?;
    ran?;
    Ok(bench.report)
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Look {
    status: String,
    stock: i64,
    points: i64,
    mails: i64,
}

#[derive(Debug, Deserialize)]
struct Made {
    order_id: String,
    pieces: i64,
    points: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Applied,
    Already,
    Retry,
    Rejected,
}

impl Answer {
    fn read(said: &str) -> Option<Self> {
        match said.lines().last()?.trim() {
            "applied" => Some(Self::Applied),
            "already" => Some(Self::Already),
            "retry" => Some(Self::Retry),
            "rejected" => Some(Self::Rejected),
            _ => None,
        }
    }
}

/// An effect, and the kinds of those that were applied before it.
#[derive(Clone, Copy)]
struct Step<'a> {
    before: &'a [&'a str],
    kind: &'a str,
}

impl Step<'_> {
    fn name(&self) -> String {
        match self.before {
            [] => self.kind.to_owned(),
            before => format!("{} after {}", self.kind, before.join(", ").replace("order.", "")),
        }
    }

    /// Its place among the order's effects, from 1.
    fn number(&self) -> i32 {
        i32::try_from(self.before.len()).unwrap_or(i32::MAX).saturating_add(1)
    }

    fn effect(&self, order: &Order) -> Value {
        effect(order, self.kind, self.number())
    }
}

struct Bench<'a> {
    adapter: &'a Adapter,
    kills: u32,
    folder: PathBuf,
    orders: u32,
    report: Report,
}

/// An order that came so far.
struct Order {
    folder: PathBuf,
    made: Made,
}

impl Bench<'_> {
    fn run_all(&mut self) -> anyhow::Result<()> {
        let mut known: Vec<&[&str]> = Vec::new();
        for life in LIVES {
            for so_far in (1..=life.len()).filter_map(|length| life.get(..length)) {
                // Lives begin alike.
                if known.contains(&so_far) {
                    continue;
                }
                known.push(so_far);
                let Some((kind, before)) = so_far.split_last() else {
                    continue;
                };
                let step = Step { before, kind };
                let (name, kills) = (step.name(), self.kills);
                self.check(format!("{name}, twice"), |bench| bench.twice(step))?;
                self.check(format!("{name}, by {AT_ONCE} processes at once"), |bench| {
                    bench.at_once(step)
                })?;
                self.check(format!("{name}, by {kills} processes that are killed"), |bench| {
                    bench.killed(step)
                })?;
            }
        }
        self.check("an effect before the one that comes first".to_owned(), Self::too_early)?;
        self.check("an effect that nobody knows".to_owned(), Self::unknown)
    }

    fn check(
        &mut self,
        name: String,
        body: impl FnOnce(&mut Self) -> anyhow::Result<Result<(), String>>,
    ) -> anyhow::Result<()> {
        let problem = body(self).with_context(|| name.clone())?.err();
        self.report.checks.push(Check { name, problem });
        Ok(())
    }

    fn command(&self, command: &str, folder: &Path) -> Command {
        let mut started = Command::new(&self.adapter.program);
        started.args(&self.adapter.arguments).arg(command).arg(folder);
        started
    }

    fn asked<T: for<'a> Deserialize<'a>>(mut command: Command) -> anyhow::Result<T> {
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said)
            .with_context(|| format!("{command:?} said `{said}` {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// A new order to which these effects were applied.
    fn order(&mut self, before: &[&str]) -> anyhow::Result<Order> {
        self.orders += 1;
        let folder = self.folder.join(self.orders.to_string());
        std::fs::create_dir_all(&folder)?;
        let made = Self::asked(self.command("make", &folder))?;
        let order = Order { folder, made };
        for (number, kind) in (1..).zip(before) {
            let answer = self.apply(&order, &effect(&order, kind, number))?;
            ensure!(answer == Answer::Applied, "{kind} was answered {answer:?}");
        }
        Ok(order)
    }

    fn look(&self, order: &Order) -> anyhow::Result<Look> {
        let mut command = self.command("look", &order.folder);
        command.arg(&order.made.order_id);
        Self::asked(command)
    }

    fn start(&self, order: &Order, effect: &Value) -> anyhow::Result<std::process::Child> {
        let mut child = self
            .command("apply", &order.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().context("a process has its input")?;
        // One that was killed or answers without reading is seen by its answer.
        let _ = std::io::Write::write_all(&mut input, effect.to_string().as_bytes());
        Ok(child)
    }

    fn apply(&self, order: &Order, effect: &Value) -> anyhow::Result<Answer> {
        let output = self.start(order, effect)?.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        Answer::read(&said).with_context(|| format!("apply said `{said}` {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn twice(&mut self, step: Step<'_>) -> anyhow::Result<Result<(), String>> {
        let order = self.order(step.before)?;
        let before = self.look(&order)?;
        let effect = step.effect(&order);
        let answers = [self.apply(&order, &effect)?, self.apply(&order, &effect)?];
        if answers != [Answer::Applied, Answer::Already] {
            return Ok(Err(format!("answered {answers:?}")));
        }
        self.is_done_once(&order, step.kind, &before)
    }

    fn at_once(&mut self, step: Step<'_>) -> anyhow::Result<Result<(), String>> {
        let order = self.order(step.before)?;
        let before = self.look(&order)?;
        let effect = step.effect(&order);
        let started: Vec<_> = (0..AT_ONCE)
            .map(|_| self.start(&order, &effect))
            .collect::<anyhow::Result<_>>()?;
        let mut answers = Vec::new();
        for child in started {
            let output = child.wait_with_output()?;
            answers.push(Answer::read(&String::from_utf8_lossy(&output.stdout)));
        }
        let applied = answers
            .iter()
            .filter(|answer| **answer == Some(Answer::Applied))
            .count();
        let sound = |answer: &Option<Answer>| matches!(answer, Some(Answer::Applied | Answer::Already | Answer::Retry));
        if applied != 1 || !answers.iter().all(sound) {
            return Ok(Err(format!("answered {answers:?}")));
        }
        self.is_done_once(&order, step.kind, &before)
    }

    /// A process is killed at any moment; whoever comes after finds it done or does it.
    fn killed(&mut self, step: Step<'_>) -> anyhow::Result<Result<(), String>> {
        let order = self.order(step.before)?;
        let effect = step.effect(&order);
        let begun = Instant::now();
        self.apply(&order, &effect)?;
        // From the first moment to a little after the last one.
        let whole = begun.elapsed().mul_f64(1.2);
        let (mut early, mut late) = (0, 0);
        for kill in 0..self.kills {
            let order = self.order(step.before)?;
            let before = self.look(&order)?;
            let effect = step.effect(&order);
            let mut child = self.start(&order, &effect)?;
            std::thread::sleep(whole.mul_f64(f64::from(kill) / f64::from(self.kills)));
            let was_running = child.try_wait()?.is_none();
            child.kill()?;
            child.wait()?;
            let answer = self.settled(&order, &effect)?;
            match (was_running, answer) {
                (true, Answer::Applied) => early += 1,
                (true, Answer::Already) => late += 1,
                (false, Answer::Already) => {}
                (_, other) => return Ok(Err(format!("after a kill it was answered {other:?}"))),
            }
            if let Err(problem) = self.is_done_once(&order, step.kind, &before)? {
                return Ok(Err(format!(
                    "killed after {kill} of {} parts of its time: {problem}",
                    self.kills
                )));
            }
        }
        self.report.killed.0 += early;
        self.report.killed.1 += late;
        Ok(Ok(()))
    }

    /// Applied anew until it is done; a dead process's locks may take a moment to go.
    fn settled(&self, order: &Order, effect: &Value) -> anyhow::Result<Answer> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let begun = Instant::now();
        loop {
            let answer = self.apply(order, effect)?;
            if answer != Answer::Retry || begun.elapsed() > PATIENCE {
                return Ok(answer);
            }
        }
    }

    fn too_early(&mut self) -> anyhow::Result<Result<(), String>> {
        let order = self.order(&[])?;
        let before = self.look(&order)?;
        let answer = self.apply(&order, &effect(&order, "order.cancel", 2))?;
        if answer != Answer::Retry {
            return Ok(Err(format!("answered {answer:?}, not retry")));
        }
        let after = self.look(&order)?;
        Ok(same(&before, &after))
    }

    fn unknown(&mut self) -> anyhow::Result<Result<(), String>> {
        let order = self.order(&["order.pend"])?;
        let before = self.look(&order)?;
        let answer = self.apply(&order, &effect(&order, "order.from_the_future", 2))?;
        if answer != Answer::Rejected {
            return Ok(Err(format!("answered {answer:?}, not rejected")));
        }
        if let Err(problem) = same(&before, &self.look(&order)?) {
            return Ok(Err(problem));
        }
        // It counts as dealt with: what comes after it is applied.
        let answer = self.apply(&order, &effect(&order, "order.cancel", 3))?;
        Ok(match answer {
            Answer::Applied => Ok(()),
            other => Err(format!("what came after it was answered {other:?}")),
        })
    }

    /// The effect stands exactly once.
    fn is_done_once(&self, order: &Order, kind: &str, before: &Look) -> anyhow::Result<Result<(), String>> {
        let after = self.look(order)?;
        let (pieces, points) = (order.made.pieces, order.made.points);
        let wanted = match kind {
            "order.pend" => Look {
                status: "pending".to_owned(),
                stock: before.stock - pieces,
                points: before.points - points,
                mails: before.mails,
            },
            "order.place" => Look {
                status: "new".to_owned(),
                ..before.clone()
            },
            "mail.order_placed" => Look {
                mails: before.mails + 1,
                ..before.clone()
            },
            "order.paid" => Look {
                status: "paid".to_owned(),
                ..before.clone()
            },
            "order.cancel" | "order.withdraw" => Look {
                // A withdrawn order is in no list; what its row says is the host's own affair.
                status: match kind {
                    "order.cancel" => "cancelled".to_owned(),
                    _ => after.status.clone(),
                },
                stock: before.stock + pieces,
                points: before.points + points,
                mails: before.mails,
            },
            other => bail!("no expectation of {other}"),
        };
        Ok(same(&wanted, &after))
    }
}

fn same(wanted: &Look, found: &Look) -> Result<(), String> {
    match wanted == found {
        true => Ok(()),
        false => Err(format!("{found:?} instead of {wanted:?}")),
    }
}

/// An effect as the plugin offers it.
fn effect(order: &Order, kind: &str, number: i32) -> Value {
    let id = &order.made.order_id;
    let key = match kind {
        // Whoever gives a hold back uses one key.
        "order.cancel" | "order.withdraw" => format!("release:{id}:1"),
        _ => format!("{kind}:{id}:1"),
    };
    let data = match kind {
        "order.place" => json!({"status": "new", "amount": 1_000, "payment_id": "1"}),
        "order.paid" => json!({"status": "paid", "payment_id": "1", "paid_at": "2026-11-26T03:00:00+00:00"}),
        "order.withdraw" => json!({"restore_cart": true}),
        _ => json!({}),
    };
    json!({"key": key, "order_id": id, "number": number, "kind": kind, "hold": 1, "data": data})
}
