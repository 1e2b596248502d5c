//! A table of whole numbers, 1 to 4 bytes each, little-endian, used in place.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;

/// A table of whole numbers of one width, packed without padding. Shape: `(len,)`.
///
/// ```
/// use picket_schema::artifact::IntTable;
///
/// let table = IntTable::pack([1, 300, 7]);
/// assert_eq!((table.width, table.len()), (2, 3));
/// assert_eq!(table.get(1), Some(300));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntTable<'a> {
    /// Bytes a number: 1, 2, 3 or 4.
    pub width: u8,
    /// The numbers.
    #[serde(with = "serde_bytes")]
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> IntTable<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(2);
        Self {
            width: reader.key("width").u8(),
            bytes: reader.key("bytes").table(),
        }
    }
}

impl IntTable<'_> {
    /// Packs unsigned numbers in the smallest width that holds them all.
    #[must_use]
    pub fn pack(numbers: impl IntoIterator<Item = u32>) -> IntTable<'static> {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let largest = numbers.iter().copied().max().unwrap_or(0);
        let width = (1..4).find(|width| largest < 1 << (8 * width)).unwrap_or(4);
        Self::of_width(&numbers, width)
    }

    /// Packs signed numbers (two's complement) in the smallest width that holds them all.
    #[must_use]
    pub fn pack_signed(numbers: impl IntoIterator<Item = i32>) -> IntTable<'static> {
        let numbers: Vec<i32> = numbers.into_iter().collect();
        let fits = |width: u32| {
            let bound = 1_i32 << (8 * width - 1);
            numbers
                .iter()
                .all(|number| (-bound..bound).contains(number))
        };
        let width = (1..4).find(|width| fits(*width)).unwrap_or(4);
        let bits: Vec<u32> = numbers
            .iter()
            .map(|number| number.cast_unsigned())
            .collect();
        Self::of_width(&bits, width)
    }

    fn of_width(numbers: &[u32], width: u32) -> IntTable<'static> {
        let bytes = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes().into_iter().take(width as usize))
            .collect();
        IntTable {
            width: width as u8,
            bytes: Cow::Owned(bytes),
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / usize::from(self.width.max(1))
    }

    /// Whether there is no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number at `index`, unsigned; `None` past the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<u32> {
        let width = usize::from(self.width);
        let start = index.checked_mul(width)?;
        let bytes = self.bytes.get(start..start.checked_add(width)?)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | u32::from(*byte)),
        )
    }

    /// The number at `index`, signed; `None` past the end.
    #[must_use]
    pub fn get_signed(&self, index: usize) -> Option<i32> {
        let unused = 32 - 8 * u32::from(self.width);
        self.get(index)
            .map(|bits| (bits << unused).cast_signed() >> unused)
    }

    /// All numbers, unsigned, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.bytes
            .chunks_exact(usize::from(self.width.max(1)))
            .map(|bytes| {
                bytes
                    .iter()
                    .rev()
                    .fold(0, |number, byte| number << 8 | u32::from(*byte))
            })
    }

    /// The first number of at least `bound`, unsigned, and its position.
    pub(super) fn first_at_least(&self, bound: usize) -> Option<(usize, u32)> {
        // Eight bytes at a time first; the position only for an error.
        let fits = match self.width {
            1 => all_below::<8>(&self.bytes, bound),
            2 => all_below::<16>(&self.bytes, bound),
            _ => self
                .iter()
                .max()
                .is_none_or(|largest| (largest as usize) < bound),
        };
        if fits {
            return None;
        }
        self.iter()
            .enumerate()
            .find(|(_, number)| *number as usize >= bound)
    }

    /// The position of the first zero.
    pub(super) fn first_zero(&self) -> Option<usize> {
        fn first<const N: usize>(bytes: &[u8]) -> Option<usize> {
            let mut numbers = bytes.as_chunks::<N>().0.iter();
            numbers.position(|number| *number == [0; N])
        }
        match self.width {
            1 => first::<1>(&self.bytes),
            2 => first::<2>(&self.bytes),
            3 => first::<3>(&self.bytes),
            _ => first::<4>(&self.bytes),
        }
    }

    /// `Ok` where the width is known and the table holds exactly `expected` numbers.
    pub(super) fn validate(
        &self,
        table: &'static str,
        expected: usize,
    ) -> Result<(), ArtifactError> {
        self.validate_width(table)?;
        let expected_bytes = expected.saturating_mul(usize::from(self.width));
        if self.bytes.len() != expected_bytes {
            return Err(ArtifactError::TableLength {
                table,
                found: self.bytes.len(),
                expected: format!("{expected_bytes} ({expected} numbers)"),
            });
        }
        Ok(())
    }

    /// `Ok` where the width is known and divides the length.
    pub(super) fn validate_width(&self, table: &'static str) -> Result<(), ArtifactError> {
        if !(1..=4).contains(&self.width) {
            return Err(ArtifactError::TableWidth {
                table,
                found: self.width,
            });
        }
        if !self.bytes.len().is_multiple_of(usize::from(self.width)) {
            return Err(ArtifactError::TableLength {
                table,
                found: self.bytes.len(),
                expected: format!("a multiple of {}", self.width),
            });
        }
        Ok(())
    }
}

/// Whether all numbers of so many bits are below a bound, eight bytes at a time.
fn all_below<const BITS: u32>(bytes: &[u8], bound: usize) -> bool {
    let half = 1_u64 << (BITS - 1);
    let bound = bound as u64;
    if bound >= 2 * half || bytes.is_empty() {
        return true;
    }
    // Without their highest bits numbers are added to without reaching the next one. The sum has the highest bit from the
    // bound on; and a bound in the upper half is reached only where the number has it too.
    let ones = u64::MAX / (2 * half - 1);
    let is_high = bound > half;
    let lift = (if is_high { 2 * half } else { half } - bound) * ones;
    let (words, rest) = bytes.as_chunks();
    let mut rest_of_word = [0; 8];
    rest_of_word[..rest.len()].copy_from_slice(rest);
    let mut beyond = 0;
    for word in words.iter().chain([&rest_of_word]) {
        let word = u64::from_le_bytes(*word);
        let lifted = (word & !(half * ones)) + lift;
        beyond |= if is_high {
            lifted & word
        } else {
            lifted | word
        };
    }
    beyond & (half * ones) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_that_is_too_large_is_found() {
        for width in [1, 2, 3] {
            let top = if width == 1 {
                256
            } else {
                70_000_usize.min(1 << (8 * width))
            };
            for bound in [
                1, 2, 77, 127, 128, 129, 200, 255, 256, 32_768, 32_769, 65_535, 69_999,
            ] {
                if bound >= top {
                    continue;
                }
                for (length, position) in [(1, 0), (8, 7), (9, 8), (19, 3), (19, 18)] {
                    let mut numbers = vec![bound as u32 - 1; length];
                    let table = IntTable::of_width(&numbers, width as u32);
                    assert_eq!(table.first_at_least(bound), None, "{width} {bound}");
                    for beyond in [bound, top - 1] {
                        numbers[position] = beyond as u32;
                        let table = IntTable::of_width(&numbers, width as u32);
                        let found = Some((position, beyond as u32));
                        assert_eq!(table.first_at_least(bound), found, "{width} {bound}");
                    }
                }
            }
        }
    }
}
