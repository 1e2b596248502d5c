//! `cargo xtask crash`: the device is killed at random moments under load, and what it acknowledged is looked for.

mod device;
mod load;
mod random;
mod store;

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail, ensure};
use device::Device;
use load::Load;
use random::Random;
use serde_json::Value;
use std::time::{Duration, Instant};
use store::Store;

pub(crate) const USAGE: &str = "\
cargo xtask crash [--cycles N] [--seed N]

Starts edge-runtime, loads it, kills it with SIGKILL at a random moment, and again. A collector of this command's own takes
the records; it is down half the time, breaks off before and after it has stored a batch, and says that it is busy. In
the end everything is delivered and compared with what was acknowledged. The last line is

  accepted A delivered D pending P dropped X lost 0 doubled 0

and the command fails unless nothing is lost or doubled.

  --cycles N   how often it is killed, 25 unless told
  --seed N     draws other moments, 1 unless told";

/// How long delivering the rest may take.
const DRAIN_LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let cycles: u32 = args.value("--cycles")?.unwrap_or(25);
    let seed: u64 = args.value("--seed")?.unwrap_or(1);
    args.finish()?;
    let component = repo.scorer_component();
    ensure!(
        component.is_file(),
        "{} is not there; `cargo xtask build-wasm` builds it",
        repo.shown(&component)
    );
    command::run(
        repo.cargo()
            // As the tests are built: fewer packages would mean other features, and wasmtime a second time.
            .args(["build", "--workspace", "--bins", "--tests"])
            .envs(crate::demo::output_locations(repo)),
    )?;
    let folder = repo.target.join("crash");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("removing the folder of the last run")?;
    }
    std::fs::create_dir_all(&folder).context("making a folder")?;
    let mut random = Random::new(seed);
    let store = Store::start(random.next())?;
    let mut device = Device::new(repo, &folder, store.address())?;
    let load = Load::start(device.address());
    for cycle in 1..=cycles {
        // The server is down as often as not, for some cycles in a row.
        store.set_up(random.below(2) == 0);
        device.start()?;
        std::thread::sleep(Duration::from_millis(100 + random.below(700)));
        device.kill()?;
        if cycle % 5 == 0 || cycle == cycles {
            println!("cycle {cycle}: {} acknowledged", load.n_acknowledged());
        }
    }
    let acknowledged = load.stop()?;
    ensure!(
        !acknowledged.predictions.is_empty() && !acknowledged.labels.is_empty(),
        "nothing was acknowledged: the load did not reach the device"
    );
    store.set_up(true);
    store.set_faults(false);
    device.start()?;
    let start = Instant::now();
    loop {
        let pending = device.metric("picket_spool_pending_records")?;
        if pending == 0 {
            break;
        }
        ensure!(
            start.elapsed() < DRAIN_LIMIT,
            "{pending} records are still pending"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    device.kill()?;
    let spool: Value =
        serde_json::from_str(&device.inspect()?).context("reading what `spool inspect` says")?;
    let number = |value: &Value| value.as_u64().context("a number in `spool inspect`");
    let ledger = &spool["ledger"];
    let (accepted, pending) = (number(&spool["accepted"])?, number(&spool["pending"])?);
    let delivered = number(&ledger["delivered"])?;
    let mut dropped = number(&spool["damaged_ahead"])?;
    for reason in ["rejected", "overflowed", "damaged", "unaccounted"] {
        dropped += number(&ledger[reason])?;
    }
    let stored = store.stored();
    let lost = stored.missing(&acknowledged);
    // A record that is counted as delivered twice, or stored twice, is a double.
    let doubled = delivered.saturating_sub(stored.n_records()) + stored.n_doubled();
    println!(
        "{} predictions and {} labels were acknowledged; the collector stored {} records and was sent {} again",
        acknowledged.predictions.len(),
        acknowledged.labels.len(),
        stored.n_records(),
        stored.n_repeated(),
    );
    println!(
        "accepted {accepted} delivered {delivered} pending {pending} dropped {dropped} lost {lost} doubled {doubled}"
    );
    if accepted != delivered + pending + dropped {
        bail!("accepted is not delivered, pending and dropped together");
    }
    if delivered > stored.n_records() || lost > 0 || doubled > 0 {
        bail!("records are lost or doubled");
    }
    Ok(())
}
