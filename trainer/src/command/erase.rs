//! `trainer erase`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use picket_access::{AuditEvent, AuditLog, Outcome};
use picket_schema::record::{Pseudonyms, is_pseudonym};
use picket_schema::release::LogAction;
use serde::Serialize;

use super::record_options::{StoreOptions, now_ms, read_secret};
use crate::erase::{
    KeepsRows, Kept, SubjectRows, erase_rows, models_with_rows, publish_tombstones, runs_with_rows,
};
use crate::error::TrainerError;
use crate::publish::{Deed, PublishLog, open_store, user_and_host};
use crate::records::ErasedRecords;
use crate::signing::read_key;

/// Options of `trainer erase`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).multiple(true))]
pub struct EraseCommand {
    /// Whom: the source as requests named it. Only its pseudonyms are used and written down.
    #[arg(long, value_name = "ID", group = "whom", requires = "pseudonym_key")]
    subject: Option<String>,
    /// The file with the key that made the pseudonyms. Again for keys that were used before.
    #[arg(long, value_name = "FILE")]
    pseudonym_key: Vec<PathBuf>,
    /// Whom, by a pseudonym: 32 hexadecimal digits. Again for more.
    #[arg(long, value_name = "HEX", group = "whom")]
    pseudonym: Vec<String>,
    #[command(flatten)]
    store: StoreOptions,
    /// The store of releases that edges follow: signed tombstones are published there.
    #[arg(long, value_name = "DEST", requires = "key")]
    release_store: Option<String>,
    /// A signing key for the tombstones. Again for more.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A file of labelled rows with a column `source`, CSV or Parquet, as `trainer ingest` writes it. Again for more.
    #[arg(long, value_name = "FILE")]
    rows: Vec<PathBuf>,
    /// A folder of runs: models there that keep training rows are held against the subject's. Again for more.
    #[arg(long, value_name = "DIR")]
    runs: Vec<PathBuf>,
    /// End with exit code 3 where a model keeps a row that equals one of the subject's: it has to be trained anew.
    #[arg(long)]
    fail_on_match: bool,
    /// The audit log: what was erased is written down there, by pseudonym.
    #[arg(long, value_name = "FILE")]
    audit: PathBuf,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// What was erased, and what cannot be.
#[derive(Debug, Default, Serialize)]
struct Done {
    pseudonyms: BTreeSet<String>,
    /// Records made before this time, in milliseconds since 1970, are meant.
    before_ms: u64,
    /// The number of the list of tombstones.
    tombstones: Option<u64>,
    /// What was taken from the store of records.
    records: Option<ErasedRecords>,
    /// Rows taken from files.
    n_rows: u64,
    /// Distinct rows of the subject that were recorded with their features, for models to be held against.
    n_subject_rows: usize,
    /// Models that keep training rows, with how many of these equal one of the subject's.
    models_with_rows: Vec<KeepsRows>,
    /// The artifacts that keep a row equal to one of the subject's: to be trained anew without the subject.
    train_anew: BTreeSet<String>,
}

impl EraseCommand {
    /// Erases a subject. Again does what an interruption or a late delivery left.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        if !self.store.is_named() && self.release_store.is_none() && self.rows.is_empty() {
            return Err(TrainerError::Usage {
                option: "--store, --release-store, --rows".to_owned(),
                expected: "expected at least one place to erase from".to_owned(),
            });
        }
        let mut done = Done {
            pseudonyms: self.pseudonyms()?,
            // The tombstones tell whole seconds.
            before_ms: now_ms() / 1000 * 1000,
            ..Done::default()
        };
        // Opened first: what cannot be written down is not done.
        let audit = AuditLog::open(&self.audit)?;
        let erased = self.erase(&mut done);
        let outcome = if erased.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        audit.append(&event(&done, outcome, erased.as_ref().err()))?;
        erased?;
        if self.json {
            super::print_json_line(&done)?;
        } else {
            super::print(&in_words(&done))?;
        }
        if self.fail_on_match && !done.train_anew.is_empty() {
            let artifacts = done.train_anew.iter().cloned().collect::<Vec<_>>();
            let reason = format!(
                "erased, but these keep a row that equals one of the subject's: {}",
                artifacts.join(", ")
            );
            return Err(TrainerError::Gate { reason });
        }
        Ok(())
    }

    fn pseudonyms(&self) -> Result<BTreeSet<String>, TrainerError> {
        let mut all = BTreeSet::new();
        for text in &self.pseudonym {
            if !is_pseudonym(text) {
                return Err(TrainerError::Usage {
                    option: "--pseudonym".to_owned(),
                    expected: "expected 32 lower-case hexadecimal digits".to_owned(),
                });
            }
            all.insert(text.clone());
        }
        if let Some(subject) = &self.subject {
            for file in &self.pseudonym_key {
                let pseudonyms = Pseudonyms::new(&read_secret(file)?)?;
                all.insert(pseudonyms.of(subject.as_bytes()));
            }
        }
        Ok(all)
    }

    /// Tombstones first: from then on nothing more of the subject comes.
    fn erase(&self, done: &mut Done) -> Result<(), TrainerError> {
        if let Some(destination) = &self.release_store {
            let store = open_store(destination)?;
            let keys = self.key.iter().map(|file| read_key(file));
            let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
            let keys: Vec<_> = keys.iter().collect();
            let before = done.before_ms / 1000;
            let (version, digest) =
                publish_tombstones(store.as_ref(), &done.pseudonyms, before, &keys)?;
            done.tombstones = Some(version);
            let deed = Deed {
                action: LogAction::Erase,
                release: version,
                digest: &digest.to_string(),
                payload: None,
            };
            PublishLog::new(store.as_ref()).append(&deed, &keys)?;
        }
        let records = if self.store.is_named() {
            Some(self.store.open()?)
        } else {
            None
        };
        // Before the records go: afterwards nobody knows what the subject's rows were.
        let subject = match &records {
            Some(store) => SubjectRows::read(store.as_ref(), &done.pseudonyms, done.before_ms)?,
            None => SubjectRows::default(),
        };
        self.compare(&subject, done)?;
        if let Some(store) = records {
            done.records = Some(store.erase(&done.pseudonyms, done.before_ms)?);
        }
        for file in &self.rows {
            done.n_rows += erase_rows(file, &done.pseudonyms)?;
        }
        Ok(())
    }

    fn compare(&self, subject: &SubjectRows, done: &mut Done) -> Result<(), TrainerError> {
        done.n_subject_rows = subject.len();
        if let Some(destination) = &self.release_store {
            let store = open_store(destination)?;
            done.models_with_rows = models_with_rows(store.as_ref(), subject)?;
        }
        for folder in &self.runs {
            done.models_with_rows
                .extend(runs_with_rows(folder, subject)?);
        }
        let equal = done.models_with_rows.iter();
        let equal = equal.filter(|kept| kept.n_equal.unwrap_or_default() > 0);
        done.train_anew = equal.map(|kept| kept.artifact.clone()).collect();
        Ok(())
    }
}

