//! Who publishes.

use std::fs;

/// User and host as the system tells them, where it does.
#[must_use]
pub fn user_and_host() -> (Option<String>, Option<String>) {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let host = variable("HOSTNAME").or_else(|| {
        let text = fs::read_to_string("/etc/hostname").ok()?;
        let name = text.trim();
        (!name.is_empty()).then(|| name.to_owned())
    });
    (user, host)
}
