//! Signed releases in the store: taken when pushed, found again when an instance starts.
//!
//! The store has no transactions, so nothing is changed in place that two instances could change at once. A release's
//! mark and its pointer have keys with its number in them; the newest is the one with the highest. The key `newest` is a
//! hint that saves looking through all keys.

use picket_record::ShadowShare;
use picket_schema::SchemaDigest;
use picket_schema::release::{
    GoldenRow, HighWater, KeySet, PayloadDigest, ReleaseError, Revocations, Trust, VerifiedManifest,
};
use picket_wasm_model::{OwnedModel, Scorer};
use serde::{Deserialize, Serialize};

use crate::key_sets::{self, Followed};
use crate::key_value::{KeyValue, StoreError};
use crate::release_blob::{self, MAX_MODEL, Pointer, Pushed};

/// The key of the hint.
const NEWEST: &str = "newest";
/// What the key of a mark begins with.
const MARK: &str = "mark-";
/// What the key of a pointer begins with.
const RELEASE: &str = "release-";
/// The most keys of each kind that are looked at; there are two or three.
const MAX_KEYS: usize = 256;
/// How many releases stay in the store: the newest and the one before.
const KEPT: usize = 2;

/// What is known about releases for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The newest release that was seen.
    pub high_water: Option<HighWater>,
    /// What must not be served any more.
    pub revoked: Revocations,
    /// The latest time that is known to have been, in seconds since 1970.
    pub clock_floor: u64,
    /// The keys that were read.
    keys: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    payload: PayloadDigest,
    revoked: Revocations,
    clock_floor: u64,
}

/// Why a release is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The body is not a release.
    #[error("{0}")]
    Body(String),
    /// The release is not to be trusted.
    #[error("{cause}: {0}", cause = .0.cause())]
    Refused(#[from] ReleaseError),
    /// The key sets in the store do not follow each other.
    #[error("key_sets_broken: {0}")]
    Keys(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a release is held against.
#[derive(Clone, Copy, Debug)]
pub struct Held<'k> {
    /// The keys that are trusted from the start.
    pub root: &'k KeySet,
    /// The time in seconds since 1970.
    pub now: u64,
    /// The schema to keep to; `None` takes the release's.
    pub schema: Option<SchemaDigest>,
}

/// A release that answers.
#[derive(Debug)]
pub struct Found {
    /// Its number.
    pub release: u64,
    /// The first second after its validity.
    pub expires: u64,
    /// Its model.
    pub model: OwnedModel,
    /// The model that looks on, and at which rows.
    pub challenger: Option<(OwnedModel, ShadowShare)>,
}

/// What an instance finds when it looks for releases.
#[derive(Debug, Default)]
pub struct Looked {
    /// The newest that is sound; `None` where the model in the component answers.
    pub found: Option<Found>,
    /// Why newer ones were passed over.
    pub damaged: Vec<String>,
    /// What must not be served any more.
    pub revoked: Revocations,
    /// The newest key set; `None` where those in the store do not follow each other.
    pub keys: Option<KeySet>,
}

fn numbered(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:020}")
}

fn number_of(prefix: &str, key: &str) -> Option<u64> {
    key.strip_prefix(prefix)?.parse().ok()
}

/// Reads all marks. One that is damaged still says its number.
///
/// # Errors
/// [`StoreError`].
pub async fn marks(store: &impl KeyValue) -> Result<Marks, StoreError> {
    let mut marks = Marks {
        keys: store.keys(MARK, MAX_KEYS).await?.found,
        ..Marks::default()
    };
    for key in &marks.keys {
        let Some(number) = number_of(MARK, key) else {
            continue;
        };
        let bytes = store.get(key).await?.unwrap_or_default();
        let mark = serde_json::from_slice(&bytes).unwrap_or(Mark {
            // No manifest has this digest: the number itself is then spent.
            payload: PayloadDigest([0; 32]),
            revoked: Revocations::default(),
            clock_floor: 0,
        });
        marks.revoked.extend(&mark.revoked);
        marks.clock_floor = marks.clock_floor.max(mark.clock_floor);
        if marks.high_water.is_none_or(|it| it.release < number) {
            marks.high_water = Some(HighWater {
                release: number,
                payload: mark.payload,
            });
        }
    }
    Ok(marks)
}