/// The event of an erasure: whom by pseudonym, never by name.
fn event(done: &Done, outcome: Outcome, error: Option<&TrainerError>) -> AuditEvent {
    let (user, host) = user_and_host();
    let actor = user.unwrap_or_else(|| "unknown".to_owned());
    let pseudonyms: Vec<&str> = done.pseudonyms.iter().map(String::as_str).collect();
    let mut event = AuditEvent::new(SystemTime::now(), &actor, "subject.erase", outcome)
        .with("pseudonyms", pseudonyms.join(" "))
        .with("before_ms", done.before_ms.to_string())
        .with("n_rows", done.n_rows.to_string());
    if let Some(host) = host {
        event = event.with("host", host);
    }
    if let Some(version) = done.tombstones {
        event = event.with("tombstones", version.to_string());
    }
    if !done.train_anew.is_empty() {
        let artifacts: Vec<&str> = done.train_anew.iter().map(String::as_str).collect();
        event = event.with("train_anew", artifacts.join(" "));
    }
    if let Some(records) = done.records {
        event = event
            .with("n_answers", records.n_answers.to_string())
            .with("n_labels", records.n_labels.to_string());
    }
    match error {
        Some(error) => event.with(
            "error",
            error.to_string().chars().take(300).collect::<String>(),
        ),
        None => event,
    }
}

fn in_words(done: &Done) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(records) = done.records {
        let _ = writeln!(
            text,
            "records: {} answers and {} labels erased",
            records.n_answers, records.n_labels
        );
    }
    if done.n_rows > 0 {
        let _ = writeln!(text, "files: {} rows erased", done.n_rows);
    }
    if let Some(version) = done.tombstones {
        let _ = writeln!(
            text,
            "tombstones {version}: edges erase what waits with their next look at the store; run this again when the \
             last of them has been seen, for what was under way"
        );
    }
    for kept in &done.models_with_rows {
        let place = match &kept.place {
            Kept::Release(release) => format!("release {release}"),
            Kept::Run(file) => file.clone(),
        };
        let found = match kept.n_equal {
            None => "none of the subject was recorded with its features, so nothing can be compared: if the subject may \
                     stand there, train without"
                .to_owned(),
            Some(0) => "none equals one that was recorded of the subject".to_owned(),
            Some(n_equal) => format!("{n_equal} of them equal one of the subject's: train without"),
        };
        let artifact = if kept.n_equal == Some(0) {
            String::new()
        } else {
            format!(" the subject, publish, and revoke {}", kept.artifact)
        };
        let _ = writeln!(
            text,
            "{place} keeps training rows ({}); {found}{artifact}",
            kept.what
        );
    }
    text
}
