//! What an instance keeps between requests: the model that answers, and what the variables said. Nothing of a request is
//! here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use picket_record::{Histograms, RecordMode, ShadowTally};
use picket_schema::release::{KeySet, ReleaseError};
use picket_service::{HostMetrics, IdSource, Recorder, Scoring, ServedModel, Service};

use crate::bundled;
use crate::challenger::Challenger;
use crate::key_sets;
use crate::record::BatchRecorder;
use crate::release_store::{self, Found, Looked};
use crate::settings::{Recording, Releases, Settings};
use crate::spin::{self, RandomIds, SpinStore};
use crate::state_metrics::StateMetrics;
use crate::window::Windows;

/// How long an instance believes what it last read of variables and releases.
const BELIEVED_MS: u64 = 1_000;

/// What this instance answers with.
pub(crate) struct Live {
    pub(crate) service: Service,
    /// Looks at answers.
    pub(crate) challenger: Option<Challenger>,
    /// What this instance has counted.
    pub(crate) windows: Arc<Windows>,
    /// Gives records their ids.
    pub(crate) ids: Arc<dyn IdSource>,
    /// What the variables say; `None` where there is no Spin.
    pub(crate) settings: Option<Settings>,
    /// From when on answers are withheld, in seconds since 1970, and why.
    withheld_from: Option<(u64, String)>,
    /// The variables as they were read.
    variables: BTreeMap<&'static str, String>,
    /// The hint when the store was looked through; `None` where it could not be read.
    hint: Option<Hint>,
}

/// What says that the store should be looked through again: the newest release and the newest key set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hint {
    release: Option<u64>,
    key_set: Option<u64>,
}

struct Kept {
    live: Arc<Live>,
    checked_ms: u64,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// What is told of the shared state.
pub(crate) static METRICS: std::sync::LazyLock<Arc<StateMetrics>> =
    std::sync::LazyLock::new(Arc::default);

impl Live {
    /// Why no answer may be given now, if none may.
    pub(crate) fn withheld(&self, now_ms: u64) -> Option<&str> {
        let (from, reason) = self.withheld_from.as_ref()?;
        (now_ms / 1000 >= *from).then_some(reason.as_str())
    }

    /// What is recorded; `None` where nothing is.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        let settings = self.settings.as_ref()?;
        settings.recording.as_ref().ok()?.as_ref()
    }

    /// Whether what the variables say of recording can be used.
    pub(crate) fn recording_holds(&self) -> bool {
        let settings = self.settings.as_ref();
        settings.is_some_and(|it| it.recording.is_ok())
    }

    /// How releases are taken; `None` where none are.
    pub(crate) fn releases(&self) -> Option<&Releases> {
        self.settings.as_ref()?.releases.as_ref().ok()
    }
}

fn kept() -> Option<(Arc<Live>, u64)> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.as_ref()
        .map(|kept| (Arc::clone(&kept.live), kept.checked_ms))
}

fn keep(live: Arc<Live>, checked_ms: u64) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    *kept = Some(Kept { live, checked_ms });
}

/// Looks at variables and store again with the next request.
pub(crate) fn look_again() {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = &mut *kept {
        kept.checked_ms = 0;
    }
}

/// What answers now.
pub(crate) async fn current() -> Result<Arc<Live>, String> {
    let before = kept();
    // Where there is no Spin nothing ever changes, and no clock is needed.
    if let Some((live, _)) = &before
        && live.settings.is_none()
    {
        return Ok(Arc::clone(live));
    }
    if !spin::is_here() {
        let live = Arc::new(without_spin()?);
        keep(Arc::clone(&live), 0);
        return Ok(live);
    }
    let now_ms = spin::now_ms();
    if let Some((live, checked_ms)) = &before
        && now_ms.abs_diff(*checked_ms) < BELIEVED_MS
    {
        return Ok(Arc::clone(live));
    }
    let before = before.map(|(live, _)| live);
    let variables = match (spin::variables().await, &before) {
        (Ok(variables), _) => variables,
        (Err(_), Some(live)) => live.variables.clone(),
        (Err(reason), None) => return Err(reason),
    };
    let hint = hint(&variables).await;
    METRICS.seen().store_failed = hint.is_none();
    if let Some(live) = &before
        && live.variables == variables
        // A store that cannot be read is no reason to serve another model.
        && (hint.is_none() || live.hint == hint)
    {
        keep(Arc::clone(live), now_ms);
        return Ok(Arc::clone(live));
    }
    let live = Arc::new(with_spin(variables, hint, before.as_deref()).await?);
    keep(Arc::clone(&live), now_ms);
    Ok(live)
}

/// What is newest; `None` where the store cannot be read.
async fn hint(variables: &BTreeMap<&'static str, String>) -> Option<Hint> {
    // Without keys no release is served, so none is looked for.
    if variables
        .get("trusted_keys")
        .is_none_or(|keys| keys.trim().is_empty())
    {
        return Some(Hint::default());
    }
    let store = SpinStore::open().await.ok()?;
    Some(Hint {
        release: release_store::newest(&store).await.ok()?,
        key_set: key_sets::newest(&store).await.ok()?,
    })
}

