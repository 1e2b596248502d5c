//! Publishing, promoting, rolling back and listing.

use std::time::SystemTime;

use picket_schema::release::caps::MAX_ENVELOPE_BYTES;
use picket_schema::release::{Envelope, LogAction, Manifest, PayloadDigest, SigningKey};
use picket_schema::{ArtifactDigest, limits};
use picket_wasm_model::OwnedModel;
use sha2::{Digest, Sha256};

use crate::error::TrainerError;
use crate::publish::card;
use crate::publish::channel::{CHAMPION, Channel};
use crate::publish::error::PublishError;
use crate::publish::log::{Deed, PublishLog};
use crate::publish::manifest::{ReleaseFile, ReleaseManifest};
use crate::publish::store::{ReleaseStore, Revision};

const FOLDER: &str = "releases";
const ARTIFACT: &str = "model.picket";
const CARD_MARKDOWN: &str = "card.md";
const CARD_JSON: &str = "card.json";
const MANIFEST: &str = "manifest.json";
/// No manifest or channel is larger.
const MAX_DOCUMENT_BYTES: u64 = 1 << 20;
/// How many numbers are tried where others publish at the same time.
const ATTEMPTS: u32 = 32;

/// How many of the newest releases are asked whether they are signed.
const NEWEST: usize = 16;

/// What to publish, besides the artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// The artifact's file.
    pub artifact: Vec<u8>,
    /// The run that made it.
    pub run_id: Option<String>,
    /// Who publishes it.
    pub user: Option<String>,
    /// On which host.
    pub host: Option<String>,
}

/// The releases of a store.
pub struct Releases<'s> {
    store: &'s dyn ReleaseStore,
    /// Sign the entries of the log.
    keys: &'s [&'s SigningKey],
}

impl std::fmt::Debug for Releases<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Releases")
            .field(&self.store.address())
            .finish()
    }
}

impl<'s> Releases<'s> {
    /// The releases of `store`.
    #[must_use]
    pub fn new(store: &'s dyn ReleaseStore) -> Self {
        Self { store, keys: &[] }
    }

