//! Spool, recorder and upload put together for a host.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use picket_schema::record::ModelName;
use picket_schema::release::Tombstones;
use picket_service::{Label, NotRecorded, Predictions, Receipt, Recorder};
use serde_json::json;

use crate::error::StartError;
use crate::record::{RandomIds, RecorderConfig, SpoolRecorder, node_name};
use crate::shadow::{Shadow, Told};
use crate::spool::{Spool, SpoolConfig, SpoolError};
use crate::trusted_roots::TrustedRoots;
use crate::upload::{CollectorSink, Pace, RecordSink, UploadMetrics, Uploader};
use picket_telemetry::log;

/// How long a try to deliver may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What is recorded, where it waits and where it goes.
#[derive(Clone, Debug)]
pub struct RecordingConfig {
    /// The spool's folder.
    pub folder: PathBuf,
    /// How large the spool may grow.
    pub spool: SpoolConfig,
    /// What is recorded.
    pub recorder: RecorderConfig,
    /// Where records go; without it they stay in the spool.
    pub upload: Option<UploadConfig>,
}

/// Where records go.
#[derive(Clone)]
pub struct UploadConfig {
    /// `mongodb://…`, `mongodb+srv://…`, or the `http://…` or `https://…` of a collector.
    pub target: String,
    /// The bearer token for a collector.
    pub token: Option<String>,
    /// The authorities that the server's certificate must come from, in the place of the public ones.
    pub roots: Option<TrustedRoots>,
    /// How often and how much.
    pub pace: Pace,
}

impl std::fmt::Debug for UploadConfig {
    /// Target and token are secrets, or may hold some.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadConfig")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// A recorder at work. Dropped, it stops uploading; what is pending waits on the disk.
#[derive(Debug)]
pub struct Recording {
    recorder: Arc<SpoolRecorder>,
    uploader: Option<Uploader>,
    shadow: Arc<ShadowSlot>,
}

/// The challenger that looks on while answers are recorded, and the digest of the champion that it looks at.
#[derive(Default)]
struct ShadowSlot(RwLock<Option<(String, Shadow)>>);

impl std::fmt::Debug for ShadowSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShadowSlot")
    }
}

/// A recording as those see it who change models and carry out erasures: it keeps nothing alive.
#[derive(Clone)]
pub(crate) struct RecordingLink {
    recorder: Weak<SpoolRecorder>,
    shadow: Weak<ShadowSlot>,
}

impl RecordingLink {
    /// Whether single answers are recorded: then a challenger's are too.
    pub(crate) fn records_answers(&self) -> bool {
        self.recorder
            .upgrade()
            .is_some_and(|it| it.records_answers())
    }

    /// Writes down what a challenger says of recorded answers.
    pub(crate) fn told(&self, champion: ModelName, challenger: ModelName) -> Told {
        let recorder = Weak::clone(&self.recorder);
        Box::new(move |recorded, of_champion, of_challenger| {
            if let Some(recorder) = recorder.upgrade() {
                let (champion, challenger) =
                    ((&champion, of_champion), (&challenger, of_challenger));
                recorder.shadow(recorded, champion, challenger);
            }
        })
    }

    /// Lets a challenger look at a champion's answers from now on, or none.
    pub(crate) fn set_shadow(&self, shadow: Option<(String, Shadow)>) {
        if let Some(slot) = self.shadow.upgrade() {
            *slot.0.write().unwrap_or_else(PoisonError::into_inner) = shadow;
        }
    }

    /// Erases what a list covers; `None` where there is nothing to erase from.
    pub(crate) fn erase(&self, tombstones: &Tombstones) -> Option<Result<u64, SpoolError>> {
        Some(self.recorder.upgrade()?.erase(tombstones))
    }
}

struct Recorded {
    recorder: Arc<SpoolRecorder>,
    upload: Option<UploadMetrics>,
    shadow: Arc<ShadowSlot>,
}

impl Recorder for Recorded {
    fn predictions(&self, made: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        let receipt = self.recorder.predictions(made)?;
        let slot = self.shadow.0.read();
        let slot = slot.unwrap_or_else(PoisonError::into_inner);
        // A request ends with the champion that it started with; the challenger may be that of the next.
        if let Some((_, shadow)) = slot.as_ref().filter(|it| it.0 == made.model.digest()) {
            shadow.show_recorded(made, self.recorder.source(made.headers).as_ref());
        }
        Ok(receipt)
    }

    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        self.recorder.labels(labels)
    }

    fn write_metrics(&self, page: &mut String) {
        self.recorder.write_metrics(page);
        if let Some(upload) = &self.upload {
            upload.write(page);
        }
    }
}