fn without_spin() -> Result<Live, String> {
    let (model, scoring) = bundled::model()?;
    Ok(Live {
        service: bundled::service(model, Box::new(scoring)),
        challenger: None,
        windows: Arc::default(),
        ids: Arc::new(RandomIds::default()),
        settings: None,
        withheld_from: None,
        variables: BTreeMap::new(),
        hint: None,
    })
}

/// A model that is about to answer.
struct Chosen {
    model: ServedModel,
    scoring: Box<dyn Scoring>,
    /// Empty ones with its bins.
    bins: Histograms,
    withheld_from: Option<(u64, String)>,
    challenger: Option<Challenger>,
}

async fn with_spin(
    variables: BTreeMap<&'static str, String>,
    hint: Option<Hint>,
    before: Option<&Live>,
) -> Result<Live, String> {
    let settings = Settings::read(&variables);
    let releases = settings.releases.as_ref().ok();
    let root = releases.and_then(|it| it.trusted_keys.as_ref());
    let looked = match (root, hint) {
        (Some(root), Some(hint)) if hint != Hint::default() => {
            let store = SpinStore::open().await;
            let looked = match &store {
                Ok(store) => release_store::look(store, root).await,
                Err(error) => Err(error.clone()),
            };
            looked.map_err(|_| METRICS.seen().store_failed = true).ok()
        }
        _ => Some(Looked {
            keys: root.cloned(),
            ..Looked::default()
        }),
    };
    let failed = looked.is_none();
    let looked = looked.unwrap_or_default();
    let mut seen = METRICS.seen();
    seen.damaged.clone_from(&looked.damaged);
    seen.release = looked.found.as_ref().map_or(0, |found| found.release);
    seen.key_set = looked.keys.as_ref().map_or(0, KeySet::version);
    seen.keys_broken = root.is_some() && looked.keys.is_none() && !failed;
    drop(seen);
    let max_staleness = releases.map_or(0, |it| it.max_staleness);
    let chosen = chosen(looked, max_staleness)?;
    let challenger_before = before.and_then(|it| it.challenger.as_ref());
    let name = chosen.challenger.as_ref().map(Challenger::name);
    if challenger_before.map(Challenger::name) != name {
        METRICS.shadow.start(name.map(|it| it.version.as_str()));
    }
    // The counters go on where there were some.
    let service = match before {
        Some(before) => before.service.with_model(chosen.model, chosen.scoring),
        None => bundled::service(chosen.model, chosen.scoring),
    };
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds::default());
    let windows = Arc::new(Windows::with_bins(chosen.bins));
    let metrics: Arc<dyn HostMetrics> = Arc::clone(&METRICS) as _;
    let recording = settings.recording.as_ref().ok().and_then(Option::as_ref);
    let recorder: Arc<dyn Recorder> = Arc::new(BatchRecorder {
        mode: recording.map_or(RecordMode::Off, |it| it.mode),
        node: recording.and_then(|it| it.node.clone()),
        window_ms: recording.map_or(1, |it| it.window_ms),
        pseudonyms: recording.and_then(|it| it.pseudonyms.clone()),
        ids: Arc::clone(&ids),
        now_ms: spin::now_ms,
        windows: Arc::clone(&windows),
        share: chosen.challenger.as_ref().map(|it| it.share().clone()),
        metrics: Arc::clone(&METRICS),
    });
    Ok(Live {
        service: service
            .with_host_metrics(metrics)
            .with_ids(Arc::clone(&ids))
            .with_recorder(recorder),
        challenger: chosen.challenger,
        windows,
        ids,
        settings: Some(settings),
        withheld_from: chosen.withheld_from,
        variables,
        // What could not be read is looked for again.
        hint: if failed { None } else { hint },
    })
}

fn chosen(looked: Looked, max_staleness: u64) -> Result<Chosen, String> {
    let Some(Found {
        release,
        expires,
        model,
        challenger,
    }) = looked.found
    else {
        let (model, scoring) = bundled::model()?;
        // It has no number; what is withdrawn is its bytes.
        let revoked = looked.revoked.check(0, bundled::digest()).err();
        return Ok(Chosen {
            bins: Histograms::with_reference(&model, &scoring.artifact().reference),
            model,
            scoring: Box::new(scoring),
            withheld_from: revoked.map(|error: ReleaseError| (0, error.to_string())),
            challenger: None,
        });
    };
    let bytes = Bytes::copy_from_slice(model.bytes());
    let served = ServedModel::new(model.model().artifact(), bytes);
    let from = expires.saturating_add(max_staleness);
    let hours = max_staleness / 3600;
    let reason = format!("release {release} ended more than {hours} hours ago");
    let challenger = challenger.map(|(challenger, share)| {
        let tally = |version: &str| ShadowTally::new(Arc::clone(&METRICS.shadow), version);
        Challenger::new(challenger, share, &served, tally)
    });
    Ok(Chosen {
        bins: Histograms::with_reference(&served, &model.model().artifact().reference),
        model: served,
        scoring: Box::new(model),
        withheld_from: Some((from, reason)),
        challenger,
    })
}
