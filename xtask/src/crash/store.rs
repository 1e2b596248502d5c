//! Where records go: a MongoDB server that is killed too, and a collector in front of it, both behind relays.

use super::device::Way;
use super::load::Acknowledged;
use super::program::Program;
use super::random::Random;
use super::relay::Relay;
use crate::command;
use crate::repo::Repo;
use crate::servers::{self, MongoDbProgram, RunningMongoDb};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) const TOKEN: &str = "the-token_of-the-crash-test.0123456789";
const DATABASE: &str = "crash";

pub(crate) struct Store {
    program: MongoDbProgram,
    /// The database's files: they outlive its process.
    folder: PathBuf,
    running: Option<RunningMongoDb>,
    /// Before the database, and before the collector.
    relays: [Relay; 2],
    collector: Program,
    /// The file of tokens by which the device may deliver.
    tokens: PathBuf,
    n_kills: u32,
}

impl Store {
    pub(crate) fn start(repo: &Repo, folder: &Path, random: &mut Random) -> Result<Self> {
        let data = folder.join("database");
        std::fs::create_dir_all(&data)?;
        let mut store = Self {
            program: MongoDbProgram::ensure_own(repo)?,
            folder: data,
            running: None,
            relays: [Relay::start(random.next())?, Relay::start(random.next())?],
            collector: Program::new(repo, folder.join("collector.jsonl"))?,
            tokens: folder.join("tokens.json"),
            n_kills: 0,
        };
        let secret = folder.join("token");
        std::fs::write(&secret, TOKEN)?;
        command::run(
            repo.command(store.collector.path())
                .args(["token", "add", "device", "--role", "deliver", "--tokens"])
                .arg(&store.tokens)
                .arg("--secret-file")
                .arg(&secret),
        )?;
        store.start_database()?;
        store.start_collector()?;
        Ok(store)
    }

    /// What `--upload` is given.
    pub(crate) fn upload(&self, way: Way) -> String {
        let [database, collector] = &self.relays;
        match way {
            Way::Direct => uri(database),
            Way::Collector => format!("http://{}", collector.address()),
        }
    }

    pub(crate) fn start_database(&mut self) -> Result<()> {
        if self.running.is_none() {
            let running = self.program.start_in(&self.folder)?;
            self.relays[0].set_target(Some(running.address()?));
            self.running = Some(running);
        }
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill_database(&mut self) {
        self.relays[0].set_target(None);
        self.n_kills += u32::from(self.running.take().is_some());
    }

    pub(crate) fn start_collector(&mut self) -> Result<()> {
        if !self.collector.is_running() {
            let uri = uri(&self.relays[0]);
            self.collector.start(|command| {
                command
                    .args(["collect", "--mongodb", &uri, "--tokens"])
                    .arg(&self.tokens);
            })?;
            self.relays[1].set_target(Some(self.collector.address()));
        }
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill_collector(&mut self) -> Result<()> {
        self.relays[1].set_target(None);
        self.n_kills += u32::from(self.collector.is_running());
        self.collector.kill()
    }

    /// Whether connections are cut.
    pub(crate) fn set_cutting(&self, cutting: bool) {
        self.relays.iter().for_each(|it| it.set_cutting(cutting));
    }

    /// How often database and collector were killed, and connections cut.
    pub(crate) fn n_faults(&self) -> (u32, u64) {
        (self.n_kills, self.relays.iter().map(Relay::n_cut).sum())
    }

    /// What stands in the database, read past relays and drivers.
    pub(crate) fn stored(&self) -> Result<Stored> {
        let running = self.running.as_ref().context("the database is down")?;
        let fields = ["_id", "prediction"];
        let documents = servers::documents(running.address()?, DATABASE, "records", &fields)?;
        let mut stored = Stored {
            n_records: documents.len() as u64,
            ..Stored::default()
        };
        for document in documents {
            let id = document["_id"]
                .as_str()
                .context("a document without an id")?;
            stored.ids.insert(id.to_owned());
            if let Some(prediction) = document["prediction"].as_str() {
                stored.n_labels += 1;
                stored.labelled.insert(prediction.to_owned());
            }
        }
        Ok(stored)
    }
}

fn uri(database: &Relay) -> String {
    format!("mongodb://{}/{DATABASE}", database.address())
}

/// What was stored.
#[derive(Default)]
pub(crate) struct Stored {
    n_records: u64,
    ids: BTreeSet<String>,
    n_labels: u64,
    labelled: BTreeSet<String>,
}

impl Stored {
    pub(crate) fn n_records(&self) -> u64 {
        self.n_records
    }

    /// Documents that share an id, and labels of a prediction that was labelled once.
    pub(crate) fn n_doubled(&self) -> u64 {
        self.n_records - self.ids.len() as u64 + self.n_labels - self.labelled.len() as u64
    }

    /// How much of what was acknowledged is not there.
    pub(crate) fn n_missing(&self, acknowledged: &Acknowledged) -> u64 {
        let missing = |asked: &BTreeSet<String>, found: &BTreeSet<String>| {
            asked.difference(found).count() as u64
        };
        missing(&acknowledged.predictions, &self.ids)
            + missing(&acknowledged.labels, &self.labelled)
    }
}