/// Leaves the mark of a verified manifest, and removes those that it holds. Afterwards nothing older is taken, whatever
/// becomes of the files.
async fn leave_mark(
    store: &impl KeyValue,
    known: &Marks,
    verified: &VerifiedManifest,
    now: u64,
) -> Result<(), StoreError> {
    let mut revoked = known.revoked.clone();
    revoked.extend(&verified.manifest().revoked);
    let mark = Mark {
        payload: verified.high_water().payload,
        revoked,
        clock_floor: now.max(known.clock_floor),
    };
    let number = verified.high_water().release;
    let own = numbered(MARK, number);
    let bytes = serde_json::to_vec(&mark).unwrap_or_default();
    store.set(&own, &bytes).await?;
    for key in known.keys.iter().filter(|key| **key != own) {
        store.delete(key).await?;
    }
    Ok(())
}

/// Takes a pushed release: verified, marked, written, and its pointer last.
///
/// # Errors
/// A [`PushError`]; what was served goes on.
pub async fn push(
    store: &impl KeyValue,
    held: Held<'_>,
    body: &[u8],
    random: impl Fn() -> [u8; 16],
) -> Result<Found, PushError> {
    let pushed = Pushed::from_body(body).map_err(|reason| PushError::Body(reason.to_owned()))?;
    if pushed.models.len() > MAX_MODEL {
        let found = pushed.models.len();
        let reason = format!("the models have {found} bytes; expected at most {MAX_MODEL}");
        return Err(PushError::Body(reason));
    }
    let followed = key_sets::follow(store, held.root).await?;
    let keys = key_sets::trusted(&followed)?;
    let known = marks(store).await?;
    let trust = Trust {
        keys,
        now: held.now.max(known.clock_floor),
        high_water: known.high_water,
        revoked: &known.revoked,
        schema: held.schema,
    };
    let verified = trust.manifest(pushed.envelope, None)?;
    let mark = verified.high_water();
    leave_mark(store, &known, &verified, held.now).await?;
    // Another instance may have taken a newer one meanwhile.
    let seen = marks(store).await?;
    let newer = seen.high_water.filter(|it| it.release > mark.release);
    if let Some(newer) = newer {
        return Err(PushError::Refused(ReleaseError::RolledBack {
            expected: newer.release,
            found: mark.release,
        }));
    }
    let models = sound(&verified, pushed.models)?;
    let whereabouts = (mark.release, mark.payload);
    let pointer = release_blob::write(store, pushed, whereabouts, random).await?;
    let bytes = serde_json::to_vec(&pointer).unwrap_or_default();
    store.set(&numbered(RELEASE, mark.release), &bytes).await?;
    tell_newest(store).await?;
    // Old releases take room and do no harm: what cannot be removed now is removed with the next.
    let _ = remove_old(store).await;
    Ok(models.found(&verified, &pointer))
}

/// The models of a release.
struct Models {
    champion: OwnedModel,
    challenger: Option<OwnedModel>,
}

impl Models {
    fn found(self, verified: &VerifiedManifest, pointer: &Pointer) -> Found {
        let manifest = verified.manifest();
        let named = manifest.challenger.as_ref();
        Found {
            release: manifest.release,
            expires: manifest.expires,
            model: self.champion,
            challenger: self.challenger.zip(named).map(|(model, named)| {
                let share = ShadowShare::new(pointer.shadow_key(), named.traffic_per_mille);
                (model, share)
            }),
        }
    }
}

/// Loads the models that the manifest names and scores their golden rows. A scorer that it names is not asked for: the
/// component is one itself, and the golden rows say whether it scores as the release's would.
fn sound(verified: &VerifiedManifest, models: &[u8]) -> Result<Models, ReleaseError> {
    let manifest = verified.manifest();
    let champion_bytes = match &manifest.challenger {
        Some(_) => usize::try_from(manifest.artifact.size).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let (champion, challenger) = models.split_at(champion_bytes.min(models.len()));
    verified.clone().with_artifact(champion)?;
    let champion = load(champion, &manifest.golden)?;
    let challenger = match &manifest.challenger {
        Some(named) => {
            verified.check_challenger(challenger)?;
            Some(load(challenger, &named.golden)?)
        }
        None => None,
    };
    Ok(Models {
        champion,
        challenger,
    })
}

fn load(artifact: &[u8], golden: &[GoldenRow]) -> Result<OwnedModel, ReleaseError> {
    let model =
        OwnedModel::load(artifact.to_vec()).map_err(|source| ReleaseError::Artifact { source })?;
    check_golden(&model, golden)?;
    Ok(model)
}

fn check_golden(model: &OwnedModel, rows: &[GoldenRow]) -> Result<(), ReleaseError> {
    let mut scorer = Scorer::new(model.model());
    for (row_idx, golden) in rows.iter().enumerate() {
        // The row's width was checked with the artifact: a row that is refused gets no margin at all.
        let scored = scorer.score_batch(&golden.values()).ok();
        let margin = scored.and_then(|scored| Some(scored.first()?.margin.0));
        golden.check(row_idx, margin.unwrap_or(f64::NAN))?;
    }
    Ok(())
}

/// The number that the hint names.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(store: &impl KeyValue) -> Result<Option<u64>, StoreError> {
    let text = store.get(NEWEST).await?;
    Ok(text.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()))
}

