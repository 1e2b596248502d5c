//! `edge-runtime spool`: looking at a spool, and mending it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use picket_edge_runtime::spool::{Folder, SpoolConfig, SpoolLog, Survey, WhenFull, dead_letters};
use serde_json::json;

#[derive(clap::Args)]
pub(crate) struct Spool {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Says what a spool holds, as JSON; changes nothing, also while it is in use
    Inspect(Place),
    /// Fails where records of a spool are damaged; changes nothing
    Verify(Place),
    /// Writes pending records as NDJSON; changes nothing
    Export(Export),
    /// Takes dead letters back as new records, to be delivered again
    Replay(Place),
    /// Mends a spool: cuts a torn end, puts damage aside, counts it, and leaves a mark in its place
    Repair(Place),
}

#[derive(clap::Args)]
struct Place {
    /// The spool's folder
    #[arg(value_name = "DIR", env = "PICKET_SPOOL")]
    folder: PathBuf,
}

#[derive(clap::Args)]
struct Export {
    #[command(flatten)]
    place: Place,
    /// Writes dead letters, each with its reason, instead
    #[arg(long)]
    dead: bool,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Spool {
    pub(crate) fn run(self) -> Result<()> {
        match self.command {
            Command::Inspect(place) => inspect(&place),
            Command::Verify(place) => verify(&place),
            Command::Export(export) => export.run(),
            Command::Replay(place) => replay(&place),
            Command::Repair(place) => repair(&place),
        }
    }
}

fn survey(place: &Place) -> Result<(Folder, Survey)> {
    let folder = Folder::look(&place.folder)?;
    let survey = Survey::of(&folder)?;
    Ok((folder, survey))
}

fn inspect(place: &Place) -> Result<()> {
    let (folder, survey) = survey(place)?;
    let accepted = survey.next_seq - 1;
    let erased_ahead = survey.erased_ahead.len() as u64;
    let pending = accepted - survey.ledger.acked_seq - survey.damaged_ahead - erased_ahead;
    let shown = json!({
        "accepted": accepted,
        "pending": pending,
        "damaged_ahead": survey.damaged_ahead,
        "erased_ahead": erased_ahead,
        "ledger": survey.ledger,
        "ledger_lost": survey.ledger_lost,
        "sound": survey.is_sound(),
        "segments": survey.segments,
        "dead_letters": dead_letters(&folder).len(),
    });
    print(&format!("{shown:#}\n"))
}

fn print(text: &str) -> Result<()> {
    io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write")
}

fn verify(place: &Place) -> Result<()> {
    let (_, survey) = survey(place)?;
    let n_segments = survey.segments.len();
    if survey.is_sound() {
        return print(&format!("{n_segments} segments, all records whole\n"));
    }
    for segment in &survey.segments {
        for range in &segment.damage {
            eprintln!(
                "{}: damage from byte {} to {}",
                segment.name, range.start, range.end
            );
        }
        if let Some(reason) = &segment.unreadable {
            eprintln!("{}: {reason}", segment.name);
        }
    }
    if survey.ledger_lost {
        eprintln!("the ledger is lost");
    }
    bail!("{} records are lost to damage", survey.damaged_ahead)
}

impl Export {
    fn run(self) -> Result<()> {
        let (folder, survey) = survey(&self.place)?;
        let mut out: Box<dyn Write> = match &self.out {
            Some(path) => {
                let file = File::create(path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        };
        if self.dead {
            for letter in dead_letters(&folder) {
                serde_json::to_writer(&mut out, &letter)?;
                out.write_all(b"\n")?;
            }
        } else {
            survey.pending(&folder, |_, record| {
                out.write_all(record)?;
                out.write_all(b"\n")
            })?;
        }
        out.flush().context("cannot write")
    }
}

/// Opens the spool for changes; without a limit, since nothing may be dropped or refused here.
fn open(place: &Place) -> Result<SpoolLog<Folder>> {
    let config = SpoolConfig {
        max_bytes: u64::MAX,
        when_full: WhenFull::Refuse,
        ..SpoolConfig::default()
    };
    Ok(SpoolLog::open(Folder::take(&place.folder)?, config)?)
}

fn replay(place: &Place) -> Result<()> {
    let mut log = open(place)?;
    let n_replayed = log.replay()?;
    log.close()?;
    print(&format!("{n_replayed} dead letters are pending again\n"))
}

fn repair(place: &Place) -> Result<()> {
    let mut log = open(place)?;
    log.repair()?;
    let shown = json!(log.counters());
    print(&format!("{shown:#}\n"))
}
