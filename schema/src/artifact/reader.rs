//! Reading an artifact's MessagePack in its one canonical form.
//!
//! What is to be read is known at every byte: the key, the type, the width of a float. So the
//! reader asks for exactly that and takes nothing else, and what it has taken needs no second
//! check: integers and headers in their shortest form, keys in order, nothing left out. One
//! function reads a value's header; nothing is made again for each type.
//!
//! A reader that has met an error goes on as at the end of the bytes, with empty values, and gives
//! its first error at [`Reader::finish`]. So what reads a type is a list of its keys, without a
//! way out at each of them: that saves 16 KB of WebAssembly.

mod schema;

use core::fmt;
use std::borrow::Cow;

use super::error::ArtifactError;
use crate::limits;
use crate::quoted::Quoted;

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
    /// The first error.
    error: Option<Box<ArtifactError>>,
}

impl<'a> Reader<'a> {
    /// Starts at `offset`, before which `n_values` values stand.
    pub(super) fn new(bytes: &'a [u8], offset: usize, n_values: usize) -> Self {
        Self {
            bytes,
            offset,
            key: "the artifact",
            n_values,
            error: None,
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

    /// The first error. Without one, all that was read is right.
    pub(super) fn finish(self) -> Result<(), ArtifactError> {
        self.error.map_or(Ok(()), |error| Err(*error))
    }

    /// As [`Reader::finish`] where nothing may follow.
    pub(super) fn finish_at_end(mut self) -> Result<(), ArtifactError> {
        let count = self.bytes.len() - self.offset;
        if count > 0 {
            self.fail(ArtifactError::TrailingBytes { count });
        }
        self.finish()
    }

    /// Reads the key that must come next; its value may be read from what is returned.
    pub(super) fn key(&mut self, key: &'static str) -> &mut Self {
        // Every key of the format is shorter than 32 bytes, so its header is one byte.
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        if let Some((header, rest)) = rest.split_first()
            && usize::from(*header) == 0xa0 + key.len()
            && rest.starts_with(key.as_bytes())
        {
            self.offset += 1 + key.len();
            self.key = key;
            self.count_value();
        } else {
            self.other_key(key);
        }
        self
    }

    #[cold]
    fn other_key(&mut self, expected: &str) {
        let start = self.offset;
        let found = self.str();
        self.malformed(
            start,
            format_args!("key {}", Quoted(found)),
            format_args!("{}", Quoted(expected)),
        );
    }

    /// Reads the header of a map of exactly `count` keys.
    pub(super) fn map(&mut self, count: u64) {
        let header = self.expect(Type::Map);
        let found = header.number;
        if found != count {
            self.malformed(
                header.start,
                format_args!("a map of {found} keys"),
                format_args!("{count} keys"),
            );
        }
    }

    /// Reads the name of a choice with content, which is a map of one key.
    pub(super) fn choice(&mut self) -> &'a str {
        self.map(1);
        self.str()
    }

    /// The error for a name that is none of the known ones.
    #[cold]
    pub(super) fn unknown(&mut self, found: &str, expected: &str) {
        let end = self.offset;
        self.malformed(
            end.saturating_sub(found.len()),
            format_args!("{}", Quoted(found)),
            format_args!("{expected}"),
        );
    }

    /// Reads an array, each item by `item`.
    pub(super) fn array<T>(&mut self, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let count = self.expect(Type::Array).number as usize;
        // A header may promise anything: at first no more is allocated than bytes are left.
        let left = self.bytes.len() - self.offset;
        let mut items = Vec::with_capacity(count.min(left / size_of::<T>().max(1)));
        // Items name the keys inside them; what follows an item belongs to the array again.
        let key = self.key;
        for _ in 0..count {
            self.key = key;
            items.push(item(self));
            if self.error.is_some() {
                break;
            }
        }
        items
    }

    /// Reads an array of exactly two floats.
    pub(super) fn pair(&mut self) -> [f64; 2] {
        let header = self.expect(Type::Array);
        let found = header.number;
        if found != 2 {
            self.malformed(
                header.start,
                format_args!("an array of {found}"),
                format_args!("two numbers"),
            );
        }
        [self.f64(), self.f64()]
    }

    /// Reads a map of strings whose keys ascend.
    pub(super) fn string_map<M: Default + Extend<(String, String)>>(&mut self) -> M {
        let count = self.expect(Type::Map).number;
        let mut map = M::default();
        let mut last = None;
        for _ in 0..count {
            let offset = self.offset;
            let key = self.str();
            if last.is_some_and(|last| last >= key) {
                self.fail(ArtifactError::NotCanonical { offset });
            }
            last = Some(key);
            let value = self.string();
            if self.error.is_some() {
                break;
            }
            map.extend([(key.to_owned(), value)]);
        }
        map
    }

    /// Reads what `item` reads, or nil.
    pub(super) fn optional<T>(&mut self, item: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.bytes.get(self.offset) == Some(&0xc0) {
            self.offset += 1;
            self.count_value();
            return None;
        }
        Some(item(self))
    }

    /// Reads a string in place.
    pub(super) fn str(&mut self) -> &'a str {
        let header = self.expect(Type::Str);
        let bytes = self.take(&header);
        if let Ok(text) = core::str::from_utf8(bytes) {
            return text;
        }
        self.malformed(
            header.start,
            format_args!("a string that is not UTF-8"),
            format_args!("UTF-8"),
        );
        ""
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> String {
        self.str().to_owned()
    }

    /// Reads bytes in place.
    pub(super) fn bin(&mut self) -> &'a [u8] {
        let header = self.expect(Type::Bin);
        self.take(&header)
    }