/// The numbers of the releases in the store, the newest first.
async fn numbers(store: &impl KeyValue) -> Result<Vec<u64>, StoreError> {
    let keys = store.keys(RELEASE, MAX_KEYS).await?.found;
    let mut numbers: Vec<u64> = keys
        .iter()
        .filter_map(|key| number_of(RELEASE, key))
        .collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    Ok(numbers)
}

/// Makes the hint say what is there. Who wrote an older number over a newer one sees the newer one's pointer afterwards,
/// and writes again.
///
/// # Errors
/// [`StoreError`].
pub async fn tell_newest(store: &impl KeyValue) -> Result<(), StoreError> {
    loop {
        let highest = numbers(store).await?.first().copied();
        let Some(highest) = highest else {
            return Ok(());
        };
        if newest(store).await? == Some(highest) {
            return Ok(());
        }
        store.set(NEWEST, highest.to_string().as_bytes()).await?;
    }
}

async fn remove_old(store: &impl KeyValue) -> Result<(), StoreError> {
    for number in numbers(store).await?.into_iter().skip(KEPT) {
        let key = numbered(RELEASE, number);
        let bytes = store.get(&key).await?.unwrap_or_default();
        // The pointer first: what it named is then of no use to anybody.
        store.delete(&key).await?;
        if let Ok(pointer) = serde_json::from_slice::<Pointer>(&bytes) {
            pointer.remove_chunks(store).await?;
        }
    }
    Ok(())
}

/// Looks for the newest release that is sound. All that was verified when it was pushed is verified again, its end
/// apart: what was served goes on until it is too old, which is for the caller to say.
///
/// # Errors
/// [`StoreError`].
pub async fn look(store: &impl KeyValue, root: &KeySet) -> Result<Looked, StoreError> {
    let marks = marks(store).await?;
    let mut looked = Looked {
        revoked: marks.revoked.clone(),
        ..Looked::default()
    };
    let followed: Followed = key_sets::follow(store, root).await?;
    let keys = match followed.keys() {
        Ok(keys) => keys,
        Err(reason) => {
            looked.damaged.push(reason.to_owned());
            return Ok(looked);
        }
    };
    looked.keys = Some(keys.clone());
    for number in numbers(store).await? {
        match read(store, keys, &marks, number).await? {
            Ok(found) => {
                looked.found = Some(found);
                break;
            }
            Err(reason) => looked.damaged.push(format!("release {number}: {reason}")),
        }
    }
    Ok(looked)
}

async fn read(
    store: &impl KeyValue,
    keys: &KeySet,
    marks: &Marks,
    number: u64,
) -> Result<Result<Found, String>, StoreError> {
    let bytes = store.get(&numbered(RELEASE, number)).await?;
    let pointer: Pointer = match serde_json::from_slice(&bytes.unwrap_or_default()) {
        Ok(pointer) => pointer,
        Err(error) => return Ok(Err(format!("the pointer: {error}"))),
    };
    let (envelope, models) = match pointer.read(store).await? {
        Ok(read) => read,
        Err(reason) => return Ok(Err(reason)),
    };
    let verified = verify_again(keys, marks, number, &envelope);
    let models = verified.and_then(|verified| {
        let models = sound(&verified, &models)?;
        Ok(models.found(&verified, &pointer))
    });
    Ok(models.map_err(|error| error.to_string()))
}

fn verify_again(
    keys: &KeySet,
    marks: &Marks,
    number: u64,
    envelope: &[u8],
) -> Result<VerifiedManifest, ReleaseError> {
    let mut trust = Trust {
        keys,
        now: marks.clock_floor,
        high_water: marks.high_water.filter(|it| it.release == number),
        revoked: &marks.revoked,
        schema: None,
    };
    match trust.manifest(envelope, Some(number)) {
        // It was valid once, or it would not be here.
        Err(ReleaseError::Expired { expected, .. }) => {
            trust.now = expected - 1;
            trust.manifest(envelope, Some(number))
        }
        Err(ReleaseError::NotYetValid { expected, .. }) => {
            trust.now = expected;
            trust.manifest(envelope, Some(number))
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "release_store_test.rs"]
mod tests;
