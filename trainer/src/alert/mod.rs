//! From a look at the field to alerts that somebody gets: rules, hysteresis, a signed webhook.
//!
//! [`Rules`] say of a [`LiveView`](crate::monitor::LiveView) what is wrong now. [`AlertState`] raises an alert after
//! some looks in a row that say so, clears it after some that do not, and keeps what it knows and what is still to be
//! told in a file. [`Webhook`] tells it, signed. An [`AlertHook`] may act on it, such as by starting a training job:
//! no command of a file or an option is ever run for an alert, since whoever can write labels can raise one.
//! `docs/monitor.md` is the written form.

mod error;
mod rules;
mod state;
mod webhook;

pub use error::AlertError;
pub use rules::{AccuracyRule, DriftRule, NodeSilentRule, Rules, ServiceRule, Signal, SpoolRule};
pub use state::{AlertState, Transition};
pub use webhook::{Webhook, signature};

/// Acts when an alert is raised, such as by starting a training job.
pub trait AlertHook {
    /// An alert was raised.
    ///
    /// # Errors
    /// In words, why nothing was done; it is logged, and the alert stands.
    fn raised(&mut self, transition: &Transition) -> Result<(), String>;
}
