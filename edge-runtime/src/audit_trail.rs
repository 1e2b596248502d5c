//! The audit log of this process: what changes the model, the tokens or the records is written down.

use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use picket_access::{AuditError, AuditEvent, AuditLog, Outcome};
use serde_json::json;

use crate::error::StartError;
use picket_telemetry::log;

/// One a process, as the log is: a model changes in a thread of the sync, a token in a command, records in others.
static TRAIL: OnceLock<AuditLog> = OnceLock::new();

/// Says where this process writes down what it does. Only the first call counts; without it nothing is written.
///
/// # Errors
/// [`StartError::Audit`] where the file cannot be written, its chain does not hold, or lines at its end are gone.
pub fn start_audit(path: &Path) -> Result<(), StartError> {
    let trail = AuditLog::open(path)?;
    let (n_events, head) = trail.head();
    // Kept where the log goes, the digest shows later that nothing before it was changed or cut off.
    let n_torn_bytes = trail.n_torn_bytes();
    log(
        if n_torn_bytes == 0 { "info" } else { "warn" },
        "audit_log_opened",
        &[
            ("n_events", json!(n_events)),
            ("head", json!(head)),
            ("n_torn_bytes", json!(n_torn_bytes)),
        ],
    );
    let _ = TRAIL.set(trail);
    Ok(())
}

/// Writes down that `actor` did `action`, such as `subject.erase`, with what is to be known about it. No secret and no
/// subject's name belongs in it. Durable when this returns; nothing where there is no audit log.
///
/// # Errors
/// [`AuditError`]. It stands in the log too; who must not act unseen does not go on.
pub fn audit(
    actor: &str,
    action: &str,
    outcome: Outcome,
    details: &[(&str, String)],
) -> Result<(), AuditError> {
    let Some(trail) = TRAIL.get() else {
        return Ok(());
    };
    let event = AuditEvent::new(SystemTime::now(), actor, action, outcome);
    let event = details
        .iter()
        .fold(event, |event, (key, value)| event.with(key, value));
    let written = trail.append(&event);
    if let Err(error) = &written {
        let fields = [
            ("action", json!(action)),
            ("reason", json!(error.to_string())),
        ];
        log("error", "not_audited", &fields);
    }
    written.map(|_| ())
}

/// Events and digest of the last of them; `None` where there is no audit log.
pub(crate) fn head() -> Option<(u64, String)> {
    TRAIL.get().map(AuditLog::head)
}
