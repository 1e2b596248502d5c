//! `trainer sign`, `trainer revoke` and `trainer verify`

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use picket_schema::ArtifactDigest;
use picket_schema::release::{Envelope, KeyId, LogAction, Manifest, Revocations, Trust};

use super::keygen::read_set;
use super::{print, print_json, read_bytes, read_model};
use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::signing::{ReleasePlan, SignedStore, SigningError, plan_release, read_key};

const DAY: u64 = 86_400;

/// What every signed release says.
#[derive(Debug, Args)]
struct ReleaseOptions {
    /// The model that answers.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "to",
        requires = "out"
    )]
    model: Option<PathBuf>,
    /// The store with the published release to sign, before it is promoted: a directory, or
    /// `s3://bucket/prefix`. The model is read from there, the envelope goes there.
    #[arg(long, value_name = "DEST", requires = "release", conflicts_with_all = ["model", "out"])]
    to: Option<String>,
    /// The release's number [default: the one after the parent's, or 1].
    #[arg(long, value_name = "NUMBER")]
    release: Option<u64>,
    /// The envelope of the release before: its revocations are carried on [default: with --to, the champion's].
    #[arg(long, value_name = "FILE")]
    parent: Option<PathBuf>,
    /// How many days the release is valid; sign again before they are over.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    valid_days: u64,
    /// The first second of its validity, since 1970 [default: an hour ago, for clocks that are behind].
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
    /// A signing key. Again for more.
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// Where the envelope goes.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Options of `trainer sign`.
#[derive(Debug, Args)]
pub struct SignCommand {
    #[command(flatten)]
    release: ReleaseOptions,
    /// A model that scores beside the champion and never answers.
    #[arg(long, value_name = "FILE", requires = "share")]
    challenger: Option<PathBuf>,
    /// The challenger's share of the rows, above 0 and up to 1.
    #[arg(long, value_name = "SHARE", requires = "challenger")]
    share: Option<f64>,
    /// The scorer component that goes with the models.
    #[arg(long, value_name = "FILE")]
    scorer: Option<PathBuf>,
    /// The training run.
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
}

/// Options of `trainer cosign`.
#[derive(Debug, Args)]
pub struct CosignCommand {
    /// The envelope; the signatures are added in place.
    #[arg(long, value_name = "FILE")]
    envelope: PathBuf,
    /// A signing key. Again for more.
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
}

/// Options of `trainer revoke`.
#[derive(Debug, Args)]
pub struct RevokeCommand {
    #[command(flatten)]
    release: ReleaseOptions,
    /// The number of a release that must not be served any more. Again for more.
    #[arg(
        long,
        value_name = "NUMBER",
        required_unless_present = "revoke_artifact"
    )]
    revoke_release: Vec<u64>,
    /// An artifact that must not be served any more, in whichever release: its sha256:… digest. Again for more.
    #[arg(long, value_name = "DIGEST")]
    revoke_artifact: Vec<String>,
}

/// Options of `trainer verify`.
#[derive(Debug, Args)]
pub struct VerifyCommand {
    /// The envelope.
    #[arg(long, value_name = "FILE")]
    envelope: PathBuf,
    /// The key set that is trusted.
    #[arg(long, value_name = "FILE")]
    trusted_keys: PathBuf,
    /// The model that the release names.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The time to verify for, in seconds since 1970 [default: now].
    #[arg(long, value_name = "SECONDS")]
    at: Option<u64>,
}

impl SignCommand {
    /// Signs a release.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let challenger = self.challenger.as_deref().map(read_model).transpose()?;
        let share = self.share.unwrap_or_default();
        if challenger.is_some() && !(0.001..=1.0).contains(&share) {
            return Err(TrainerError::Usage {
                option: format!("--share {share}"),
                expected: "expected 0.001 to 1".to_owned(),
            });
        }
        let scorer = self.scorer.as_deref().map(read_bytes).transpose()?;
        let per_mille = (share * 1000.0).round() as u64;
        let challenger = challenger.as_ref().map(|model| (model, per_mille));
        let run_id = self.run_id.clone();
        let none = Revocations::default();
        self.release
            .sign(challenger, scorer.as_deref(), run_id, none)
    }
}