    /// The same, with entries of the log that these keys sign. Edges follow signed promotions.
    #[must_use]
    pub fn signed_by(self, keys: &'s [&'s SigningKey]) -> Self {
        Self { keys, ..self }
    }

    /// Publishes an artifact as the next release, which is not in use until it is promoted.
    ///
    /// # Errors
    /// [`TrainerError::Model`] for bytes that are no artifact, [`PublishError`] where the store fails; where only the
    /// entry of the log could not be made, the release is there all the same.
    pub fn publish(&self, package: &Package) -> Result<ReleaseManifest, TrainerError> {
        Ok(self.publish_as(package, None)?)
    }

    fn publish_as(
        &self,
        package: &Package,
        rollback_to: Option<u64>,
    ) -> Result<ReleaseManifest, PublishOrModel> {
        let bytes = &package.artifact;
        let owned = OwnedModel::load(bytes.clone()).map_err(PublishOrModel::Model)?;
        let artifact = owned.model().artifact();
        let champion = self.champion()?.map(|(channel, _)| channel.artifact_digest);
        let cards = [
            (CARD_MARKDOWN, card::to_markdown(artifact, bytes)),
            (CARD_JSON, card::to_json(artifact, bytes)),
        ];
        let release = self.take_number(bytes)?;
        let mut files = Vec::new();
        for (name, content) in &cards {
            self.create_own(release, name, content)?;
            files.push(file(name, content));
        }
        let manifest = ReleaseManifest {
            format_version: ReleaseManifest::format_version(),
            release,
            model: artifact.card.name.clone(),
            artifact: file(ARTIFACT, bytes),
            schema_digest: artifact.schema.digest().to_string(),
            cards: files,
            parent: artifact.card.parent.map(|parent| parent.to_string()),
            champion,
            rollback_to,
            run_id: package.run_id.clone(),
            created: now(),
            user: package.user.clone(),
            host: package.host.clone(),
        };
        // Last: with it the release exists.
        self.create_own(release, MANIFEST, &manifest.payload())?;
        let action = if rollback_to.is_some() {
            LogAction::Rollback
        } else {
            LogAction::Publish
        };
        let deed = Deed {
            action,
            release,
            digest: &manifest.artifact.digest,
            payload: None,
        };
        PublishLog::new(self.store).append(&deed, self.keys)?;
        Ok(manifest)
    }

    /// Takes the next number by creating its artifact: who creates it has it.
    fn take_number(&self, artifact: &[u8]) -> Result<u64, PublishError> {
        for _ in 0..ATTEMPTS {
            // Numbers of publishers that came no further count too.
            let release = self.numbers()?.last().copied().unwrap_or(0) + 1;
            if self.store.create(&name(release, ARTIFACT), artifact)? {
                return Ok(release);
            }
        }
        Err(PublishError::Busy {
            store: self.store.address(),
            attempts: ATTEMPTS,
        })
    }

    /// Creates a file of a release whose number is ours.
    fn create_own(&self, release: u64, file: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let name = name(release, file);
        if self.store.create(&name, bytes)? {
            return Ok(());
        }
        // An answer may have been lost: then it is there, as we wrote it.
        let found = self.store.read(&name, bytes.len() as u64)?;
        if found.is_some_and(|(found, _)| found == bytes) {
            return Ok(());
        }
        Err(PublishError::Damaged {
            place: name,
            found: "another file".to_owned(),
            expected: "none: the release is being made".to_owned(),
        })
    }

    /// All numbers that were ever taken, ascending.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, PublishError> {
        let folders = self.store.folders(FOLDER)?;
        // Only the usual way to write a number: `01` is not release 1.
        let number = |name: &String| name.parse().ok().filter(|n: &u64| n.to_string() == *name);
        let mut numbers: Vec<u64> = folders.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The manifest of a release and its digest; `None` where the release does not exist.
    pub(super) fn manifest(
        &self,
        release: u64,
    ) -> Result<Option<(ReleaseManifest, String)>, PublishError> {
        let place = name(release, MANIFEST);
        let Some((bytes, _)) = self.store.read(&place, MAX_DOCUMENT_BYTES)? else {
            return Ok(None);
        };
        let manifest = ReleaseManifest::from_payload(&bytes, &place)?;
        if manifest.release != release {
            return Err(PublishError::Damaged {
                place,
                found: format!("the manifest of release {}", manifest.release),
                expected: format!("that of release {release}"),
            });
        }
        Ok(Some((manifest, digest(&bytes))))
    }

    fn existing(&self, release: u64) -> Result<(ReleaseManifest, String), PublishError> {
        if let Some(found) = self.manifest(release)? {
            return Ok(found);
        }
        let numbers: Vec<String> = self
            .list()?
            .iter()
            .map(|listed| listed.manifest.release.to_string())
            .collect();
        Err(PublishError::NoSuchRelease {
            store: self.store.address(),
            release,
            expected: if numbers.is_empty() {
                "none".to_owned()
            } else {
                numbers.join(", ")
            },
        })
    }

    /// The artifact of a release, held against its manifest.
    fn artifact(&self, manifest: &ReleaseManifest) -> Result<Vec<u8>, PublishError> {
        let place = name(manifest.release, ARTIFACT);
        let expected = &manifest.artifact;
        let found = self.store.read(&place, limits::MAX_ARTIFACT_BYTES as u64)?;
        let bytes = found.map(|(bytes, _)| bytes);
        match bytes {
            Some(bytes) if digest(&bytes) == expected.digest => Ok(bytes),
            other => Err(PublishError::Damaged {
                place,
                found: other.map_or("nothing".to_owned(), |bytes| {
                    format!("{} bytes, {}", bytes.len(), digest(&bytes))
                }),
                expected: format!("{} bytes, {}", expected.n_bytes, expected.digest),
            }),
        }
    }

    /// The champion's channel; `None` before the first promotion.
    ///
    /// # Errors
    /// [`PublishError`] where it cannot be read.
    pub fn champion(&self) -> Result<Option<(Channel, Revision)>, PublishError> {
        let Some((bytes, revision)) = self.store.read(CHAMPION, MAX_DOCUMENT_BYTES)? else {
            return Ok(None);
        };
        Ok(Some((Channel::from_bytes(&bytes)?, revision)))
    }

    /// The champion's artifact, held against its manifest, where there is one.
    ///
    /// # Errors
    /// [`PublishError`] where it cannot be read, or is not what was published.
    pub fn champion_artifact(&self) -> Result<Option<Vec<u8>>, PublishError> {
        let Some((channel, _)) = self.champion()? else {
            return Ok(None);
        };
        let (manifest, _) = self.existing(channel.release)?;
        Ok(Some(self.artifact(&manifest)?))
    }

    /// Makes a release the champion, after holding its artifact against its manifest. Promoting the
    /// champion again changes nothing.
    ///
    /// # Errors
    /// [`PublishError::NoSuchRelease`], [`PublishError::OlderThanChampion`],
    /// [`PublishError::Damaged`], and [`PublishError::ChannelMoved`] where somebody else was faster.
    /// [`PublishError::UnsignedPromotion`] where promotions are signed and there is no key,
    /// [`PublishError::UnsignedRelease`] where there is a key and the release is not signed.
    pub fn promote(&self, release: u64) -> Result<Channel, PublishError> {
        let before = self.champion()?;
        let (manifest, manifest_digest) = self.existing(release)?;
        let log = PublishLog::new(self.store);
        let payload = self.signed_payload(release)?;
        if self.keys.is_empty() && log.head_release()?.is_some_and(|head| head != release) {
            let store = self.store.address();
            return Err(PublishError::UnsignedPromotion { store });
        }
        if !self.keys.is_empty() && payload.is_none() {
            let store = self.store.address();
            return Err(PublishError::UnsignedRelease { store, release });
        }
        let deed = |digest| Deed {
            action: LogAction::Promote,
            release,
            digest,
            payload,
        };
        if let Some((champion, _)) = &before {
            if champion.release == release {
                // What was promoted without a key, with keys of before, or by somebody who came no further, is signed now.
                if !self.keys.is_empty() && !log.head_is(release, self.keys)? {
                    log.append(&deed(&manifest_digest), self.keys)?;
                }
                return Ok(champion.clone());
            }
            if champion.release > release {
                return Err(PublishError::OlderThanChampion {
                    release,
                    champion: champion.release,
                });
            }
        }
        self.artifact(&manifest)?;
        let channel = Channel {
            release,
            artifact_digest: manifest.artifact.digest,
            manifest_digest,
            since: now(),
        };
        let bytes = channel.to_bytes().map_err(|error| PublishError::Store {
            place: CHAMPION.to_owned(),
            operation: "writing",
            message: error.to_string(),
        })?;
        let is_ours = match &before {
            Some((_, revision)) => self.store.replace(CHAMPION, &bytes, revision)?,
            None => self.store.create(CHAMPION, &bytes)?,
        };
        let found = if is_ours { None } else { self.champion()? };
        // An answer may have been lost: then the channel is as we wrote it.
        if is_ours || found.as_ref().is_some_and(|(found, _)| *found == channel) {
            log.append(&deed(&channel.manifest_digest), self.keys)?;
            return Ok(channel);
        }
        Err(PublishError::ChannelMoved {
            place: CHAMPION.to_owned(),
            found: found.map_or("none".to_owned(), |(found, _)| found.release.to_string()),
        })
    }

    /// Whether releases are signed here: a promotion was, the champion is, or one of the newest. Whose signatures count is
    /// not looked at.
    ///
    /// # Errors
    /// What the store says.
    pub fn are_signed(&self) -> Result<bool, PublishError> {
        if PublishLog::new(self.store).head_release()?.is_some() {
            return Ok(true);
        }
        let champion = self.champion()?.map(|(channel, _)| channel.release);
        let numbers = self.numbers()?;
        for release in numbers.iter().rev().take(NEWEST).copied().chain(champion) {
            let place = name(release, "release.dsse.json");
            if self
                .store
                .read(&place, MAX_ENVELOPE_BYTES as u64)?
                .is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What was signed of a release, where something was. Whose signatures count is not looked at.
    fn signed_payload(&self, release: u64) -> Result<Option<PayloadDigest>, PublishError> {
        let place = name(release, "release.dsse.json");
        let Some((envelope, _)) = self.store.read(&place, MAX_ENVELOPE_BYTES as u64)? else {
            return Ok(None);
        };
        let damaged = |found: String| PublishError::Damaged {
            place: place.clone(),
            found,
            expected: format!("the signed manifest of release {release}"),
        };
        let envelope =
            Envelope::from_json(&envelope).map_err(|error| damaged(error.to_string()))?;
        let payload = envelope.unverified_payload();
        let manifest = Manifest::from_json(payload).map_err(|error| damaged(error.to_string()))?;
        if manifest.release != release {
            return Err(damaged(format!("that of release {}", manifest.release)));
        }
        Ok(Some(PayloadDigest::of(payload)))
    }

    /// Publishes the artifact of an earlier release anew, and makes that the champion. Without a
    /// number it is the newest release before the champion with another artifact.
    ///
    /// # Errors
    /// As [`Releases::republish`] and [`Releases::promote`].
    pub fn rollback(
        &self,
        release: Option<u64>,
        by: &Package,
    ) -> Result<(ReleaseManifest, Channel), TrainerError> {
        // Known before a release is made that could not be promoted.
        if self.keys.is_empty() && PublishLog::new(self.store).head_release()?.is_some() {
            let store = self.store.address();
            return Err(PublishError::UnsignedPromotion { store }.into());
        }
        let new = self.republish(release, by)?;
        let channel = self.promote(new.release)?;
        Ok((new, channel))
    }

    /// Publishes the artifact of an earlier release anew, to be signed and promoted: the first half of a rollback.
    ///
    /// # Errors
    /// As [`Releases::publish`]; [`PublishError::NothingToRollBack`].
    pub fn republish(
        &self,
        release: Option<u64>,
        by: &Package,
    ) -> Result<ReleaseManifest, TrainerError> {
        let store = || self.store.address();
        let release = if let Some(release) = release {
            release
        } else {
            let (champion, _) = self.champion()?.ok_or(PublishError::NothingToRollBack {
                store: store(),
                found: "there is no champion",
            })?;
            let listed = self.list()?;
            let earlier = listed.iter().rev().find(|one| {
                one.manifest.release < champion.release
                    && one.manifest.artifact.digest != champion.artifact_digest
            });
            let earlier = earlier.ok_or(PublishError::NothingToRollBack {
                store: store(),
                found: "no earlier release has another artifact",
            })?;
            earlier.manifest.release
        };
        let (manifest, _) = self.existing(release)?;
        let package = Package {
            artifact: self.artifact(&manifest)?,
            run_id: manifest.run_id,
            ..by.clone()
        };
        Ok(self.publish_as(&package, Some(release))?)
    }

    /// The release that a run has published with this artifact, where it has.
    ///
    /// # Errors
    /// [`PublishError`] where releases cannot be read.
    pub fn of_run(&self, package: &Package) -> Result<Option<ReleaseManifest>, PublishError> {
        if package.run_id.is_none() {
            return Ok(None);
        }
        let digest = digest(&package.artifact);
        let manifests = self.list()?.into_iter().map(|listed| listed.manifest);
        let mut of_run = manifests.filter(|manifest| {
            manifest.run_id == package.run_id
                && manifest.artifact.digest == digest
                && manifest.rollback_to.is_none()
        });
        Ok(of_run.next())
    }
}

/// Why a release was not made.
enum PublishOrModel {
    Model(picket_schema::ArtifactError),
    Publish(PublishError),
}

impl From<PublishError> for PublishOrModel {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl From<PublishOrModel> for TrainerError {
    fn from(error: PublishOrModel) -> Self {
        match error {
            PublishOrModel::Model(source) => Self::Model {
                file: ARTIFACT.to_owned(),
                source,
            },
            PublishOrModel::Publish(error) => error.into(),
        }
    }
}

/// By RFC 3339, in UTC, to the second.
fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn name(release: u64, file: &str) -> String {
    format!("{FOLDER}/{release}/{file}")
}

fn digest(bytes: &[u8]) -> String {
    ArtifactDigest(Sha256::digest(bytes).into()).to_string()
}

fn file(name: &str, bytes: &[u8]) -> ReleaseFile {
    ReleaseFile {
        name: name.to_owned(),
        digest: digest(bytes),
        n_bytes: bytes.len() as u64,
    }
}
