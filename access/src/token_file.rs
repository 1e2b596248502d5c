//! The tokens of a server, kept as digests in one JSON file.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _};

use crate::error::TokenError;
use crate::identity::{Identity, NewToken};
use crate::private_file;
use crate::rate::Rate;
use crate::role::Role;
use crate::secret::{self, SecretDigest};

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 20;
/// The most tokens in a file.
const MAX_TOKENS: usize = 4096;
/// The format's version.
const VERSION: u32 = 1;

/// The tokens of a server. The file holds names, roles, rates and digests; no secret can be read from it.
#[derive(Clone, Debug, Default)]
pub struct TokenFile {
    entries: Vec<TokenEntry>,
}

/// One token, without its secret.
#[derive(Clone)]
pub struct TokenEntry {
    identity: Identity,
    digest: SecretDigest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    tokens: Vec<StoredToken>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    name: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    sha256: String,
}

impl TokenEntry {
    /// Whose it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The first digits of the secret's digest: enough to tell two tokens apart, and no part of the secret.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.digest.to_hex().chars().take(12).collect()
    }
}

impl fmt::Debug for TokenEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

impl TokenFile {
    /// No tokens.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`TokenError::File`], [`TokenError::Writable`] where others may write the file, and [`TokenError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let wrong = |source| TokenError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(wrong)?;
        if let Some(mode) = private_file::writable_by_others(&file).map_err(wrong)? {
            let path = path.to_owned();
            return Err(TokenError::Writable { path, mode });
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(wrong)?;
        Self::parse(&bytes).map_err(|error| match error {
            TokenError::Malformed { reason, .. } => TokenError::Malformed {
                path: path.to_owned(),
                reason,
            },
            other => TokenError::Malformed {
                path: path.to_owned(),
                reason: other.to_string(),
            },
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`TokenError`] by what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let malformed = |reason: String| TokenError::Malformed {
            path: PathBuf::new(),
            reason,
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(malformed(format!("more than {MAX_BYTES} bytes")));
        }
        let stored: Stored =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if stored.version != VERSION {
            let found = stored.version;
            return Err(malformed(format!("version {found}; expected {VERSION}")));
        }
        let mut tokens = Self::new();
        for token in stored.tokens {
            let digest = SecretDigest::from_hex(&token.sha256).ok_or_else(|| {
                malformed(format!(
                    "token {}: expected 64 hexadecimal digits in sha256",
                    token.name.chars().take(64).collect::<String>()
                ))
            })?;
            tokens.insert(&token.name, token.role, token.rate, digest)?;
        }
        Ok(tokens)
    }

    /// Writes a file, whole or not at all, for its owner alone (mode 600).
    ///
    /// # Errors
    /// [`TokenError::File`].
    pub fn write(&self, path: &Path) -> Result<(), TokenError> {
        private_file::replace(path, self.to_text().as_bytes()).map_err(|source| TokenError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// Changes a file, which need not be there yet. Two processes that do so at once do it one after the other.
    ///
    /// # Errors
    /// As [`TokenFile::read`] and [`TokenFile::write`], and what `change` says: then the file stays as it was.
    pub fn update<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let wrong = |source| TokenError::File {
            path: path.to_owned(),
            source,
        };
        let lock = private_file::beside(path, ".lock").map_err(wrong)?;
        let lock = private_file::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(lock)
            .map_err(wrong)?;
        lock.lock().map_err(wrong)?;
        let mut tokens = if path.try_exists().map_err(wrong)? {
            Self::read(path)?
        } else {
            Self::new()
        };
        let done = change(&mut tokens)?;
        tokens.write(path)?;
        Ok(done)
    }

    /// Makes a token of 256 random bits. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`TokenError::BadName`], [`TokenError::NameTaken`], [`TokenError::TooMany`], [`TokenError::Random`].
    pub fn add(
        &mut self,
        name: &str,
        role: Role,
        rate: Option<Rate>,
    ) -> Result<NewToken, TokenError> {
        let secret = secret::generate()?;
        self.insert(name, role, rate, SecretDigest::of(&secret))?;
        let name = name.to_owned();
        Ok(NewToken { name, secret })
    }

    /// Takes a token whose secret comes from elsewhere, such as a vault that hands it to both sides.
    ///
    /// # Errors
    /// As [`TokenFile::add`], [`TokenError::WeakSecret`] for what could be guessed, and [`TokenError::SecretTaken`].
    pub fn add_secret(
        &mut self,
        name: &str,
        role: Role,
        rate: Option<Rate>,
        secret: &str,
    ) -> Result<(), TokenError> {
        if !secret::is_strong(secret) {
            return Err(TokenError::WeakSecret);
        }
        self.insert(name, role, rate, SecretDigest::of(secret))
    }

    fn insert(
        &mut self,
        name: &str,
        role: Role,
        rate: Option<Rate>,
        digest: SecretDigest,
    ) -> Result<(), TokenError> {
        let identity = Identity::new(name, role, rate)?;
        if self.entries.len() >= MAX_TOKENS {
            return Err(TokenError::TooMany { max: MAX_TOKENS });
        }
        for entry in &self.entries {
            if entry.identity.name() == name {
                let name = name.to_owned();
                return Err(TokenError::NameTaken { name });
            }
            if entry.digest == digest {
                let name = entry.identity.name().to_owned();
                return Err(TokenError::SecretTaken { name });
            }
        }
        self.entries.push(TokenEntry { identity, digest });
        Ok(())
    }

    /// Takes a token away.
    ///
    /// # Errors
    /// [`TokenError::NoSuchName`].
    pub fn remove(&mut self, name: &str) -> Result<TokenEntry, TokenError> {
        let place = self
            .entries
            .iter()
            .position(|entry| entry.identity.name() == name)
            .ok_or_else(|| TokenError::NoSuchName {
                name: name.chars().take(64).collect(),
            })?;
        Ok(self.entries.remove(place))
    }

    /// The tokens, in the order in which they were added.
    #[must_use]
    pub fn entries(&self) -> &[TokenEntry] {
        &self.entries
    }

    /// Who presents this; `None` for a stranger.
    ///
    /// Every entry is compared, each to its end: time tells neither which is near nor whether there is one.
    #[must_use]
    pub fn check(&self, presented: &str) -> Option<Identity> {
        let digest = SecretDigest::of_presented(presented)?;
        let mut found = u32::MAX;
        for (place, entry) in (0_u32..).zip(&self.entries) {
            let same: Choice = entry.digest.matches(&digest);
            found.conditional_assign(&place, same);
        }
        let entry = self.entries.get(found as usize)?;
        Some(entry.identity.clone())
    }

    /// Whether every role is one of a server's.
    ///
    /// # Errors
    /// [`TokenError::WrongRole`] names the first that is not.
    pub fn expect_roles(&self, roles: &[Role]) -> Result<(), TokenError> {
        let strange = self
            .entries
            .iter()
            .map(|entry| entry.identity.role())
            .find(|role| !roles.contains(role));
        match strange {
            None => Ok(()),
            Some(found) => Err(TokenError::WrongRole {
                found,
                expected: roles
                    .iter()
                    .map(|role| role.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    fn to_text(&self) -> String {
        let tokens = self.entries.iter().map(|entry| StoredToken {
            name: entry.identity.name().to_owned(),
            role: entry.identity.role(),
            rate: entry.identity.rate(),
            sha256: entry.digest.to_hex(),
        });
        let stored = Stored {
            version: VERSION,
            tokens: tokens.collect(),
        };
        let mut text = serde_json::to_string_pretty(&stored).expect("plain texts and numbers");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_token_is_known_by_its_secret_alone() -> Tested {
        let mut tokens = TokenFile::new();
        let one = tokens.add("one", Role::Score, None)?;
        let two = tokens.add("two", Role::Admin, Some("5/s".parse()?))?;
        let found = tokens.check(two.secret()).expect("known");
        assert_eq!(found.name(), "two");
        assert_eq!(found.role(), Role::Admin);
        assert_eq!(found.rate(), Some("5/s".parse()?));
        assert_eq!(tokens.check(one.secret()).expect("known").name(), "one");
        let digest = tokens.entries()[0].digest.to_hex();
        let near = format!("{}x", one.secret());
        for stranger in ["", "one", &digest, &near, &one.secret()[1..]] {
            assert_eq!(tokens.check(stranger), None, "{stranger}");
        }
        tokens.remove("one")?;
        assert_eq!(tokens.check(one.secret()), None);
        assert_eq!(tokens.check(two.secret()).expect("known").name(), "two");
        Ok(())
    }

    #[test]
    fn the_secret_stands_nowhere() -> Tested {
        let mut tokens = TokenFile::new();
        let made = tokens.add("one", Role::Score, None)?;
        let secret = made.secret().trim_start_matches("picket_");
        for shown in [tokens.to_text(), format!("{tokens:?}"), format!("{made:?}")] {
            assert!(!shown.contains(secret), "{shown}");
        }
        Ok(())
    }

    #[test]
    fn a_file_is_written_for_its_owner_and_read_back() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tokens.json");
        let made = TokenFile::update(&path, |tokens| {
            tokens.add("edge-1", Role::Deliver, Some("600/min burst 50".parse()?))
        })?;
        TokenFile::update(&path, |tokens| tokens.add("edge-2", Role::Deliver, None))?;
        let tokens = TokenFile::read(&path)?;
        assert_eq!(tokens.entries().len(), 2);
        let found = tokens.check(made.secret()).expect("known");
        assert_eq!(found.name(), "edge-1");
        assert_eq!(found.rate(), Some("600/min burst 50".parse()?));
        let text = std::fs::read_to_string(&path)?;
        assert_eq!(TokenFile::parse(text.as_bytes())?.to_text(), text);
        // A change that fails leaves the file alone.
        let taken = TokenFile::update(&path, |tokens| tokens.add("edge-1", Role::Score, None));
        assert!(
            matches!(taken, Err(TokenError::NameTaken { .. })),
            "{taken:?}"
        );
        assert_eq!(std::fs::read_to_string(&path)?, text);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_private_and_one_that_others_write_is_refused() -> Tested {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tokens.json");
        TokenFile::new().write(&path)?;
        let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        // Also where it was wider before.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
        TokenFile::read(&path)?.write(&path)?;
        let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620))?;
        let refused = TokenFile::read(&path);
        assert!(
            matches!(refused, Err(TokenError::Writable { mode: 0o620, .. })),
            "{refused:?}"
        );
        Ok(())
    }

    #[test]
    fn wrong_files_are_refused_by_what_is_wrong() {
        let digest = "0".repeat(64);
        let token = |name: &str, rest: &str| format!("{{\"name\":\"{name}\",{rest}}}");
        let good = format!("\"role\":\"score\",\"sha256\":\"{digest}\"");
        let file = |tokens: &str| format!("{{\"version\":1,\"tokens\":[{tokens}]}}");
        let parse = |text: &str| TokenFile::parse(text.as_bytes());
        assert!(parse(&file(&token("a", &good))).is_ok());
        let twice = format!("{},{}", token("a", &good), token("b", &good));
        for (text, said) in [
            (String::new(), "EOF"),
            ("{\"version\":2,\"tokens\":[]}".to_owned(), "version 2"),
            (file(&token("a b", &good)), "token name"),
            (file(&token("", &good)), "token name"),
            (file(&token("a", &good.replace("score", "root"))), "root"),
            (file(&token("a", &good.replace("00", "0"))), "hexadecimal"),
            (
                file(&token("a", &format!("{good},\"rate\":\"often\""))),
                "often",
            ),
            (file(&token("a", &format!("{good},\"secret\":1"))), "secret"),
            (file(&twice), "every token has its own"),
            ("[".repeat(100_000), "invalid type"),
        ] {
            let error = parse(&text).expect_err(said).to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
        let large = vec![b' '; MAX_BYTES as usize + 1];
        assert!(TokenFile::parse(&large).is_err());
    }

    #[test]
    fn secrets_from_elsewhere_are_strong_and_their_own() -> Tested {
        let mut tokens = TokenFile::new();
        let secret = "0123456789abcdefghijABCDEFGHIJ+/";
        tokens.add_secret("vault", Role::Score, None, secret)?;
        assert_eq!(tokens.check(secret).expect("known").name(), "vault");
        let again = tokens.add_secret("other", Role::Admin, None, secret);
        assert!(
            matches!(again, Err(TokenError::SecretTaken { .. })),
            "{again:?}"
        );
        let weak = tokens.add_secret("weak", Role::Score, None, "hunter2");
        assert!(matches!(weak, Err(TokenError::WeakSecret)), "{weak:?}");
        assert!(tokens.expect_roles(&Role::EDGE).is_ok());
        let wrong = tokens.expect_roles(&Role::TRAINER).expect_err("score");
        assert!(
            wrong.to_string().contains("viewer, trainer, admin"),
            "{wrong}"
        );
        Ok(())
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = TokenFile::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(names in prop::collection::btree_set("[a-zA-Z0-9._-]{1,64}", 0..8)) {
            let mut tokens = TokenFile::new();
            for (name, role) in names.iter().zip(Role::ALL.into_iter().cycle()) {
                tokens.add(name, role, None).expect("a token");
            }
            let text = tokens.to_text();
            let read = TokenFile::parse(text.as_bytes()).expect("a file");
            prop_assert_eq!(read.to_text(), text);
        }

        /// A file with any one byte changed is refused, or says something else: it never lets a stranger in.
        #[test]
        fn a_changed_file_lets_no_stranger_in(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut tokens = TokenFile::new();
            tokens.add("one", Role::Score, None).expect("a token");
            let mut text = tokens.to_text().into_bytes();
            let place = place.index(text.len());
            text[place] = byte;
            if let Ok(tokens) = TokenFile::parse(&text) {
                prop_assert_eq!(tokens.check(""), None);
                prop_assert_eq!(tokens.check("a stranger"), None);
            }
        }
    }
}