impl RevokeCommand {
    /// Signs a release that withdraws others.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let mut revoked = Revocations::default();
        for number in &self.revoke_release {
            revoked.revoke_release(*number);
        }
        for text in &self.revoke_artifact {
            // A key's name is written as every digest is.
            let digest = KeyId::parse(text).ok_or_else(|| TrainerError::Usage {
                option: format!("--revoke-artifact {text}"),
                expected: "expected sha256: and 64 lower-case hexadecimal digits".to_owned(),
            })?;
            revoked.revoke_artifact(ArtifactDigest(digest.0));
        }
        self.release.sign(None, None, None, revoked)
    }
}

impl ReleaseOptions {
    fn sign(
        &self,
        challenger: Option<(&picket_wasm_model::OwnedModel, u64)>,
        scorer: Option<&[u8]>,
        run_id: Option<String>,
        revoked: Revocations,
    ) -> Result<(), TrainerError> {
        let action = if revoked.is_empty() {
            LogAction::Sign
        } else {
            LogAction::Revoke
        };
        let store = self.to.as_deref().map(SignedStore::open).transpose()?;
        let champion = match (&self.model, &store, self.release) {
            (Some(file), ..) => read_model(file)?,
            (None, Some(store), Some(release)) => store.champion_of(release)?,
            (None, ..) => {
                return Err(TrainerError::Usage {
                    option: "--model, --to".to_owned(),
                    expected: "expected a model, or a store and a release".to_owned(),
                });
            }
        };
        let parent = match (&self.parent, &store, self.release) {
            (Some(file), ..) => Some(read_bytes(file)?),
            (None, Some(store), Some(release)) => store.envelope_before(release)?,
            (None, ..) => None,
        };
        let not_before = self
            .not_before
            .unwrap_or_else(|| now().saturating_sub(3600));
        let manifest = plan_release(&ReleasePlan {
            champion: &champion,
            challenger,
            scorer,
            release: self.release,
            parent: parent.as_deref(),
            revoked,
            not_before,
            expires: not_before + self.valid_days * DAY,
            run_id,
        })?;
        let keys = self.key.iter().map(|file| read_key(file));
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        let keys: Vec<_> = keys.iter().collect();
        let envelope = manifest
            .sign(&keys)
            .map_err(SigningError::of("the release"))?;
        if let Some(store) = &store {
            let challenger = challenger.map(|(model, _)| model.bytes());
            store.put(manifest.release, &envelope, challenger, scorer)?;
            store.log(action, manifest.release, &envelope, &keys)?;
        }
        if let Some(file) = &self.out {
            OutputFile::write(file, &envelope)?;
        }
        print(&format!("release {}\n", manifest.release))
    }
}

impl CosignCommand {
    /// Adds signatures to an envelope, of a release or of a key set.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let name = || SigningError::of(self.envelope.display().to_string());
        let mut envelope = Envelope::from_json(&read_bytes(&self.envelope)?).map_err(name())?;
        for file in &self.key {
            envelope.sign(&read_key(file)?);
        }
        OutputFile::write(&self.envelope, &envelope.to_json().map_err(name())?)?;
        print(&format!("{} signatures\n", envelope.signers().count()))
    }
}

impl VerifyCommand {
    /// Verifies an envelope as an edge does that has seen no release yet, and shows what it says.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let keys = read_set(&self.trusted_keys)?;
        let envelope = read_bytes(&self.envelope)?;
        let revoked = Revocations::default();
        let trust = Trust {
            keys: &keys,
            now: self.at.unwrap_or_else(now),
            high_water: None,
            revoked: &revoked,
            schema: None,
        };
        let name = || SigningError::of(self.envelope.display().to_string());
        let verified = trust.manifest(&envelope, None).map_err(name())?;
        let manifest: Manifest = verified.manifest().clone();
        if let Some(file) = &self.model {
            let bytes = read_bytes(file)?;
            let file = file.display().to_string();
            verified
                .with_artifact(&bytes)
                .map_err(SigningError::of(file))?;
        }
        print_json(&manifest)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
