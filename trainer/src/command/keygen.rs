//! `trainer keygen` and `trainer rotate-keys`

use std::path::PathBuf;

use clap::Args;
use picket_schema::release::{KeySet, PublicKey};

use super::{print, read_bytes};
use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::signing::{SigningError, generate_key, read_key, write_key};

/// Options of `trainer keygen`.
#[derive(Debug, Args)]
pub struct KeygenCommand {
    /// Where the files go: signing-key.json, which stays secret, and trusted-keys.json for the edges.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl KeygenCommand {
    /// Makes a key, and a key set of it alone.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        std::fs::create_dir_all(&self.out).map_err(|source| TrainerError::Write {
            file: self.out.clone(),
            source,
        })?;
        let trusted = self.out.join("trusted-keys.json");
        if trusted.exists() {
            return Err(SigningError::Exists { file: trusted }.into());
        }
        let (seed, key) = generate_key()?;
        let set = KeySet::new(1, 1, vec![key.public()]).map_err(SigningError::of("the key set"))?;
        write_key(&self.out.join("signing-key.json"), &seed)?;
        write_set(&trusted, &set)?;
        print(&format!("key {}\n", key.public().id()))
    }
}

/// Options of `trainer rotate-keys`.
#[derive(Debug, Args)]
pub struct RotateKeysCommand {
    /// The key set that is trusted now.
    #[arg(long, value_name = "FILE")]
    trusted_keys: PathBuf,
    /// A key set whose keys are in the new one. Again for more; name the present one to keep its keys.
    #[arg(long = "with", value_name = "FILE", required = true)]
    with: Vec<PathBuf>,
    /// How many keys must sign from then on.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    threshold: usize,
    /// A signing key. Again for more: it takes enough of the present set and enough of the new one.
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// Where the signed key set goes: the store's keys/<version>.dsse.json.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where the new key set goes for edges that start afresh.
    #[arg(long, value_name = "FILE")]
    trusted_out: Option<PathBuf>,
}

impl RotateKeysCommand {
    /// Signs the key set that follows the present one.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let present = read_set(&self.trusted_keys)?;
        let mut keys: Vec<PublicKey> = Vec::new();
        for file in &self.with {
            for key in read_set(file)?.keys() {
                if !keys.contains(key) {
                    keys.push(*key);
                }
            }
        }
        let next = KeySet::new(present.version() + 1, self.threshold, keys)
            .map_err(SigningError::of("the key set"))?;
        let signers = self.key.iter().map(|file| read_key(file));
        let signers: Vec<_> = signers.collect::<Result<_, _>>()?;
        let signers: Vec<_> = signers.iter().collect();
        let envelope = next
            .sign(&signers)
            .map_err(SigningError::of("the key set"))?;
        // As an edge would: what it would refuse is not written.
        present
            .next(&envelope)
            .map_err(SigningError::of("the key set"))?;
        OutputFile::write(&self.out, &envelope)?;
        if let Some(file) = &self.trusted_out {
            write_set(file, &next)?;
        }
        print(&format!("key set {}\n", next.version()))
    }
}

/// Reads a key set that is trusted already.
pub(super) fn read_set(file: &std::path::Path) -> Result<KeySet, TrainerError> {
    let set = KeySet::from_trusted_json(&read_bytes(file)?);
    Ok(set.map_err(SigningError::of(file.display().to_string()))?)
}

fn write_set(file: &std::path::Path, set: &KeySet) -> Result<(), TrainerError> {
    let mut json = set.to_json().map_err(SigningError::of("the key set"))?;
    json.push(b'\n');
    OutputFile::write(file, &json)
}
