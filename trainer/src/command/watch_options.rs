//! The options of `trainer serve` that say what it watches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::record_options::{StoreOptions, read_secret};
use crate::alert::{AlertState, Rules, Webhook};
use crate::error::TrainerError;
use crate::jobs::{AccuracyTrigger, DriftTrigger, LabelTrigger, Trigger};
use crate::serve::{Watch, WatchSettings};

/// The variable with the address of the webhook: it may hold a token.
const WEBHOOK_VARIABLE: &str = "PICKET_WEBHOOK";
/// Drift and accuracy ask for no training that soon after another, in seconds.
const MIN_AGE_S: u64 = 24 * 3600;
/// Of fewer labels nothing is concluded.
const MIN_LABELS: u64 = 50;

/// What the service watches, and what it does about it.
#[derive(Clone, Debug, Args)]
pub(super) struct WatchOptions {
    #[command(flatten)]
    store: StoreOptions,
    /// A model that edges answer with, beside those of the releases. Again for more; the last is the newest.
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// The span that the dashboard shows: 7d, 12h.
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = humantime::parse_duration)]
    span: Duration,
    /// How long a bin of time is.
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = humantime::parse_duration)]
    bin: Duration,
    /// How long a window of drift is.
    #[arg(long, value_name = "SPAN", default_value = "6h", value_parser = humantime::parse_duration)]
    drift_window: Duration,
    /// How long to wait between two looks at the records.
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = humantime::parse_duration)]
    look_every: Duration,
    /// The rules of alerts, a TOML file [default: those of deploy/trainer/alert-rules.toml].
    #[arg(long, value_name = "FILE")]
    alert_rules: Option<PathBuf>,
    /// The file with the secret that webhook messages are signed with; the variable `PICKET_WEBHOOK` has the address.
    #[arg(long, value_name = "FILE")]
    webhook_secret: Option<PathBuf>,
    /// The authorities, in PEM, that the webhook's certificate must come from, in the place of the public ones.
    #[arg(long, value_name = "FILE", requires = "webhook_secret")]
    webhook_ca: Option<PathBuf>,
    /// Train the first pipeline when so many labels have come since the last training.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    retrain_after_labels: Option<u64>,
    /// Train the first pipeline when the alert `drift` is raised, at most once a day.
    #[arg(long)]
    retrain_on_drift: bool,
    /// Train the first pipeline when the live accuracy since the last training is below this, at most once a day.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    retrain_below: Option<f64>,
}

impl WatchOptions {
    /// A watch that has not looked yet. What alerts are raised is kept in the state folder.
    pub(super) fn open(
        &self,
        releases: Option<String>,
        state: &Path,
    ) -> Result<Arc<Watch>, TrainerError> {
        self.check_triggers()?;
        let rules = match &self.alert_rules {
            Some(file) => {
                let text = String::from_utf8_lossy(&super::read_bytes(file)?).into_owned();
                Rules::from_toml(&text, &file.display().to_string())?
            }
            None => Rules::default(),
        };
        let settings = WatchSettings {
            store: self.store.address(),
            models: self.model.clone(),
            releases,
            span: self.span,
            bin: self.bin,
            drift_window: self.drift_window,
            every: self.look_every,
            rules,
            webhook: self.webhook()?,
        };
        let alerts = AlertState::open(&state.join("alerts.json"))?;
        Ok(Arc::new(Watch::new(settings, alerts)))
    }

    /// What asks for trainings because of records needs some.
    fn check_triggers(&self) -> Result<(), TrainerError> {
        let asking = [
            (
                "--retrain-after-labels",
                self.retrain_after_labels.is_some(),
            ),
            ("--retrain-on-drift", self.retrain_on_drift),
            ("--retrain-below", self.retrain_below.is_some()),
        ];
        let asking = asking.into_iter().find(|(_, is_given)| *is_given);
        if let (Some((option, _)), None) = (asking, self.store.address()) {
            return Err(TrainerError::Usage {
                option: option.to_owned(),
                expected: "expected --store with it: labels and verdicts of edges are read there"
                    .to_owned(),
            });
        }
        Ok(())
    }

    /// How long to wait between two looks at the records.
    pub(super) fn look_every(&self) -> Duration {
        self.look_every
    }

    fn webhook(&self) -> Result<Option<Webhook>, TrainerError> {
        let url = std::env::var(WEBHOOK_VARIABLE).ok();
        let Some(url) = url.filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let Some(file) = &self.webhook_secret else {
            return Err(TrainerError::Usage {
                option: WEBHOOK_VARIABLE.to_owned(),
                expected: "expected --webhook-secret with it".to_owned(),
            });
        };
        let webhook = Webhook::new(&url, &read_secret(file)?)?;
        Ok(Some(match &self.webhook_ca {
            Some(file) => webhook.trusting(file)?,
            None => webhook,
        }))
    }

    /// What asks for trainings because of the field.
    pub(super) fn triggers(&self, watch: &Arc<Watch>) -> Vec<Arc<dyn Trigger>> {
        let mut triggers: Vec<Arc<dyn Trigger>> = Vec::new();
        if let Some(n_labels) = self.retrain_after_labels {
            let live = Arc::clone(watch);
            triggers.push(Arc::new(LabelTrigger { live, n_labels }));
        }
        if self.retrain_on_drift {
            let live = Arc::clone(watch);
            let min_age_s = MIN_AGE_S;
            triggers.push(Arc::new(DriftTrigger { live, min_age_s }));
        }
        if let Some(floor) = self.retrain_below {
            let live = Arc::clone(watch);
            triggers.push(Arc::new(AccuracyTrigger {
                live,
                floor,
                min_labels: MIN_LABELS,
                min_age_s: MIN_AGE_S,
            }));
        }
        triggers
    }
}

/// A share that a live accuracy can be below.
fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err(format!("expected more than 0 and at most 1, found {share}"))
    }
}
