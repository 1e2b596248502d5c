//! A release's bytes in the store: the envelope and the models, cut into values that every store takes.

use serde::{Deserialize, Serialize};

use picket_schema::release::{PayloadDigest, caps};

use crate::key_value::{KeyValue, MAX_VALUE, StoreError, random_text};

/// The largest models that are taken, champion and challenger together, in bytes.
pub const MAX_MODEL: usize = 16 << 20;
/// The largest body of `PUT /admin/release`, in bytes.
pub const MAX_BODY: usize = caps::MAX_ENVELOPE_BYTES + 1 + MAX_MODEL;

/// What a chunk's key begins with.
const BLOB: &str = "blob-";

/// Where a release lies. Written last: what it names is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// The release's number.
    pub release: u64,
    /// Its manifest.
    pub payload: PayloadDigest,
    /// Names the chunks.
    pub blob: String,
    /// The envelope's size; the model follows it.
    pub envelope_bytes: usize,
    /// The size of both.
    pub bytes: usize,
    /// Chooses the rows that a challenger scores; secret, so that no client can choose for it.
    pub shadow_key: [u64; 4],
}

/// A release as it was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed<'b> {
    /// The envelope's JSON.
    pub envelope: &'b [u8],
    /// The champion, and behind it the challenger where the manifest names one.
    pub models: &'b [u8],
}

impl<'b> Pushed<'b> {
    /// Reads a body: the envelope in one line, a line's end, the models.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn from_body(body: &'b [u8]) -> Result<Self, &'static str> {
        let end = body.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or("expected the envelope in one line, a line's end and the model")?;
        let (envelope, rest) = body.split_at(end);
        // A file that ends its line is easily put before the model with one more; no model begins with one.
        let start = rest.iter().position(|byte| *byte != b'\n');
        let models = start.map_or(&[][..], |start| &rest[start..]);
        if models.is_empty() {
            return Err("there is no model after the envelope's line");
        }
        Ok(Self { envelope, models })
    }
}

fn chunk_key(blob: &str, chunk_idx: usize) -> String {
    format!("{BLOB}{blob}-{chunk_idx:04}")
}

/// Writes the chunks and says where they lie.
///
/// # Errors
/// [`StoreError`]; what was written is of no use then.
pub async fn write(
    store: &impl KeyValue,
    pushed: Pushed<'_>,
    (release, payload): (u64, PayloadDigest),
    random: impl Fn() -> [u8; 16],
) -> Result<Pointer, StoreError> {
    let blob = random_text(random());
    let bytes = [pushed.envelope, pushed.models].concat();
    for (chunk_idx, chunk) in bytes.chunks(MAX_VALUE).enumerate() {
        store.set(&chunk_key(&blob, chunk_idx), chunk).await?;
    }
    Ok(Pointer {
        release,
        payload,
        blob,
        envelope_bytes: pushed.envelope.len(),
        bytes: bytes.len(),
        shadow_key: shadow_key([random(), random()]),
    })
}

fn shadow_key(bits: [[u8; 16]; 2]) -> [u64; 4] {
    let mut key = [0; 4];
    let (words, _) = bits.as_flattened().as_chunks::<8>();
    for (word, bytes) in key.iter_mut().zip(words) {
        *word = u64::from_le_bytes(*bytes);
    }
    key
}

impl Pointer {
    fn n_chunks(&self) -> usize {
        self.bytes.min(MAX_BODY).div_ceil(MAX_VALUE)
    }

    /// The key that chooses the rows of a challenger.
    #[must_use]
    pub fn shadow_key(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let words = bytes.as_chunks_mut::<8>().0.iter_mut();
        for (place, word) in words.zip(self.shadow_key) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    /// Reads what it names: envelope and models. Whether they are sound is for the signature to say.
    ///
    /// # Errors
    /// [`StoreError`]; the inner error says what is missing.
    pub async fn read(
        &self,
        store: &impl KeyValue,
    ) -> Result<Result<(Vec<u8>, Vec<u8>), String>, StoreError> {
        if self.bytes > MAX_BODY || self.envelope_bytes > self.bytes {
            return Ok(Err("the pointer's sizes are none".to_owned()));
        }
        let mut envelope = Vec::with_capacity(self.bytes);
        for chunk_idx in 0..self.n_chunks() {
            let Some(chunk) = store.get(&chunk_key(&self.blob, chunk_idx)).await? else {
                return Ok(Err(format!("chunk {chunk_idx} is missing")));
            };
            if chunk.len() > MAX_VALUE {
                return Ok(Err(format!("chunk {chunk_idx} is too large")));
            }
            envelope.extend_from_slice(&chunk);
        }
        if envelope.len() != self.bytes {
            let found = envelope.len();
            let expected = self.bytes;
            return Ok(Err(format!("{found} bytes; expected {expected}")));
        }
        let models = envelope.split_off(self.envelope_bytes);
        Ok(Ok((envelope, models)))
    }

    /// Removes the chunks.
    ///
    /// # Errors
    /// [`StoreError`]; some may be left.
    pub async fn remove_chunks(&self, store: &impl KeyValue) -> Result<(), StoreError> {
        for chunk_idx in 0..self.n_chunks() {
            store.delete(&chunk_key(&self.blob, chunk_idx)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_store::{MemoryStore, now};

    #[test]
    fn a_body_is_an_envelope_a_lines_end_and_a_model() {
        let pushed = Pushed::from_body(b"{}\n\nmodel\n").expect("right");
        assert_eq!(pushed.envelope, b"{}");
        assert_eq!(pushed.models, b"model\n");
        for wrong in [&b""[..], b"{}", b"{}\n", b"{}\n\n\n"] {
            assert!(Pushed::from_body(wrong).is_err());
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_missing_is_said() {
        let store = MemoryStore::default();
        let artifact: Vec<u8> = (0..1_200_000_u32).map(|i| (i % 251) as u8).collect();
        let pushed = Pushed {
            envelope: b"{}",
            models: &artifact,
        };
        let digest = PayloadDigest([7; 32]);
        let pointer = now(write(&store, pushed, (3, digest), || [1; 16])).expect("a store");
        assert_eq!(store.count(BLOB), 3);
        assert_eq!(pointer.shadow_key(), [1; 32]);
        let read = now(pointer.read(&store)).expect("a store");
        assert_eq!(read, Ok((b"{}".to_vec(), artifact)));
        now(store.delete(&chunk_key(&pointer.blob, 1))).expect("a store");
        let read = now(pointer.read(&store)).expect("a store");
        assert_eq!(read, Err("chunk 1 is missing".to_owned()));
        let mut wild = pointer.clone();
        wild.bytes = usize::MAX;
        assert!(now(wild.read(&store)).expect("a store").is_err());
        // Shorter than even the envelope.
        now(store.set(&chunk_key(&pointer.blob, 0), b"{")).expect("a store");
        let mut short = pointer.clone();
        (short.bytes, short.envelope_bytes) = (2, 2);
        let read = now(short.read(&store)).expect("a store");
        assert_eq!(read, Err("1 bytes; expected 2".to_owned()));
        now(pointer.remove_chunks(&store)).expect("a store");
        assert_eq!(store.count(BLOB), 0);
    }
}
