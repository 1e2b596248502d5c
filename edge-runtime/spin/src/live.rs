//! What an instance keeps between requests: the model that answers, and what the variables said. Nothing of a request is
//! here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use picket_schema::ArtifactDigest;
use picket_schema::release::ReleaseError;
use picket_service::{
    Assets, HostMetrics, IdSource, Limits, NoClock, Recorder, Scoring, ServedModel, Service,
};
use picket_wasm_model::{Model, OwnedModel};

use crate::bundle::{MODEL, PAGE};
use crate::record::BatchRecorder;
use crate::release_store::{self, Found, Looked};
use crate::settings::{Recording, Releases, Settings};
use crate::spin::{self, RandomIds, SpinStore};
use crate::state_metrics::StateMetrics;

/// How long an instance believes what it last read of variables and releases.
const BELIEVED_MS: u64 = 1_000;

/// What this instance answers with.
pub(crate) struct Live {
    pub(crate) service: Service,
    /// What the variables say; `None` where there is no Spin.
    pub(crate) settings: Option<Settings>,
    /// From when on answers are withheld, in seconds since 1970, and why.
    withheld_from: Option<(u64, String)>,
    /// The variables as they were read.
    variables: BTreeMap<&'static str, String>,
    /// The hint when the store was looked through; the outer `None` where it could not be read.
    #[expect(
        clippy::option_option,
        reason = "not looked at, looked at and absent, a release"
    )]
    hint: Option<Option<u64>>,
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

/// The newest release by the hint; the outer `None` where the store cannot be read.
async fn hint(variables: &BTreeMap<&'static str, String>) -> Option<Option<u64>> {
    // Without keys no release is served, so none is looked for.
    if variables
        .get("trusted_keys")
        .is_none_or(|keys| keys.trim().is_empty())
    {
        return Some(None);
    }
    let store = SpinStore::open().await.ok()?;
    release_store::newest(&store).await.ok()
}

/// The model in the component.
fn bundled() -> Result<(ServedModel, Model<'static>), String> {
    let bytes = MODEL.ok_or(
        "no model is in this component; `cargo xtask build-wasm spin --spin-model FILE` builds one with it",
    )?;
    let model =
        Model::load(bytes).map_err(|error| format!("the model in this component: {error}"))?;
    let served = ServedModel::new(model.artifact(), Bytes::from_static(bytes));
    Ok((served, model))
}

fn served(model: OwnedModel) -> (ServedModel, Box<dyn Scoring>) {
    let bytes = Bytes::copy_from_slice(model.bytes());
    let served = ServedModel::new(model.model().artifact(), bytes);
    (served, Box::new(model))
}

fn service(model: ServedModel, scoring: Box<dyn Scoring>) -> Service {
    let assets: Assets = PAGE
        .iter()
        .map(|(path, body)| (*path, Bytes::from_static(body)))
        .collect();
    Service::new(model, scoring, assets, Box::new(NoClock), Limits::default())
}

fn without_spin() -> Result<Live, String> {
    let (model, scoring) = bundled()?;
    Ok(Live {
        service: service(model, Box::new(scoring)),
        settings: None,
        withheld_from: None,
        variables: BTreeMap::new(),
        hint: None,
    })
}

#[expect(
    clippy::option_option,
    reason = "not looked at, looked at and absent, a release"
)]
async fn with_spin(
    variables: BTreeMap<&'static str, String>,
    hint: Option<Option<u64>>,
    before: Option<&Live>,
) -> Result<Live, String> {
    let settings = Settings::read(&variables);
    let releases = settings.releases.as_ref().ok();
    let keys = releases.and_then(|it| it.trusted_keys.as_ref());
    let looked = match (keys, hint) {
        (Some(keys), Some(Some(_))) => {
            let store = SpinStore::open().await;
            let looked = match &store {
                Ok(store) => release_store::look(store, keys).await,
                Err(error) => Err(error.clone()),
            };
            looked.map_err(|_| METRICS.seen().store_failed = true).ok()
        }
        _ => Some(Looked::default()),
    };
    let failed = looked.is_none();
    let looked = looked.unwrap_or_default();
    let max_staleness = releases.map_or(0, |it| it.max_staleness);
    let mut seen = METRICS.seen();
    seen.damaged.clone_from(&looked.damaged);
    seen.release = looked.found.as_ref().map_or(0, |found| found.release);
    drop(seen);
    #[expect(clippy::single_match_else, reason = "two ways to a model, of one rank")]
    let (model, scoring, withheld_from): (_, Box<dyn Scoring>, _) = match looked.found {
        Some(Found {
            release,
            expires,
            model,
        }) => {
            let (model, scoring) = served(model);
            let from = expires.saturating_add(max_staleness);
            let reason = format!(
                "release {release} ended more than {} hours ago",
                max_staleness / 3600
            );
            (model, scoring, Some((from, reason)))
        }
        None => {
            let (model, scoring) = bundled()?;
            // It has no number; what is withdrawn is its bytes.
            let digest = ArtifactDigest::of(model.artifact());
            let revoked = looked.revoked.check(0, digest).err();
            let revoked = revoked.map(|error: ReleaseError| (0, error.to_string()));
            (model, Box::new(scoring), revoked)
        }
    };
    // The counters go on where there were some.
    let service = match before {
        Some(before) if before.recording_is(&settings) => before.service.with_model(model, scoring),
        _ => outfitted(service(model, scoring), &settings),
    };
    Ok(Live {
        service,
        settings: Some(settings),
        withheld_from,
        variables,
        // What could not be read is looked for again.
        hint: if failed { None } else { hint },
    })
}

impl Live {
    fn recording_is(&self, settings: &Settings) -> bool {
        let shown = |settings: &Settings| format!("{:?}", settings.recording);
        let before = self.settings.as_ref();
        // Keys for pseudonyms are not shown: where there is one it may be another.
        let has_key = settings.recording.as_ref().is_ok_and(|it| {
            it.as_ref()
                .is_some_and(|recording| recording.pseudonyms.is_some())
        });
        !has_key && before.is_some_and(|before| shown(before) == shown(settings))
    }
}

/// The service with ids, and with a recorder where something is recorded.
fn outfitted(service: Service, settings: &Settings) -> Service {
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds::default());
    let metrics: Arc<dyn HostMetrics> = Arc::clone(&METRICS) as _;
    let service = service
        .with_host_metrics(metrics)
        .with_ids(Arc::clone(&ids));
    let Ok(Some(recording)) = &settings.recording else {
        return service;
    };
    let recorder: Arc<dyn Recorder> = Arc::new(BatchRecorder {
        mode: recording.mode,
        pseudonyms: recording.pseudonyms.clone(),
        ids,
        now_ms: spin::now_ms,
        metrics: Arc::clone(&METRICS),
    });
    service.with_recorder(recorder)
}
