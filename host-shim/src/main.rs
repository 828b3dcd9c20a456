//! `host-shim`: the demo, or its parts alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use host_shim::conform::{self, Adapter};
use host_shim::demo::{self, Demo, Reach, Settings};
use host_shim::gateway::{Gateway, GatewayConfig};
use host_shim::shop::{Applied, Shop};
use host_shim::wish::Wish;
use host_shim::{clock, web};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// A small shop that loads the Paygent plugin, with a simulated Paygent beside it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Shop, plugin and simulator with the guide's sample orders (the default).
    Demo(DemoArgs),
    /// The simulated Paygent alone.
    Gateway(GatewayArgs),
    /// The shop alone, for a simulator that runs already.
    Shop(ShopArgs),
    /// One call of a hook, by hand: prints the reply and applies its effects.
    Call(CallArgs),
    /// Tests whether a host's adapter applies each effect exactly once.
    Conform(ConformArgs),
    /// This shop's own adapter, for that test: `make`, `apply` or `look`.
    Adapter(AdapterArgs),
}

#[derive(Args)]
struct ConformArgs {
    /// So many processes are killed for each effect.
    #[arg(long, default_value_t = conform::KILLS)]
    kills: u32,
    /// The adapter's program and what is said to it before the command; `adapter` of this program where none is given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    adapter: Vec<String>,
}

#[derive(Args)]
struct AdapterArgs {
    command: String,
    folder: PathBuf,
    order: Option<String>,
}

#[derive(Args, Default)]
struct DemoArgs {
    /// Keep everything in this folder; otherwise it is gone at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The shop's port; the simulator takes the next two. 0 takes free ones.
    #[arg(long, default_value_t = 8600)]
    port: u16,
    /// Another libpaygent.so than the one beside this program.
    #[arg(long)]
    library: Option<PathBuf>,
    /// Hold the shop's and the plugin's clock on this day.
    #[arg(long)]
    pin_clock: Option<NaiveDate>,
    /// A setting of the plugin to try, as `card.three_ds.frame=true`; may be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    wishes: Vec<Wish>,
}

#[derive(Args)]
struct GatewayArgs {
    /// Ledger and certificates.
    #[arg(long)]
    data: PathBuf,
}

#[derive(Args)]
struct ShopArgs {
    #[command(flatten)]
    parts: Parts,
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Let the clock run so many times as fast.
    #[arg(long, requires = "clock_from")]
    clock_speed: Option<i64>,
    /// The moment (Unix milliseconds) from which it does.
    #[arg(long)]
    clock_from: Option<i64>,
}

#[derive(Args)]
struct CallArgs {
    #[command(flatten)]
    parts: Parts,
    /// Hold the clock at this moment (Unix milliseconds).
    #[arg(long)]
    at: Option<i64>,
    /// The hook's name.
    hook: String,
    /// The request's JSON.
    #[arg(default_value = "{}")]
    request: String,
}

/// A shop's files, and where its gateway is.
#[derive(Args)]
struct Parts {
    /// Shop and plugin keep their files here; several processes may share it.
    #[arg(long)]
    data: PathBuf,
    /// Of the simulator's telegrams.
    #[arg(long)]
    tls_url: String,
    /// Of the simulator's pages.
    #[arg(long)]
    online_url: String,
    #[arg(long)]
    client_pem: PathBuf,
    #[arg(long)]
    authorities_pem: PathBuf,
    #[arg(long)]
    library: Option<PathBuf>,
    /// A setting of the plugin that differs, as `staff.corrections=false`; may be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    wishes: Vec<Wish>,
}

