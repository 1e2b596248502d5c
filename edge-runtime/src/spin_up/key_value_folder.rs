//! Values by key in a folder: a file a key.
//!
//! Why not an embedded store: `docs/spool.md` tells what damage did to two of them; here a damaged file costs its own
//! key, which is moved aside, and nothing else. A value is written beside its place, synced, moved into its place, and
//! the folder is synced: after that it survives a power cut, and before that the old value does. A removal is not
//! synced: who relies on it must bear that a key comes back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use picket_telemetry::log;

/// The longest key in bytes, as Spin's stores have it.
const MAX_KEY: usize = 256;
/// The largest value in bytes, as Spin's stores have it.
const MAX_VALUE: usize = 1_000_000;
/// What a file begins with; a CRC-32 of all that follows it, the key's length and the key come next.
const MAGIC: &[u8; 4] = b"PKV1";
const HEAD: usize = 12;

/// A store in a folder. One process has it at a time.
#[derive(Debug)]
pub(super) struct KeyValueFolder {
    folder: PathBuf,
    max_bytes: u64,
    /// By key the file's size. Changed with the lock held for as long as the disk takes.
    index: Mutex<BTreeMap<String, u64>>,
    _lock: File,
}

fn file_name(key: &str) -> String {
    use std::fmt::Write as _;

    let digest = Sha256::digest(key.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut name, byte| {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
}

fn encode(key: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + key.len() + value.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
    bytes.extend_from_slice(key.as_bytes());
    bytes.extend_from_slice(value);
    let checksum = crc32fast::hash(&bytes[8..]);
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Key and value of a file; `None` where it is damaged.
fn decode(mut bytes: Vec<u8>) -> Option<(String, Vec<u8>)> {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(word.try_into().ok()?))
    };
    let checksum = word(&bytes, 4)?;
    let n_key = word(&bytes, 8)? as usize;
    if !bytes.starts_with(MAGIC) || n_key > MAX_KEY || crc32fast::hash(&bytes[8..]) != checksum {
        return None;
    }
    let key = String::from_utf8(bytes.get(HEAD..HEAD + n_key)?.to_vec()).ok()?;
    Some((key, bytes.split_off(HEAD + n_key)))
}

impl KeyValueFolder {
    /// Opens a folder, and makes it where there is none. Files that a cut left half written are removed, damaged ones
    /// moved aside.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(io::Error::other("another process has it"));
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        let store = Self {
            folder: folder.to_owned(),
            max_bytes,
            index: Mutex::default(),
            _lock: lock,
        };
        let mut index = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if name.starts_with("new-") {
                fs::remove_file(&path)?;
                continue;
            }
            if name.len() != 64 {
                continue;
            }
            let bytes = fs::read(&path)?;
            let n_bytes = bytes.len() as u64;
            match decode(bytes).filter(|(key, _)| file_name(key) == name) {
                Some((key, _)) => drop(index.insert(key, n_bytes)),
                None => store.put_aside(name)?,
            }
        }
        *store.index() = index;
        Ok(store)
    }

    fn index(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_aside(&self, name: &str) -> io::Result<()> {
        log("error", "key_value_damaged", &[("file", json!(name))]);
        let aside = format!("damaged-{name}");
        fs::rename(self.folder.join(name), self.folder.join(aside))
    }

    /// The value of a key. A damaged one is moved aside and is as none.
    pub(super) fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        let mut index = self.index();
        if !index.contains_key(key) {
            return Ok(None);
        }
        let name = file_name(key);
        let bytes = fs::read(self.folder.join(&name))?;
        if let Some((_, value)) = decode(bytes).filter(|(found, _)| found == key) {
            return Ok(Some(value));
        }
        self.put_aside(&name)?;
        index.remove(key);
        Ok(None)
    }

    /// Writes a value: on the disk when this returns.
    pub(super) fn set(&self, key: &str, value: &[u8]) -> io::Result<()> {
        if key.is_empty() || key.len() > MAX_KEY {
            let reason = format!("the key has {} bytes; expected 1 to {MAX_KEY}", key.len());
            return Err(io::Error::other(reason));
        }
        if value.len() > MAX_VALUE {
            let found = value.len();
            let reason = format!("the value has {found} bytes; expected at most {MAX_VALUE}");
            return Err(io::Error::other(reason));
        }
        let bytes = encode(key, value);
        let n_bytes = bytes.len() as u64;
        let mut index = self.index();
        let others: u64 = index.values().sum::<u64>() - index.get(key).copied().unwrap_or(0);
        if others + n_bytes > self.max_bytes {
            let reason = format!("the store has {others} bytes of at most {}", self.max_bytes);
            return Err(io::Error::other(reason));
        }
        let name = file_name(key);
        let beside = self.folder.join(format!("new-{name}"));
        let mut file = File::create(&beside)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        drop(file);
        fs::rename(&beside, self.folder.join(&name))?;
        index.insert(key.to_owned(), n_bytes);
        self.sync_names()
    }

    #[cfg(unix)]
    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    /// Other systems have no handle of a folder to sync.
    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on unix")]
    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }

    /// Removes a key, which need not be there.
    pub(super) fn delete(&self, key: &str) -> io::Result<()> {
        let mut index = self.index();
        if index.contains_key(key) {
            fs::remove_file(self.folder.join(file_name(key)))?;
            index.remove(key);
        }
        Ok(())
    }

    /// Whether a key is there.
    pub(super) fn exists(&self, key: &str) -> bool {
        self.index().contains_key(key)
    }

    /// All keys.
    pub(super) fn keys(&self) -> Vec<String> {
        self.index().keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tested = io::Result<()>;

    #[test]
    fn values_are_there_again_after_a_restart() -> Tested {
        let folder = tempfile::tempdir()?;
        let store = KeyValueFolder::open(folder.path(), 1 << 20)?;
        assert_eq!(store.get("a")?, None);
        store.set("a", b"first")?;
        store.set("a", b"second")?;
        store.set("b/../c \u{1f511}", b"")?;
        store.set("gone", b"x")?;
        store.delete("gone")?;
        store.delete("never there")?;
        assert!(
            KeyValueFolder::open(folder.path(), 1 << 20).is_err(),
            "in use"
        );
        drop(store);
        fs::write(folder.path().join("new-half"), b"PKV")?;
        let store = KeyValueFolder::open(folder.path(), 1 << 20)?;
        assert_eq!(store.keys(), ["a", "b/../c \u{1f511}"]);
        assert_eq!(store.get("a")?, Some(b"second".to_vec()));
        assert_eq!(store.get("b/../c \u{1f511}")?, Some(Vec::new()));
        assert!(!folder.path().join("new-half").exists());
        Ok(())
    }

    #[test]
    fn damage_costs_its_own_key_only() -> Tested {
        let folder = tempfile::tempdir()?;
        let store = KeyValueFolder::open(folder.path(), 1 << 20)?;
        store.set("sound", b"value")?;
        let place = folder.path().join(file_name("hit"));
        let pristine = encode("hit", b"a value that is hit");
        for at in 0..pristine.len() {
            store.set("hit", b"a value that is hit")?;
            let mut bytes = pristine.clone();
            bytes[at] ^= 1;
            fs::write(&place, bytes)?;
            assert_eq!(store.get("hit")?, None, "byte {at}");
            assert!(!store.exists("hit"));
        }
        store.set("hit", b"again")?;
        drop(store);
        fs::write(&place, &pristine[..pristine.len() - 1])?;
        let store = KeyValueFolder::open(folder.path(), 1 << 20)?;
        assert_eq!(store.keys(), ["sound"]);
        assert_eq!(store.get("sound")?, Some(b"value".to_vec()));
        Ok(())
    }

    #[test]
    fn limits_are_held() -> Tested {
        let folder = tempfile::tempdir()?;
        let store = KeyValueFolder::open(folder.path(), 2000)?;
        assert!(store.set("", b"").is_err());
        assert!(store.set(&"k".repeat(MAX_KEY + 1), b"").is_err());
        store.set(&"k".repeat(MAX_KEY), &[1; 1000])?;
        store.set(&"k".repeat(MAX_KEY), &[2; 1500])?;
        assert!(store.set("more", &[3; 500]).is_err(), "full");
        store.delete(&"k".repeat(MAX_KEY))?;
        store.set("more", &[3; 500])?;
        let large = KeyValueFolder::open(&folder.path().join("large"), 1 << 30)?;
        assert!(large.set("a", &vec![0; MAX_VALUE + 1]).is_err());
        large.set("a", &vec![0; MAX_VALUE])
    }
}
