//! `cargo xtask crash`: the device is killed at random moments under load, and so are the servers that it delivers to;
//! then what was acknowledged is looked for in the database.

mod counts;
mod device;
mod load;
mod program;
mod random;
mod relay;
mod store;

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail, ensure};
use counts::Counts;
use device::{Device, Way};
use load::{Acknowledged, Load};
use random::Random;
use std::time::{Duration, Instant};
use store::Store;

pub(crate) const USAGE: &str = "\
cargo xtask crash [--cycles N] [--seed N] [--no-build]

Starts edge-runtime, loads it, kills it with SIGKILL at a random moment, and again. Records go to MongoDB (`mongod`, else
FerretDB), in some cycles by `edge-runtime collect`. Both servers are killed with SIGKILL too, and started again at once or
some cycles later, and connections to both are cut at random bytes. In every cycle /metrics must add up. In the end
everything is delivered, the database is killed once more, and what stands in it is compared with what was acknowledged.
The last line is

  accepted A delivered D pending P dropped X lost 0 doubled 0

and the command fails unless nothing is lost or doubled.

  --cycles N   how often the device is killed, 25 unless told
  --seed N     draws other moments, 1 unless told
  --no-build   takes target/debug/edge-runtime as it is";

/// How long delivering the rest may take.
const DRAIN_LIMIT: Duration = Duration::from_mins(2);

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let cycles: u32 = args.value("--cycles")?.unwrap_or(25);
    let seed: u64 = args.value("--seed")?.unwrap_or(1);
    let no_build = args.flag("--no-build");
    args.finish()?;
    let component = repo.scorer_component();
    ensure!(
        component.is_file(),
        "{} is not there; `cargo xtask build-wasm` builds it",
        repo.shown(&component)
    );
    if !no_build {
        command::run(
            repo.cargo()
                // As the tests are built: fewer packages would mean other features, and wasmtime a second time.
                .args(["build", "--workspace", "--bins", "--tests"])
                .envs(crate::demo::output_locations(repo)),
        )?;
    }
    let folder = repo.target.join("crash");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("removing the folder of the last run")?;
    }
    std::fs::create_dir_all(&folder).context("making a folder")?;
    let mut random = Random::new(seed);
    let mut store = Store::start(repo, &folder, &mut random)?;
    let mut device = Device::new(repo, &folder)?;
    let load = Load::start(device.address());
    let mut counts = Counts::default();
    for cycle in 1..=cycles {
        counts = run_cycle(&mut device, &mut store, &mut random, counts)
            .with_context(|| format!("cycle {cycle}"))?;
        if cycle % 5 == 0 || cycle == cycles {
            let (n_kills, n_cut) = store.n_faults();
            println!(
                "cycle {cycle}: {} acknowledged, {} pending; {n_kills} kills of servers, {n_cut} cut connections",
                load.n_acknowledged(),
                counts.pending
            );
        }
    }
    let acknowledged = load.stop()?;
    ensure!(
        !acknowledged.predictions.is_empty() && !acknowledged.labels.is_empty(),
        "nothing was acknowledged: the load did not reach the device"
    );
    drain(&mut device, &mut store, counts)?;
    // What it acknowledged must outlive it, or the count would say nothing.
    store.kill_database();
    store.start_database()?;
    judge(device.inspected()?, &store, &acknowledged)
}

/// One life of the device. Gives the counts of its end.
fn run_cycle(
    device: &mut Device,
    store: &mut Store,
    random: &mut Random,
    before: Counts,
) -> Result<Counts> {
    // A server that was killed stays away for some cycles.
    if random.below(2) == 0 {
        store.start_database()?;
    }
    if random.below(2) == 0 {
        store.start_collector()?;
    }
    let ways = [Way::Direct, Way::Collector];
    let way = ways[random.below(2) as usize];
    device.start(store, way)?;
    device.counts()?.check_after(before)?;
    std::thread::sleep(Duration::from_millis(50 + random.below(400)));
    match random.below(6) {
        0 => store.kill_database(),
        1 => {
            store.kill_database();
            store.start_database()?;
        }
        2 => store.kill_collector()?,
        _ => {}
    }
    std::thread::sleep(Duration::from_millis(random.below(400)));
    let counts = device.counts()?;
    counts.check_after(before)?;
    // Not at once: the load goes on between the count and the end.
    std::thread::sleep(Duration::from_millis(random.below(50)));
    device.kill()?;
    Ok(counts)
}

/// Delivers what is left, with every server up.
fn drain(device: &mut Device, store: &mut Store, before: Counts) -> Result<()> {
    store.set_cutting(false);
    store.start_database()?;
    store.start_collector()?;
    device.start(store, Way::Collector)?;
    let start = Instant::now();
    loop {
        let counts = device.counts()?;
        counts.check_after(before)?;
        if counts.pending == 0 {
            break;
        }
        let pending = counts.pending;
        ensure!(
            start.elapsed() < DRAIN_LIMIT,
            "{pending} records are still pending"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    device.kill()
}

fn judge(counts: Counts, store: &Store, acknowledged: &Acknowledged) -> Result<()> {
    let stored = store.stored()?;
    let lost = stored.n_missing(acknowledged);
    // A record that is counted as delivered twice, or stored twice, is a double.
    let doubled = counts.delivered.saturating_sub(stored.n_records()) + stored.n_doubled();
    println!(
        "{} predictions and {} labels were acknowledged; the database holds {} records",
        acknowledged.predictions.len(),
        acknowledged.labels.len(),
        stored.n_records(),
    );
    let Counts {
        accepted,
        delivered,
        pending,
        dropped,
    } = counts;
    println!(
        "accepted {accepted} delivered {delivered} pending {pending} dropped {dropped} lost {lost} doubled {doubled}"
    );
    counts.check()?;
    if delivered != stored.n_records() {
        bail!(
            "{delivered} records are counted as delivered, and the database holds {}",
            stored.n_records()
        );
    }
    if lost > 0 || doubled > 0 {
        bail!("records are lost or doubled");
    }
    Ok(())
}
