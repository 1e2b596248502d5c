//! Rows with the margins that they must get, bit for bit.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::ReleaseError;
use super::hex;

/// A row and its margin's bits. An edge whose scorer gives other bits must not serve the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldenRow {
    /// The margin's bits.
    pub margin: u64,
    /// The bits of the row's f32 values; shape `(n_features,)`.
    pub row: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    margin: String,
    row: String,
}

impl GoldenRow {
    /// A row and its margin. Shape of `row`: `(n_features,)`.
    #[must_use]
    pub fn new(row: &[f32], margin: f64) -> Self {
        Self {
            margin: margin.to_bits(),
            row: row.iter().map(|x| x.to_bits()).collect(),
        }
    }

    /// The row's values; shape `(n_features,)`.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        self.row.iter().map(|bits| f32::from_bits(*bits)).collect()
    }

    /// Whether a margin has the expected bits.
    ///
    /// # Errors
    /// [`ReleaseError::GoldenRow`] with both margins.
    pub fn check(&self, row_idx: usize, margin: f64) -> Result<(), ReleaseError> {
        if margin.to_bits() == self.margin {
            return Ok(());
        }
        Err(ReleaseError::GoldenRow {
            row_idx,
            expected: f64::from_bits(self.margin),
            found: margin,
        })
    }
}

impl Serialize for GoldenRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row: Vec<u8> = self
            .row
            .iter()
            .flat_map(|bits| bits.to_be_bytes())
            .collect();
        Document {
            margin: hex::encode(&self.margin.to_be_bytes()),
            row: hex::encode(&row),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GoldenRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Document::deserialize(deserializer)?;
        let margin = hex::decode_array(&document.margin).ok_or_else(|| {
            de::Error::custom("margin: expected 16 lower-case hexadecimal digits")
        })?;
        let row = hex::decode(&document.row).filter(|bytes| bytes.len().is_multiple_of(4));
        let row = row.ok_or_else(|| {
            de::Error::custom("row: expected 8 lower-case hexadecimal digits a value")
        })?;
        let value = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok(Self {
            margin: u64::from_be_bytes(margin),
            row: row.chunks_exact(4).map(value).collect(),
        })
    }
}