impl Parts {
    fn settings(self, clock: clock::Setting) -> Settings {
        Settings {
            folder: self.data,
            library: self.library,
            reach: Reach {
                tls_url: self.tls_url,
                online_url: self.online_url,
                client_pem: self.client_pem,
                authorities_pem: self.authorities_pem,
            },
            clock,
            differing: serde_json::Value::Null,
            wishes: self.wishes,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command.unwrap_or(Command::Demo(DemoArgs {
        port: 8600,
        ..DemoArgs::default()
    })) {
        Command::Demo(args) => run_demo(args).await,
        Command::Gateway(args) => run_gateway(args).await,
        Command::Shop(args) => run_shop(args).await,
        Command::Call(args) => tokio::task::spawn_blocking(move || run_call(args)).await?,
        Command::Conform(args) => run_conform(args),
        Command::Adapter(args) => run_adapter(args),
    }
}

#[expect(clippy::print_stdout, reason = "the addresses are what the command is for")]
async fn run_demo(args: DemoArgs) -> anyhow::Result<()> {
    let kept = args.data.is_some();
    let folder = args
        .data
        .unwrap_or_else(|| std::env::temp_dir().join(format!("paygent-demo-{}", std::process::id())));
    let demo = Demo {
        folder: folder.clone(),
        library: args.library,
        port: args.port,
        pin_clock: args.pin_clock,
        wishes: args.wishes,
    };
    let ran = demo::run(demo, stopped(), |shop, admin, simulator| {
        println!("ready shop={shop} admin={admin} simulator={simulator}");
        println!();
        println!("  店 / shop                      {shop}");
        println!("  管理画面 / admin               {admin}");
        println!("  ペイジェント / simulator       {simulator}");
        println!(
            "  テストカード / test cards      {}/cards",
            simulator.trim_end_matches('/')
        );
        println!();
        println!("Ctrl-C で終了 / Ctrl-C stops");
    })
    .await;
    if !kept {
        std::fs::remove_dir_all(&folder)?;
    }
    ran
}

#[expect(clippy::print_stdout, reason = "the addresses are what the command is for")]
async fn run_gateway(args: GatewayArgs) -> anyhow::Result<()> {
    let gateway = Gateway::start(GatewayConfig {
        folder: args.data,
        tls_port: 0,
        http_port: 0,
    })
    .await?;
    let Reach {
        tls_url,
        online_url,
        client_pem,
        authorities_pem,
    } = demo::reach(&gateway);
    let (client, authorities) = (client_pem.display(), authorities_pem.display());
    println!("ready tls={tls_url} simulator={online_url} client={client} authorities={authorities}");
    stopped().await;
    gateway.stop().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the address is what the command is for")]
async fn run_shop(args: ShopArgs) -> anyhow::Result<()> {
    let clock = clock::Setting::default();
    if let (Some(speed), Some(from)) = (args.clock_speed, args.clock_from) {
        clock::run_fast(&clock, from, speed);
    }
    let listener = demo::listen(args.port).await?;
    let site = demo::open(&args.parts.settings(clock))?;
    println!("ready shop=http://{}/", listener.local_addr()?);
    web::serve(Arc::new(site), listener, stopped()).await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the reply is what the command is for")]
fn run_call(args: CallArgs) -> anyhow::Result<()> {
    let clock = clock::Setting::default();
    clock.store(args.at.unwrap_or(0), Ordering::Release);
    let request = serde_json::from_str(&args.request)?;
    let site = demo::open(&args.parts.settings(clock))?;
    let called = site.adapter.call(&args.hook, &request)?;
    println!("{:?} {}", called.status, called.reply);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
fn run_conform(args: ConformArgs) -> anyhow::Result<()> {
    let own = [std::env::current_exe()?.display().to_string(), "adapter".to_owned()];
    let mut told = if args.adapter.is_empty() {
        own.to_vec()
    } else {
        args.adapter
    };
    let program = PathBuf::from(told.remove(0));
    let adapter = Adapter {
        program,
        arguments: told,
    };
    let report = conform::run(&adapter, args.kills)?;
    for check in &report.checks {
        match &check.problem {
            None => println!("ok      {}", check.name),
            Some(problem) => println!("WRONG   {}: {problem}", check.name),
        }
    }
    let (before, after) = report.killed;
    println!("killed {before} times before what was done stood, {after} times after");
    anyhow::ensure!(report.conforms(), "the adapter does not apply each effect exactly once");
    Ok(())
}

/// One order in a shop of its own.
#[expect(clippy::print_stdout, reason = "the answer is what the command is for")]
fn run_adapter(args: AdapterArgs) -> anyhow::Result<()> {
    const PIECES: i32 = 2;
    const POINTS: i64 = 30;
    const PRODUCT: i32 = 1;
    let shop = Shop::open(&args.folder.join("shop.db"), clock::Setting::default())?;
    match args.command.as_str() {
        "make" => {
            let session = shop.session("buyer")?;
            shop.log_in(&session.session_id, Some(1))?;
            shop.add(&session.session_id, PRODUCT, PIECES)?;
            let session = shop.session("buyer")?;
            let order = shop.prepare(&session, &host_shim::shop::member(), POINTS)?;
            let order = order.context("an order is made of a cart")?;
            println!(
                "{}",
                json!({"order_id": order.order_id, "pieces": PIECES, "points": POINTS})
            );
        }
        "apply" => {
            let effect = serde_json::from_reader(std::io::stdin().lock())?;
            println!(
                "{}",
                match shop.apply(&effect)? {
                    Applied::Applied => "applied",
                    Applied::Already => "already",
                    Applied::Retry => "retry",
                    Applied::Rejected(_) => "rejected",
                }
            );
        }
        "look" => {
            let order = args.order.context("look needs an order")?;
            let stock = shop
                .products()?
                .into_iter()
                .find(|product| product.product_id == PRODUCT);
            let status = shop.order(&order)?.context("there is such an order")?.status();
            println!(
                "{}",
                json!({
                    "status": status.name(),
                    "stock": stock.context("there are goods")?.stock,
                    "points": shop.member(1)?.context("there is a member")?.points,
                    "mails": shop.mails()?.len(),
                })
            );
        }
        other => anyhow::bail!("an adapter knows make, apply and look, not {other}"),
    }
    Ok(())
}

/// Until somebody asks for the end.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(interrupt.await),
    }
}
