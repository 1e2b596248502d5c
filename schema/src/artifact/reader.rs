//! Reading a scanned MessagePack document with serde.
//!
//! rmp-serde could do it, but it makes its whole decoder again for every type that is read: two
//! thirds of the browser module were its copies. Here one function reads a value and the generic
//! parts only hand it over. `scan` has run before, so nesting is capped and lengths fit.

mod items;

use core::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use items::{Choice, Items};

/// Why a document's content is not what a type expects.
#[derive(Debug)]
pub(super) struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// One value, or the header of a container.
#[derive(Clone, Copy)]
enum Token<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Str(&'de str),
    Bin(&'de [u8]),
    Array(usize),
    Map(usize),
}

impl Token<'_> {
    #[cold]
    fn unexpected(self, expected: &str) -> ReadError {
        let found = match self {
            Self::Nil => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(value),
            Self::Unsigned(value) => Unexpected::Unsigned(value),
            Self::Signed(value) => Unexpected::Signed(value),
            Self::F32(value) => Unexpected::Float(f64::from(value)),
            Self::F64(value) => Unexpected::Float(value),
            Self::Str(text) => Unexpected::Str(text),
            Self::Bin(bytes) => Unexpected::Bytes(bytes),
            Self::Array(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
        };
        ReadError(format!("found {found}; expected {expected}"))
    }
}

/// Reads a document from its bytes, borrowing strings and tables.
pub(super) struct Reader<'de> {
    bytes: &'de [u8],
    offset: usize,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn take(&mut self, count: usize) -> Result<&'de [u8], ReadError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest
            .get(..count)
            .ok_or_else(|| ReadError("the document ends early".into()))?;
        self.offset += count;
        Ok(taken)
    }

    /// The next `width` bytes as a big-endian number.
    fn unsigned(&mut self, width: usize) -> Result<u64, ReadError> {
        Ok(self
            .take(width)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The next `width` bytes as a big-endian number with a sign.
    fn signed(&mut self, width: usize) -> Result<i64, ReadError> {
        let unused = 64 - 8 * width;
        Ok((self.unsigned(width)? << unused).cast_signed() >> unused)
    }

    fn str(&mut self, count: usize) -> Result<Token<'de>, ReadError> {
        match core::str::from_utf8(self.take(count)?) {
            Ok(text) => Ok(Token::Str(text)),
            Err(error) => Err(ReadError(format!("a string is not UTF-8: {error}"))),
        }
    }

    fn next(&mut self) -> Result<Token<'de>, ReadError> {
        let marker = self.unsigned(1)? as u8;
        // A length of 1, 2 or 4 bytes, by the marker's place among its three.
        let length =
            |this: &mut Self, first: u8| Ok(this.unsigned(1 << (marker - first))? as usize);
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(u64::from(marker)),
            0xe0..=0xff => Token::Signed(i64::from(marker.cast_signed())),
            0x80..=0x8f => Token::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Token::Array(usize::from(marker & 0x0f)),
            0xa0..=0xbf => self.str(usize::from(marker & 0x1f))?,
            0xc0 => Token::Nil,
            0xc2 | 0xc3 => Token::Bool(marker == 0xc3),
            0xc4..=0xc6 => {
                let count = length(self, 0xc4)?;
                Token::Bin(self.take(count)?)
            }
            0xca => Token::F32(f32::from_bits(self.unsigned(4)? as u32)),
            0xcb => Token::F64(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xcf => Token::Unsigned(self.unsigned(1 << (marker - 0xcc))?),
            0xd0..=0xd3 => Token::Signed(self.signed(1 << (marker - 0xd0))?),
            0xd9..=0xdb => {
                let count = length(self, 0xd9)?;
                self.str(count)?
            }
            0xdc | 0xdd => Token::Array(length(self, 0xdb)?),
            0xde | 0xdf => Token::Map(length(self, 0xdd)?),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => {
                return Err(ReadError(format!("0x{marker:02x} starts no value")));
            }
        })
    }

    fn next_str(&mut self) -> Result<&'de str, ReadError> {
        match self.next()? {
            Token::Str(text) => Ok(text),
            other => Err(other.unexpected("a string")),
        }
    }

    fn next_bin(&mut self) -> Result<&'de [u8], ReadError> {
        match self.next()? {
            Token::Bin(bytes) => Ok(bytes),
            other => Err(other.unexpected("bytes")),
        }
    }

    fn next_array(&mut self) -> Result<usize, ReadError> {
        match self.next()? {
            Token::Array(count) => Ok(count),
            other => Err(other.unexpected("an array")),
        }
    }

    fn next_map(&mut self) -> Result<usize, ReadError> {
        match self.next()? {
            Token::Map(count) => Ok(count),
            other => Err(other.unexpected("a map")),
        }
    }

    /// Hands a number over; the type that asked says whether it fits.
    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        match self.next()? {
            Token::Unsigned(number) => visitor.visit_u64(number),
            Token::Signed(number) => visitor.visit_i64(number),
            Token::F32(number) => visitor.visit_f32(number),
            Token::F64(number) => visitor.visit_f64(number),
            other => Err(other.unexpected("a number")),
        }
    }

    fn array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        let mut items = Items {
            left: self.next_array()?,
            reader: self,
        };
        let value = visitor.visit_seq(&mut items)?;
        items.finish()?;
        Ok(value)
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        let mut items = Items {
            left: self.next_map()?,
            reader: self,
        };
        let value = visitor.visit_map(&mut items)?;
        items.finish()?;
        Ok(value)
    }
}

macro_rules! hand_over {
    ($($method:ident => $reader_method:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$reader_method(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = ReadError;

    hand_over! {
        deserialize_i8 => number, deserialize_i16 => number, deserialize_i32 => number,
        deserialize_i64 => number, deserialize_u8 => number, deserialize_u16 => number,
        deserialize_u32 => number, deserialize_u64 => number, deserialize_f32 => number,
        deserialize_f64 => number, deserialize_seq => array, deserialize_map => map,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let start = self.offset;
        match self.next()? {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Str(text) => visitor.visit_borrowed_str(text),
            Token::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Unsigned(_) | Token::Signed(_) | Token::F32(_) | Token::F64(_) => {
                self.offset = start;
                self.number(visitor)
            }
            Token::Array(_) => {
                self.offset = start;
                self.array(visitor)
            }
            Token::Map(_) => {
                self.offset = start;
                self.map(visitor)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.next()? {
            Token::Bool(value) => visitor.visit_bool(value),
            other => Err(other.unexpected("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(self.next_str()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(self.next_str()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(self.next_str()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_bytes(self.next_bin()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_bytes(self.next_bin()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.bytes.get(self.offset) == Some(&0xc0) {
            self.offset += 1;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.array(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.next()? {
            // A choice without content is its name.
            Token::Str(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Token::Map(1) => visitor.visit_enum(Choice(self)),
            other => Err(other.unexpected("a name or a map with one key")),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char unit unit_struct tuple_struct ignored_any
    }
}
