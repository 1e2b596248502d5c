//! What can be wrong with token files and audit logs. No message holds a secret.

use std::path::PathBuf;

use crate::role::Role;

/// What is wrong with a token or its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The system does not read or write the file.
    #[error("token file {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others than the owner may write the file, and so let themselves in.
    #[error("token file {}: mode {mode:03o} lets others write it; expected 600 (`chmod 600` mends it)", .path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is no token file.
    #[error("token file {}: {reason}", .path.display())]
    Malformed {
        /// The file; empty where the text came from elsewhere.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A role's name is none.
    #[error(
        "unknown role `{found}`; expected one of viewer, score, feedback, deliver, trainer, admin"
    )]
    UnknownRole {
        /// What was found.
        found: String,
    },
    /// The server has no routes for the role.
    #[error("role {found} is not one of this server's; expected one of {expected}")]
    WrongRole {
        /// What was found.
        found: Role,
        /// The server's roles.
        expected: String,
    },
    /// A rate's text is none.
    #[error("rate `{found}`; expected such as 100/s, 600/min or 600/min burst 50")]
    BadRate {
        /// What was found.
        found: String,
    },
    /// A name is none.
    #[error("token name `{found}`; expected 1 to 64 of a-z A-Z 0-9 . _ -")]
    BadName {
        /// What was found, cut short.
        found: String,
    },
    /// There is a token of this name.
    #[error("there is a token named {name}; remove it first")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no token of this name.
    #[error("there is no token named {name}")]
    NoSuchName {
        /// The name.
        name: String,
    },
    /// The secret is one of another token.
    #[error("the secret is that of the token {name}; every token has its own")]
    SecretTaken {
        /// The other token.
        name: String,
    },
    /// A secret that was brought along can be guessed.
    #[error("the secret is weak: expected 32 to 512 random printable characters without spaces")]
    WeakSecret,
    /// There are as many tokens as there may be.
    #[error("the file holds {max} tokens, and no more than that")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers: {reason}")]
    Random {
        /// What the system says.
        reason: String,
    },
}

/// What is wrong with an audit log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The system does not read or write the file.
    #[error("audit log {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is not the one that was written there.
    #[error("audit log {}, line {line}: {reason}", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// What was expected and found.
        reason: String,
    },
    /// The event is longer than a line may be.
    #[error("an audit event of {found} bytes; expected at most {max}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
}
