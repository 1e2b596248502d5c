//! `trainer monitor`

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::record_options::{ModelOptions, StoreOptions, now_ms, read_secret};
use crate::alert::{AlertState, Rules, Webhook};
use crate::error::TrainerError;
use crate::monitor::{LiveView, MonitorOptions, look, to_text};
use crate::output_file::OutputFile;

/// The variable with the address of the webhook: it may hold a token.
const WEBHOOK_VARIABLE: &str = "PICKET_WEBHOOK";

/// Options of `trainer monitor`.
#[derive(Debug, Args)]
pub struct MonitorCommand {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    models: ModelOptions,
    /// The span to look at: 7d, 12h.
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = humantime::parse_duration)]
    span: Duration,
    /// How long a bin of time is.
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = humantime::parse_duration)]
    bin: Duration,
    /// How long a window of drift is.
    #[arg(long, value_name = "SPAN", default_value = "1d", value_parser = humantime::parse_duration)]
    drift_window: Duration,
    /// The end of the span, in milliseconds since 1970 [default: now].
    #[arg(long, value_name = "MS", conflicts_with = "every")]
    at: Option<u64>,
    /// Look once and end. That is the default.
    #[arg(long, conflicts_with = "every")]
    once: bool,
    /// Look again and again, so often: 60s.
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    every: Option<Duration>,
    /// The rules of alerts, a TOML file [default: those of docs/monitor.md].
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Where it is kept which alerts are raised and what is still to be told; without it every alert is new to each
    /// start.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The address that is told of alerts [default: the variable `PICKET_WEBHOOK`].
    #[arg(long, value_name = "URL", requires = "webhook_secret")]
    webhook: Option<String>,
    /// The file with the secret that messages are signed with.
    #[arg(long, value_name = "FILE")]
    webhook_secret: Option<PathBuf>,
    /// The authorities, in PEM, that the webhook's certificate must come from, in the place of the public ones.
    #[arg(long, value_name = "FILE", requires = "webhook_secret")]
    webhook_ca: Option<PathBuf>,
    /// Write the look to this file too, as JSON, replaced as a whole with every look.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the look as JSON.
    #[arg(long)]
    json: bool,
    /// End with exit code 3 where an alert is raised.
    #[arg(long, conflicts_with = "every")]
    fail_on_alert: bool,
}

impl MonitorCommand {
    /// Looks at the field.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let rules = match &self.rules {
            Some(file) => {
                let text = String::from_utf8_lossy(&super::read_bytes(file)?).into_owned();
                Rules::from_toml(&text, &file.display().to_string())?
            }
            None => Rules::default(),
        };
        let webhook = self.webhook()?;
        let mut state = match &self.state {
            Some(file) => AlertState::open(file)?,
            None => AlertState::in_memory(),
        };
        let Some(every) = self.every else {
            let view = self.look(&rules, &mut state, webhook.as_ref())?;
            let raised = view.alerts.iter().filter(|it| it.state == "raised");
            let raised: Vec<&str> = raised.map(|it| it.key.as_str()).collect();
            if self.fail_on_alert && !raised.is_empty() {
                let reason = format!("raised: {}", raised.join(", "));
                return Err(TrainerError::Gate { reason });
            }
            return Ok(());
        };
        loop {
            if let Err(error) = self.look(&rules, &mut state, webhook.as_ref()) {
                if error.is_broken_pipe() {
                    return Err(error);
                }
                // A store that is down is looked at again.
                eprintln!("the look failed: {error}");
            }
            thread::sleep(every.max(Duration::from_secs(1)));
        }
    }

    fn webhook(&self) -> Result<Option<Webhook>, TrainerError> {
        let from_environment = || {
            std::env::var(WEBHOOK_VARIABLE)
                .ok()
                .filter(|it| !it.is_empty())
        };
        let Some(url) = self.webhook.clone().or_else(from_environment) else {
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

    fn look(
        &self,
        rules: &Rules,
        state: &mut AlertState,
        webhook: Option<&Webhook>,
    ) -> Result<LiveView, TrainerError> {
        let store = self.store.open()?;
        // Releases come and go while this runs.
        let known = self.models.read()?;
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let to_ms = self.at.unwrap_or_else(now_ms);
        let options =
            MonitorOptions::new(to_ms, ms(self.span), ms(self.bin), ms(self.drift_window));
        let mut view = look(store.as_ref(), &known, &options)?;
        let transitions = state.take(&rules.signals(&view), rules, to_ms);
        view.alerts = state.views(&transitions);
        for transition in &transitions {
            eprintln!(
                "alert {}: {}: {}",
                transition.state, transition.key, transition.message
            );
        }
        // Written down before anybody is told, and after: what is told twice has the same id.
        state.save()?;
        match webhook {
            Some(webhook) => {
                if let Err(error) = webhook.tell(state) {
                    eprintln!("{error}; {} alerts wait to be told", state.waiting().len());
                }
            }
            None => state.tell_nobody(),
        }
        state.save()?;
        if let Some(file) = &self.out {
            OutputFile::write(file, &serde_json::to_vec(&view)?)?;
        }
        if self.json {
            super::print_json_line(&view)?;
        } else {
            super::print(&to_text(&view))?;
        }
        Ok(view)
    }
}
