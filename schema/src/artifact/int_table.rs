//! A table of whole numbers of 8 to 32 bits, packed without padding, used in place.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;

/// Bits a number has at least, so that the length of the bytes says how many numbers there are.
const MIN_WIDTH: u8 = 8;
/// Bits a number has at most.
const MAX_WIDTH: u8 = 32;

/// A table of whole numbers of one width, packed bit by bit, the lowest bit of the first number first. Shape: `(len,)`.
///
/// ```
/// use picket_schema::artifact::IntTable;
///
/// let table = IntTable::pack([1, 300, 7]);
/// assert_eq!((table.width, table.len()), (16, 3));
/// assert_eq!(table.get(1), Some(300));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntTable<'a> {
    /// Bits a number: 8 to 32.
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
    /// Packs unsigned numbers in the fewest whole bytes that hold them all: positions are read one by one and
    /// checked in bulk, and both are faster so.
    #[must_use]
    pub fn pack(numbers: impl IntoIterator<Item = u32>) -> IntTable<'static> {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let largest = numbers.iter().copied().max().unwrap_or(0);
        let fits = |width: &u32| largest >> (width - 1) <= 1;
        let width = [8, 16, 24].into_iter().find(fits).unwrap_or(32);
        Self::of_width(&numbers, width)
    }

    /// Packs signed numbers (two's complement) in the fewest bits that hold them all.
    #[must_use]
    pub fn pack_signed(numbers: impl IntoIterator<Item = i32>) -> IntTable<'static> {
        let numbers: Vec<i32> = numbers.into_iter().collect();
        // One more than the bits that are not copies of the sign.
        let bits = numbers
            .iter()
            .map(|number| 33 - (number ^ (number >> 31)).leading_zeros());
        let width = bits.max().unwrap_or(0).max(MIN_WIDTH.into());
        let numbers: Vec<u32> = numbers.into_iter().map(i32::cast_unsigned).collect();
        Self::of_width(&numbers, width)
    }

    /// Packs the low bits of the numbers.
    fn of_width(numbers: &[u32], width: u32) -> IntTable<'static> {
        let mut bytes = Vec::with_capacity((numbers.len() * width as usize).div_ceil(8));
        let (mut open, mut n_open) = (0_u64, 0);
        for number in numbers {
            open |= u64::from(*number & (u32::MAX >> (32 - width))) << n_open;
            n_open += width;
            while n_open >= 8 {
                bytes.push(open as u8);
                open >>= 8;
                n_open -= 8;
            }
        }
        if n_open > 0 {
            bytes.push(open as u8);
        }
        IntTable {
            width: width as u8,
            bytes: Cow::Owned(bytes),
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        8 * self.bytes.len() / usize::from(self.width.max(1))
    }

    /// Whether there is no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number at `index`, unsigned; `None` past the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<u32> {
        if index >= self.len() {
            return None;
        }
        // Below the number of bits, as the index is below the number of numbers.
        let first = index * usize::from(self.width);
        let rest = self.bytes.get(first / 8..)?;
        let word = if let Some(word) = rest.first_chunk() {
            u64::from_le_bytes(*word)
        } else {
            let bytes = rest.iter().rev();
            bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        let bits = (word >> (first % 8)) as u32;
        Some(bits & (u32::MAX >> self.n_unused_bits()))
    }

    /// The number at `index`, signed; `None` past the end.
    #[must_use]
    pub fn get_signed(&self, index: usize) -> Option<i32> {
        self.get(index).map(|number| self.signed(number))
    }

    /// The signed number that an unsigned one of this table is.
    #[must_use]
    pub fn signed(&self, number: u32) -> i32 {
        let unused = self.n_unused_bits();
        (number << unused).cast_signed() >> unused
    }

    /// How many bits of 32 no number has.
    fn n_unused_bits(&self) -> u8 {
        MAX_WIDTH - self.width.clamp(1, MAX_WIDTH)
    }

    /// All numbers, unsigned, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// The first number of at least `bound`, unsigned, and its position.
    pub(super) fn first_at_least(&self, bound: usize) -> Option<(usize, u32)> {
        // Eight bytes at a time first; the position only for an error.
        let fits = match self.width {
            8 => all_below::<8>(&self.bytes, bound),
            16 => all_below::<16>(&self.bytes, bound),
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
        match self.width {
            8 => self.bytes.iter().position(|byte| *byte == 0),
            16 => {
                let mut numbers = self.bytes.as_chunks::<2>().0.iter();
                numbers.position(|number| *number == [0; 2])
            }
            _ => self.iter().position(|number| number == 0),
        }
    }

    /// `Ok` where the width is known and the table holds exactly `expected` numbers.
    pub(super) fn validate(
        &self,
        table: &'static str,
        expected: usize,
    ) -> Result<(), ArtifactError> {
        self.validate_width(table)?;
        if self.len() != expected {
            let n_bits = expected.saturating_mul(self.width.into());
            let expected = format!("{} ({expected} numbers)", n_bits.div_ceil(8));
            return Err(self.wrong_length(table, expected));
        }
        Ok(())
    }

    /// `Ok` where the width is known, the bytes are as many as the numbers need, and their spare bits zero.
    pub(super) fn validate_width(&self, table: &'static str) -> Result<(), ArtifactError> {
        if !(MIN_WIDTH..=MAX_WIDTH).contains(&self.width) {
            return Err(ArtifactError::TableWidth {
                table,
                found: self.width,
            });
        }
        let n_spare = 8 * self.bytes.len() - self.len() * usize::from(self.width);
        if n_spare >= 8 {
            let expected = format!("whole numbers of {} bits", self.width);
            return Err(self.wrong_length(table, expected));
        }
        let last = self.bytes.last().map_or(0, |byte| u32::from(*byte));
        if last >> (8 - n_spare) != 0 {
            return Err(ArtifactError::TableSpareBits { table });
        }
        Ok(())
    }

    #[cold]
    fn wrong_length(&self, table: &'static str, expected: String) -> ArtifactError {
        ArtifactError::TableLength {
            table,
            found: self.bytes.len(),
            expected,
        }
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
        for width in [8, 12, 16, 24] {
            let top = 70_000.min(1_usize << width);
            for bound in [
                1, 2, 77, 127, 128, 129, 200, 255, 256, 32_768, 32_769, 65_535, 69_999,
            ] {
                if bound >= top {
                    continue;
                }
                for (length, position) in [(1, 0), (8, 7), (9, 8), (19, 3), (19, 18)] {
                    let mut numbers = vec![bound as u32 - 1; length];
                    let table = IntTable::of_width(&numbers, width);
                    assert_eq!(table.first_at_least(bound), None, "{width} {bound}");
                    for beyond in [bound, top - 1] {
                        numbers[position] = beyond as u32;
                        let table = IntTable::of_width(&numbers, width);
                        let found = Some((position, beyond as u32));
                        assert_eq!(table.first_at_least(bound), found, "{width} {bound}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_of_any_width_come_back() {
        for width in 8..=32 {
            let most = i32::MAX >> (32 - width);
            let numbers = [0, -1, most, 1, -most - 1, -2, most - 1, 77, -128];
            for len in 0..=numbers.len() {
                let numbers = &numbers[..len];
                let table = IntTable::pack_signed(numbers.iter().copied());
                assert_eq!(table.validate("t", len), Ok(()));
                assert!((0..len).all(|at| table.get_signed(at) == Some(numbers[at])));
                assert_eq!(table.get(len), None);
                if len > 2 {
                    assert_eq!(u32::from(table.width), width);
                }
            }
        }
    }

    #[test]
    fn positions_take_whole_bytes() {
        for (largest, width) in [(255, 8), (256, 16), (65_535, 16), (65_536, 24)] {
            assert_eq!(IntTable::pack([largest, 0]).width, width);
        }
        assert_eq!(IntTable::pack([1 << 24]).width, 32);
        let table = IntTable::pack([7, 1 << 16, 0]);
        assert_eq!(table.iter().collect::<Vec<_>>(), [7, 1 << 16, 0]);
        assert_eq!(table.first_at_least(8), Some((1, 1 << 16)));
        assert_eq!(table.first_zero(), Some(2));
    }
}
