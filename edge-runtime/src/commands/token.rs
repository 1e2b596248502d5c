//! `edge-runtime token`: makes, lists and removes the tokens that let clients in.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use picket_access::{Outcome, Rate, Role, TokenFile};
use picket_edge_runtime::{audit, start_audit};

#[derive(clap::Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes a token and prints its secret, once; the file keeps a digest of it
    Add(Add),
    /// Lists names, roles, rates and the first digits of the secrets' digests
    List(List),
    /// Removes a token; a server that runs notices within seconds
    Remove(Remove),
}

#[derive(clap::Args)]
struct Place {
    /// The token file
    #[arg(long, value_name = "FILE", env = "PICKET_TOKENS")]
    tokens: PathBuf,
    /// The audit log in which the change is written down
    #[arg(long, value_name = "FILE", env = "PICKET_AUDIT_LOG")]
    audit_log: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Add {
    /// Whose token it is: letters, digits and `._-`
    #[arg(value_name = "NAME")]
    name: String,
    /// What it may do: viewer, score, feedback, admin, or deliver for a device at a collector
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// How often it may be used, such as 100/s or 600/min burst 50 [default: as often as it likes]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Takes the secret from a file, such as a vault mounts, and prints none
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct List {
    /// The token file
    #[arg(long, value_name = "FILE", env = "PICKET_TOKENS")]
    tokens: PathBuf,
}

#[derive(clap::Args)]
struct Remove {
    /// Whose token it is
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Place,
}

impl Token {
    pub(crate) fn run(self) -> Result<()> {
        match self.command {
            Command::Add(add) => add.run(),
            Command::List(list) => list.run(),
            Command::Remove(remove) => remove.run(),
        }
    }
}

impl Place {
    /// Before the change: what cannot be written down is not done.
    fn start_audit(&self) -> Result<()> {
        match &self.audit_log {
            Some(path) => Ok(start_audit(path)?),
            None => Ok(()),
        }
    }
}

/// Who runs this program, as far as the system tells.
fn actor() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()));
    format!("local:{}", user.as_deref().unwrap_or("unknown"))
}

impl Add {
    fn run(self) -> Result<()> {
        if !Role::EDGE.contains(&self.role) {
            let roles = Role::EDGE.map(Role::as_str).join(", ");
            bail!(
                "role {} is none of the edge's; expected one of {roles}",
                self.role
            );
        }
        self.place.start_audit()?;
        let brought = match &self.secret_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Some(text)
            }
        };
        let (name, role, rate) = (self.name, self.role, self.rate);
        let secret = TokenFile::update(&self.place.tokens, |tokens| match &brought {
            Some(secret) => {
                tokens.add_secret(&name, role, rate, secret.trim_end())?;
                Ok(None)
            }
            None => Ok(Some(tokens.add(&name, role, rate)?.secret().to_owned())),
        });
        let outcome = if secret.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        let rate = rate.map_or_else(|| "unlimited".to_owned(), |it| it.to_string());
        let details = [
            ("token", name.chars().take(64).collect()),
            ("role", role.to_string()),
            ("rate", rate),
        ];
        let written = audit(&actor(), "token.add", outcome, &details);
        let secret = secret?;
        if let Err(error) = written {
            TokenFile::update(&self.place.tokens, |tokens| tokens.remove(&name))?;
            return Err(error).context("the token was taken back");
        }
        if let Some(secret) = secret {
            eprintln!("The secret of {name} ({role}). It is shown this once:");
            writeln!(std::io::stdout(), "{secret}")?;
        }
        Ok(())
    }
}

impl List {
    fn run(self) -> Result<()> {
        let tokens = TokenFile::read(&self.tokens)?;
        let mut out = std::io::stdout().lock();
        for entry in tokens.entries() {
            let identity = entry.identity();
            let rate = identity.rate();
            let rate = rate.map_or_else(|| "unlimited".to_owned(), |it| it.to_string());
            let (name, role) = (identity.name(), identity.role().as_str());
            writeln!(
                out,
                "{name:<24} {role:<9} {rate:<20} sha256:{}",
                entry.fingerprint()
            )?;
        }
        Ok(())
    }
}

impl Remove {
    fn run(self) -> Result<()> {
        self.place.start_audit()?;
        let removed = TokenFile::update(&self.place.tokens, |tokens| tokens.remove(&self.name));
        let outcome = if removed.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        let name = self.name.chars().take(64).collect();
        audit(&actor(), "token.remove", outcome, &[("token", name)])?;
        removed?;
        Ok(())
    }
}