impl Recording {
    /// Opens the spool and starts uploading.
    ///
    /// # Errors
    /// [`StartError::Spool`] where the spool is in use or there can be none, [`StartError::Upload`] for a target that
    /// is none.
    pub fn start(config: &RecordingConfig) -> Result<Self, StartError> {
        let spool = Arc::new(Spool::open(&config.folder, config.spool)?);
        let counters = spool.counters();
        let level = if counters.damaged > 0 { "warn" } else { "info" };
        log(level, "spool_opened", &[("counters", json!(counters))]);
        let ids = Arc::new(RandomIds::new().map_err(StartError::random)?);
        let named = config.recorder.node.as_deref();
        let node = node_name(named, &config.folder).map_err(|error| StartError::Upload {
            reason: error.to_string(),
        })?;
        let recorder_config = RecorderConfig {
            node: Some(node),
            ..config.recorder.clone()
        };
        let recorder = SpoolRecorder::new(Arc::clone(&spool), recorder_config, ids);
        let recorder = Arc::new(recorder);
        let uploader = match &config.upload {
            Some(upload) => Some(start_upload(upload, spool, &recorder)?),
            None => None,
        };
        Ok(Self {
            recorder,
            uploader,
            shadow: Arc::default(),
        })
    }

    /// The recorder for the service.
    #[must_use]
    pub fn recorder(&self) -> Arc<dyn Recorder> {
        Arc::new(Recorded {
            recorder: Arc::clone(&self.recorder),
            upload: self.uploader.as_ref().map(Uploader::metrics),
            shadow: Arc::clone(&self.shadow),
        })
    }

    pub(crate) fn link(&self) -> RecordingLink {
        RecordingLink {
            recorder: Arc::downgrade(&self.recorder),
            shadow: Arc::downgrade(&self.shadow),
        }
    }
}

fn start_upload(
    upload: &UploadConfig,
    spool: Arc<Spool>,
    recorder: &Arc<SpoolRecorder>,
) -> Result<Uploader, StartError> {
    let sink = sink(upload)?;
    // The recorder ends with the service, not with the thread that looks after its windows.
    let recorder = Arc::downgrade(recorder);
    let tick = move || {
        if let Some(recorder) = recorder.upgrade() {
            recorder.flush(false);
        }
    };
    Uploader::start(spool, sink, upload.pace, tick).map_err(|error| StartError::Upload {
        reason: error.to_string(),
    })
}

fn sink(upload: &UploadConfig) -> Result<Box<dyn RecordSink>, StartError> {
    let scheme = upload.target.split("://").next().unwrap_or_default();
    match scheme {
        "http" | "https" => {
            let Some(token) = &upload.token else {
                let reason = "a collector needs a token".to_owned();
                return Err(StartError::Upload { reason });
            };
            let sink = CollectorSink::new(&upload.target, token, UPLOAD_TIMEOUT);
            Ok(Box::new(match &upload.roots {
                Some(roots) => sink.trusting(roots),
                None => sink,
            }))
        }
        "mongodb" | "mongodb+srv" => mongo_sink(&upload.target, upload.roots.as_ref()),
        _ => Err(StartError::Upload {
            // The target itself may hold a password.
            reason:
                "expected a target that begins with mongodb://, mongodb+srv://, https:// or http://"
                    .to_owned(),
        }),
    }
}

/// A sink for a MongoDB server.
///
/// # Errors
/// [`StartError::Upload`] for a URI that cannot be read, or where this program was built without MongoDB.
#[cfg(feature = "mongodb")]
pub fn mongo_sink(
    uri: &str,
    roots: Option<&TrustedRoots>,
) -> Result<Box<dyn RecordSink>, StartError> {
    let sink = crate::upload::MongoSink::new(uri, UPLOAD_TIMEOUT * 2 / 3);
    let sink = sink.map_err(|error| StartError::Upload {
        reason: error.to_string(),
    })?;
    Ok(Box::new(match roots {
        Some(roots) => sink.trusting(roots),
        None => sink,
    }))
}

/// A sink for a MongoDB server.
///
/// # Errors
/// [`StartError::Upload`]: this program was built without MongoDB.
#[cfg(not(feature = "mongodb"))]
pub fn mongo_sink(_: &str, _: Option<&TrustedRoots>) -> Result<Box<dyn RecordSink>, StartError> {
    Err(StartError::Upload {
        reason: "this program was built without the feature mongodb".to_owned(),
    })
}
