//! Reading an artifact's MessagePack in its one canonical form.
//!
//! What is to be read is known at every byte: the key, the type, the width of a float. So the
//! reader asks for exactly that and takes nothing else, and what it has taken needs no second
//! check: integers and headers in their shortest form, keys in order, nothing left out. One
//! function reads a value's header; nothing is made again for each type.

mod schema;

use super::error::ArtifactError;
use crate::limits;

/// The result of reading a value. The error is boxed: it is rare, and large.
pub(super) type Read<T> = Result<T, Box<ArtifactError>>;

/// The types of MessagePack values that artifacts use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Nil,
    Bool,
    Unsigned,
    Negative,
    F32,
    F64,
    Str,
    Bin,
    Array,
    Map,
}

impl Type {
    fn in_words(self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool => "true or false",
            Self::Unsigned => "a whole number",
            Self::Negative => "a negative number",
            Self::F32 => "a 32-bit float",
            Self::F64 => "a 64-bit float",
            Self::Str => "a string",
            Self::Bin => "bytes",
            Self::Array => "an array",
            Self::Map => "a map",
        }
    }
}

/// What stands at the start of a value.
struct Header {
    type_: Type,
    /// The number, the bits of the float, or how many bytes, items or pairs follow.
    number: u64,
    /// Where the value starts.
    start: usize,
}

/// Reads a document from its bytes, borrowing tables.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// The last key read, for messages.
    key: &'static str,
    n_values: usize,
}

impl<'a> Reader<'a> {
    /// Starts at `offset`, before which `n_values` values stand.
    pub(super) fn new(bytes: &'a [u8], offset: usize, n_values: usize) -> Self {
        Self {
            bytes,
            offset,
            key: "the artifact",
            n_values,
        }
    }

