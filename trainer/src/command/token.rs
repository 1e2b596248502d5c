//! `trainer token`

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use picket_access::{AuditEvent, AuditLog, Outcome, Rate, Role, TokenError, TokenFile};

use super::serve::tokens_place;
use crate::error::TrainerError;
use crate::publish::user_and_host;
use crate::serve::{ServeError, audit_place};

/// Options of `trainer token`.
#[derive(Debug, Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: Action,
    /// The folder of the service.
    #[arg(long, value_name = "DIR", default_value = "service", global = true)]
    state: PathBuf,
    /// The token file [default: tokens.json in the state folder].
    #[arg(long, value_name = "FILE", global = true)]
    tokens: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print its secret, which is shown this once.
    Add {
        /// Whose it is: 1 to 64 of a-z A-Z 0-9 . _ -
        name: String,
        /// What it may do: viewer, trainer or admin, each including those before.
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// How often, such as `600/min burst 50`.
        #[arg(long, value_name = "RATE")]
        rate: Option<Rate>,
    },
    /// List tokens: names, roles, rates. Secrets are not kept.
    List,
    /// Take a token away. A service that runs notices within a second or two.
    Remove {
        /// Whose it is.
        name: String,
    },
}

impl TokenCommand {
    /// Changes or lists tokens.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let file = self.tokens.clone();
        let file = file.unwrap_or_else(|| tokens_place(&self.state));
        match &self.action {
            Action::Add { name, role, rate } => self.add(&file, name, *role, *rate),
            Action::List => super::print(&list(&file)?),
            Action::Remove { name } => {
                let log = self.audit_log()?;
                let removed = TokenFile::update(&file, |tokens| tokens.remove(name));
                audit(&log, "token.remove", name, removed.is_ok())?;
                let removed = removed.map_err(ServeError::Tokens)?;
                super::print(&format!("{} is removed\n", removed.identity().name()))
            }
        }
    }

    fn add(
        &self,
        file: &Path,
        name: &str,
        role: Role,
        rate: Option<Rate>,
    ) -> Result<(), TrainerError> {
        std::fs::create_dir_all(&self.state).map_err(|source| TrainerError::Write {
            file: self.state.clone(),
            source,
        })?;
        let log = self.audit_log()?;
        let added = TokenFile::update(file, |tokens| {
            let token = tokens.add(name, role, rate)?;
            tokens.expect_roles(&Role::TRAINER)?;
            Ok::<_, TokenError>(token)
        });
        let written = audit(&log, "token.add", name, added.is_ok());
        if written.is_err() && added.is_ok() {
            // Nobody has seen its secret.
            let _ = TokenFile::update(file, |tokens| tokens.remove(name));
        }
        written?;
        let token = added.map_err(ServeError::Tokens)?;
        super::print(&format!("{}\n", token.secret()))
    }

    /// Opened before anything is changed: what cannot be written down is not done.
    fn audit_log(&self) -> Result<AuditLog, TrainerError> {
        Ok(AuditLog::open(&audit_place(&self.state)).map_err(ServeError::Audit)?)
    }
}

fn audit(log: &AuditLog, action: &str, name: &str, is_done: bool) -> Result<(), TrainerError> {
    let actor = user_and_host()
        .0
        .unwrap_or_else(|| "command line".to_owned());
    let outcome = if is_done {
        Outcome::Done
    } else {
        Outcome::Refused
    };
    let name: String = name.chars().take(64).collect();
    let event = AuditEvent::new(SystemTime::now(), &actor, action, outcome).with("token", name);
    log.append(&event).map_err(ServeError::Audit)?;
    Ok(())
}

fn list(file: &Path) -> Result<String, TrainerError> {
    let tokens = TokenFile::read(file).map_err(ServeError::Tokens)?;
    let mut text = String::new();
    for entry in tokens.entries() {
        let identity = entry.identity();
        let rate = identity
            .rate()
            .map_or_else(String::new, |rate| rate.to_string());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<24} {:<8} {} {rate}",
            identity.name(),
            identity.role().as_str(),
            entry.fingerprint()
        );
    }
    if text.is_empty() {
        text.push_str("no tokens\n");
    }
    Ok(text)
}
