//! The name that a node's records carry: a configured one, or a random one that stays.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use picket_schema::record::{MAX_NODE_BYTES, is_node};

/// The file in the spool's folder that keeps a random name.
const FILE: &str = "node";

/// Why a node has no name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeNameError {
    /// A text that cannot be one.
    #[error(
        "the node's name is {found:?}; expected 1 to {MAX_NODE_BYTES} letters, digits, dots, underscores and hyphens"
    )]
    Malformed {
        /// What was found.
        found: String,
    },
    /// The name cannot be kept.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The configured name; else the one that the folder keeps, which is drawn at the first start: it says nothing of
/// the machine, and stays the same.
///
/// # Errors
/// [`NodeNameError`].
pub fn node_name(configured: Option<&str>, folder: &Path) -> Result<String, NodeNameError> {
    let checked = |name: &str| {
        let found = || name.chars().take(80).collect();
        let malformed = NodeNameError::Malformed { found: found() };
        is_node(name).then(|| name.to_owned()).ok_or(malformed)
    };
    if let Some(name) = configured {
        return checked(name);
    }
    let path = folder.join(FILE);
    let failed = |source| NodeNameError::Io {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        // An empty file is one that power cut short.
        Ok(name) if !name.trim().is_empty() => return checked(name.trim()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error)))?;
    let mut name = "node-".to_owned();
    for byte in random {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    let mut file = std::fs::File::create(&path).map_err(failed)?;
    file.write_all(name.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_name_stays_and_a_configured_one_wins() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let name = node_name(None, folder.path())?;
        assert!(name.starts_with("node-") && name.len() == 21, "{name}");
        assert_eq!(node_name(None, folder.path())?, name);
        assert_eq!(node_name(Some("gate-7"), folder.path())?, "gate-7");
        assert!(node_name(Some("a name"), folder.path()).is_err());
        std::fs::write(folder.path().join(FILE), "")?;
        assert_ne!(node_name(None, folder.path())?, name);
        std::fs::write(folder.path().join(FILE), "two names")?;
        assert!(node_name(None, folder.path()).is_err());
        Ok(())
    }
}