    /// What was read since `start`, an earlier [`Reader::offset`].
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.offset).unwrap_or_default()
    }

    /// Where the next value starts.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// `Ok` where nothing follows.
    pub(super) fn end(&self) -> Read<()> {
        match self.bytes.len() - self.offset {
            0 => Ok(()),
            count => Err(ArtifactError::TrailingBytes { count }.into()),
        }
    }

    /// Reads the key that must come next; its value may be read from what is returned.
    pub(super) fn key(&mut self, key: &'static str) -> Read<&mut Self> {
        // Every key of the format is shorter than 32 bytes, so its header is one byte.
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        if let Some((header, rest)) = rest.split_first()
            && usize::from(*header) == 0xa0 + key.len()
            && rest.starts_with(key.as_bytes())
        {
            self.offset += 1 + key.len();
            self.key = key;
            self.count_value()?;
            return Ok(self);
        }
        Err(self.other_key(key))
    }

    #[cold]
    fn other_key(&mut self, expected: &str) -> Box<ArtifactError> {
        let start = self.offset;
        match self.str() {
            Ok(found) => self.malformed(start, &format!("key {found:?}"), &format!("{expected:?}")),
            Err(error) => error,
        }
    }

    /// Reads the header of a map of exactly `count` keys.
    pub(super) fn map(&mut self, count: usize) -> Read<()> {
        let header = self.expect(Type::Map)?;
        if header.number == count as u64 {
            return Ok(());
        }
        let found = format!("a map of {} keys", header.number);
        Err(self.malformed(header.start, &found, &format!("{count} keys")))
    }

    /// Reads the name of a choice with content, which is a map of one key.
    pub(super) fn choice(&mut self) -> Read<&'a str> {
        self.map(1)?;
        self.str()
    }

    /// The error for a name that is none of the known ones: it starts at `start`.
    #[cold]
    pub(super) fn unknown(&self, start: usize, found: &str, expected: &str) -> Box<ArtifactError> {
        self.malformed(start, &format!("{found:?}"), expected)
    }

    /// Reads an array, each item by `item`.
    pub(super) fn array<T>(&mut self, item: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.array_header()?;
        // A header may promise anything: at first no more is allocated than bytes are left.
        let left = self.bytes.len() - self.offset;
        let mut items = Vec::with_capacity(count.min(left / size_of::<T>().max(1)));
        // Items name the keys inside them; what follows an item belongs to the array again.
        let key = self.key;
        for _ in 0..count {
            self.key = key;
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn array_header(&mut self) -> Read<usize> {
        Ok(self.expect(Type::Array)?.number as usize)
    }

    /// Reads an array of exactly two floats.
    pub(super) fn pair(&mut self) -> Read<[f64; 2]> {
        let start = self.offset;
        match self.array_header()? {
            2 => Ok([self.f64()?, self.f64()?]),
            count => {
                let found = format!("an array of {count}");
                Err(self.malformed(start, &found, "two numbers"))
            }
        }
    }

    /// Reads a map of strings whose keys ascend.
    pub(super) fn string_map<M: Default + Extend<(String, String)>>(&mut self) -> Read<M> {
        let count = self.expect(Type::Map)?.number;
        let mut map = M::default();
        let mut last = None;
        for _ in 0..count {
            let start = self.offset;
            let key = self.str()?;
            if last.is_some_and(|last| last >= key) {
                return Err(ArtifactError::NotCanonical { offset: start }.into());
            }
            last = Some(key);
            let value = self.string()?;
            map.extend([(key.to_owned(), value)]);
        }
        Ok(map)
    }

    /// Reads what `item` reads, or nil.
    pub(super) fn optional<T>(
        &mut self,
        item: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        if self.bytes.get(self.offset) == Some(&0xc0) {
            self.offset += 1;
            self.count_value()?;
            return Ok(None);
        }
        item(self).map(Some)
    }

    /// Reads a string in place.
    pub(super) fn str(&mut self) -> Read<&'a str> {
        let header = self.expect(Type::Str)?;
        let bytes = self.take(&header)?;
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => Err(self.malformed(header.start, "a string that is not UTF-8", "UTF-8")),
        }
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Read<String> {
        self.str().map(str::to_owned)
    }

    /// Reads bytes in place.
    pub(super) fn bin(&mut self) -> Read<&'a [u8]> {
        let header = self.expect(Type::Bin)?;
        self.take(&header)
    }

    /// Reads the 32 bytes of a digest.
    pub(super) fn digest(&mut self) -> Read<[u8; 32]> {
        let start = self.offset;
        let bytes = self.bin()?;
        bytes.try_into().map_err(|_| {
            let found = format!("{} bytes", bytes.len());
            self.malformed(start, &found, "32 bytes")
        })
    }

    /// Reads a number that is not negative and at most `max`.
    pub(super) fn uint(&mut self, max: u64) -> Read<u64> {
        let header = self.expect(Type::Unsigned)?;
        if header.number <= max {
            return Ok(header.number);
        }
        let found = header.number.to_string();
        Err(self.malformed(header.start, &found, &format!("at most {max}")))
    }

    /// Reads a number with or without a sign.
    pub(super) fn int(&mut self) -> Read<i64> {
        let header = self.header()?;
        match (header.type_, i64::try_from(header.number)) {
            (Type::Negative, _) => Ok(header.number.cast_signed()),
            (Type::Unsigned, Ok(number)) => Ok(number),
            _ => Err(self.wrong_type(&header, "a whole number below 2^63")),
        }
    }

    /// Reads a float of 32 bits.
    pub(super) fn f32(&mut self) -> Read<f32> {
        Ok(f32::from_bits(self.expect(Type::F32)?.number as u32))
    }

    /// Reads a float of 64 bits.
    pub(super) fn f64(&mut self) -> Read<f64> {
        Ok(f64::from_bits(self.expect(Type::F64)?.number))
    }

    fn expect(&mut self, type_: Type) -> Read<Header> {
        let header = self.header()?;
        if header.type_ == type_ {
            return Ok(header);
        }
        Err(self.wrong_type(&header, type_.in_words()))
    }

    /// The bytes of a string or `bin`.
    fn take(&mut self, header: &Header) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let offset = header.start;
        let taken = usize::try_from(header.number)
            .ok()
            .and_then(|count| rest.get(..count))
            .ok_or(ArtifactError::Truncated { offset })?;
        self.offset += taken.len();
        Ok(taken)
    }

    /// Reads the start of any value; what stands in more bytes than it needs is refused.
    fn header(&mut self) -> Read<Header> {
        let start = self.offset;
        let truncated = ArtifactError::Truncated { offset: start };
        let Some(&marker) = self.bytes.get(start) else {
            return Err(truncated.into());
        };
        let low = |mask: u8| u64::from(marker & mask);
        // The type, how many bytes of a number follow, and the least number that needs so many.
        let (type_, width, least) = match marker {
            0x00..=0x7f => (Type::Unsigned, 0, low(0x7f)),
            0x80..=0x8f => (Type::Map, 0, low(0x0f)),
            0x90..=0x9f => (Type::Array, 0, low(0x0f)),
            0xa0..=0xbf => (Type::Str, 0, low(0x1f)),
            0xc0 => (Type::Nil, 0, 0),
            0xc2 | 0xc3 => (Type::Bool, 0, low(1)),
            0xc4 => (Type::Bin, 1, 0),
            0xc5 => (Type::Bin, 2, 1 << 8),
            0xc6 => (Type::Bin, 4, 1 << 16),
            0xca => (Type::F32, 4, 0),
            0xcb => (Type::F64, 8, 0),
            0xcc => (Type::Unsigned, 1, 1 << 7),
            0xcd => (Type::Unsigned, 2, 1 << 8),
            0xce => (Type::Unsigned, 4, 1 << 16),
            0xcf => (Type::Unsigned, 8, 1 << 32),
            // For negative numbers the least magnitude, less one.
            0xd0 => (Type::Negative, 1, 1 << 5),
            0xd1 => (Type::Negative, 2, 1 << 7),
            0xd2 => (Type::Negative, 4, 1 << 15),
            0xd3 => (Type::Negative, 8, 1 << 31),
            0xd9 => (Type::Str, 1, 1 << 5),
            0xda => (Type::Str, 2, 1 << 8),
            0xdb => (Type::Str, 4, 1 << 16),
            0xdc => (Type::Array, 2, 1 << 4),
            0xdd => (Type::Array, 4, 1 << 16),
            0xde => (Type::Map, 2, 1 << 4),
            0xdf => (Type::Map, 4, 1 << 16),
            0xe0..=0xff => (Type::Negative, 0, 0),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => {
                let offset = start;
                return Err(ArtifactError::UnexpectedMarker { offset, marker }.into());
            }
        };
        let after = self.bytes.get(start + 1..).unwrap_or_default();
        let Some(field) = after.get(..width) else {
            return Err(truncated.into());
        };
        self.offset = start + 1 + width;
        self.count_value()?;
        let mut number = if width == 0 { least } else { 0 };
        for byte in field {
            number = number << 8 | u64::from(*byte);
        }
        let mut size = number;
        if type_ == Type::Negative {
            let unused = 64 - 8 * width.max(1) as u32;
            let bits = if width == 0 {
                u64::from(marker)
            } else {
                number
            };
            let signed = (bits << unused).cast_signed() >> unused;
            number = signed.cast_unsigned();
            // -1 - n has the magnitude of n less one; a number that is not negative has none.
            size = if signed < 0 { !number } else { 0 };
            if signed >= 0 {
                return Err(ArtifactError::NotCanonical { offset: start }.into());
            }
        }
        if size < least {
            return Err(ArtifactError::NotCanonical { offset: start }.into());
        }
        Ok(Header {
            type_,
            number,
            start,
        })
    }

    fn count_value(&mut self) -> Read<()> {
        self.n_values += 1;
        if self.n_values > limits::MAX_VALUES {
            return Err(ArtifactError::TooManyValues.into());
        }
        Ok(())
    }

    #[cold]
    fn wrong_type(&self, header: &Header, expected: &str) -> Box<ArtifactError> {
        self.malformed(header.start, header.type_.in_words(), expected)
    }

    #[cold]
    fn malformed(&self, offset: usize, found: &str, expected: &str) -> Box<ArtifactError> {
        let key = self.key;
        let reason = format!("{key} (byte {offset}): found {found}; expected {expected}");
        ArtifactError::Malformed { reason }.into()
    }
}