    /// Reads a table in place.
    pub(super) fn table(&mut self) -> Cow<'a, [u8]> {
        Cow::Borrowed(self.bin())
    }

    /// Reads the 32 bytes of a digest.
    pub(super) fn digest(&mut self) -> [u8; 32] {
        let start = self.offset;
        let bytes = self.bin();
        if let Ok(digest) = bytes.try_into() {
            return digest;
        }
        let found = bytes.len();
        self.malformed(
            start,
            format_args!("{found} bytes"),
            format_args!("32 bytes"),
        );
        [0; 32]
    }

    /// Reads a number that is not negative and at most `max`.
    pub(super) fn uint(&mut self, max: u64) -> u64 {
        let header = self.expect(Type::Unsigned);
        let found = header.number;
        if found > max {
            self.malformed(
                header.start,
                format_args!("{found}"),
                format_args!("at most {max}"),
            );
        }
        found
    }

    /// Reads a number of one byte.
    pub(super) fn u8(&mut self) -> u8 {
        self.uint(u8::MAX.into()) as u8
    }

    /// Reads a number of four bytes.
    pub(super) fn u32(&mut self) -> u32 {
        self.uint(u32::MAX.into()) as u32
    }

    /// Reads a number with or without a sign.
    pub(super) fn int(&mut self) -> i64 {
        let header = self.header();
        match (header.type_, i64::try_from(header.number)) {
            (Type::Negative, _) => header.number.cast_signed(),
            (Type::Unsigned, Ok(number)) => number,
            _ => {
                self.wrong_type(&header, "a whole number below 2^63");
                0
            }
        }
    }

    /// Reads a float of 32 bits.
    pub(super) fn f32(&mut self) -> f32 {
        f32::from_bits(self.expect(Type::F32).number as u32)
    }

    /// Reads a float of 64 bits.
    pub(super) fn f64(&mut self) -> f64 {
        f64::from_bits(self.expect(Type::F64).number)
    }

    #[inline(never)]
    fn expect(&mut self, type_: Type) -> Header {
        let mut header = self.header();
        if header.type_ != type_ {
            self.wrong_type(&header, type_.in_words());
            header.number = 0;
        }
        header
    }

    /// The bytes of a string or `bin`.
    fn take(&mut self, header: &Header) -> &'a [u8] {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let count = usize::try_from(header.number).unwrap_or(usize::MAX);
        let Some(taken) = rest.get(..count) else {
            let offset = header.start;
            self.fail(ArtifactError::Truncated { offset });
            return &[];
        };
        self.offset += count;
        taken
    }

    /// Reads the start of any value; what stands in more bytes than it needs is refused.
    fn header(&mut self) -> Header {
        let start = self.offset;
        let offset = start;
        let nothing = Header {
            type_: Type::Nil,
            number: 0,
            start,
        };
        let Some(&marker) = self.bytes.get(start) else {
            self.fail(ArtifactError::Truncated { offset });
            return nothing;
        };
        let low = |mask: u8| u64::from(marker & mask);
        // The type, how many bytes of a number follow, and the least number that needs so many.
        let (type_, width, mut least) = match marker {
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
                self.fail(ArtifactError::UnexpectedMarker { offset, marker });
                return nothing;
            }
        };
        let after = self.bytes.get(start + 1..).unwrap_or_default();
        let Some(field) = after.get(..width) else {
            self.fail(ArtifactError::Truncated { offset });
            return nothing;
        };
        self.offset = start + 1 + width;
        self.count_value();
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
            // -1 - n has the magnitude of n less one; a number that is not negative fits nowhere.
            size = if signed < 0 { !number } else { 0 };
            least = least.max(u64::from(signed >= 0));
        }
        if size < least {
            self.fail(ArtifactError::NotCanonical { offset });
        }
        Header {
            type_,
            number,
            start,
        }
    }

    fn count_value(&mut self) {
        self.n_values += 1;
        if self.n_values > limits::MAX_VALUES {
            self.fail(ArtifactError::TooManyValues);
        }
    }

    #[cold]
    fn wrong_type(&mut self, header: &Header, expected: &str) {
        self.malformed(
            header.start,
            format_args!("{}", header.type_.in_words()),
            format_args!("{expected}"),
        );
    }

    #[cold]
    fn malformed(
        &mut self,
        offset: usize,
        found: fmt::Arguments<'_>,
        expected: fmt::Arguments<'_>,
    ) {
        if self.error.is_none() {
            let key = self.key;
            let reason = format!("{key} (byte {offset}): found {found}; expected {expected}");
            self.fail(ArtifactError::Malformed { reason });
        }
    }

    /// Keeps the first error; from here on there is nothing to read.
    #[cold]
    fn fail(&mut self, error: ArtifactError) {
        self.error.get_or_insert_with(|| Box::new(error));
        (self.bytes, self.offset) = (&[], 0);
    }
}
