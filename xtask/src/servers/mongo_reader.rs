//! As much of MongoDB's wire protocol as it takes to read a collection: `find` and `getMore` by `OP_MSG`, and the
//! types of BSON that records have. Of our own, so that what counts the records shares nothing with what wrote them.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const OP_MSG: i32 = 2013;
/// Documents asked for at a time.
const BATCH: i64 = 5000;
/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// Every document of a collection, with some of its fields only.
pub(crate) fn documents(
    address: SocketAddr,
    database: &str,
    collection: &str,
    fields: &[&str],
) -> Result<Vec<Value>> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let projection: Map<String, Value> = fields
        .iter()
        .map(|field| ((*field).to_owned(), json!(1)))
        .collect();
    let mut answer = ask(
        &mut stream,
        &[
            ("find", json!(collection)),
            ("projection", json!(projection)),
            ("batchSize", json!(BATCH)),
            ("$db", json!(database)),
        ],
    )?;
    let mut documents = Vec::new();
    let mut name = "firstBatch";
    loop {
        let cursor = &mut answer["cursor"];
        let batch = cursor[name].as_array_mut().context("a batch")?;
        documents.append(batch);
        let id = cursor["id"].as_i64().context("a cursor's id")?;
        if id == 0 {
            return Ok(documents);
        }
        name = "nextBatch";
        answer = ask(
            &mut stream,
            &[
                ("getMore", json!(id)),
                ("collection", json!(collection)),
                ("batchSize", json!(BATCH)),
                ("$db", json!(database)),
            ],
        )?;
    }
}

/// Sends a command; its name is the first field.
fn ask(stream: &mut TcpStream, command: &[(&str, Value)]) -> Result<Value> {
    let mut message = vec![0; 16];
    // No flags, and one section of kind 0: the command.
    message.extend_from_slice(&[0; 5]);
    push_document(&mut message, command)?;
    let length = message.len() as i32;
    message[..4].copy_from_slice(&length.to_le_bytes());
    message[4..8].copy_from_slice(&1_i32.to_le_bytes());
    message[12..16].copy_from_slice(&OP_MSG.to_le_bytes());
    stream.write_all(&message)?;
    let mut head = [0; 16];
    stream.read_exact(&mut head)?;
    let length = i32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    ensure!(
        (21..MAX_ANSWER).contains(&length),
        "an answer of {length} bytes"
    );
    ensure!(head[12..] == OP_MSG.to_le_bytes(), "no OP_MSG");
    let mut body = vec![0; length - 16];
    stream.read_exact(&mut body)?;
    let answer = Bson(&body[5..]).document()?;
    ensure!(answer["ok"] == json!(1.0), "the server says {answer}");
    Ok(answer)
}

fn push_document(out: &mut Vec<u8>, fields: &[(&str, Value)]) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    for (name, value) in fields {
        let place = out.len();
        out.push(0);
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out[place] = match value {
            Value::String(text) => {
                out.extend_from_slice(&(text.len() as i32 + 1).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
                out.push(0);
                0x02
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, value)| (name.as_str(), value.clone()));
                push_document(out, &fields.collect::<Vec<_>>())?;
                0x03
            }
            Value::Number(number) => {
                let number = number.as_i64().context("a whole number")?;
                out.extend_from_slice(&number.to_le_bytes());
                0x12
            }
            _ => bail!("no command has {value}"),
        };
    }
    out.push(0);
    let length = (out.len() - start) as i32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// What is left to read.
struct Bson<'b>(&'b [u8]);

impl<'b> Bson<'b> {
    fn take(&mut self, n_bytes: usize) -> Result<&'b [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(n_bytes)
            .context("BSON ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn name(&mut self) -> Result<String> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let name = self.take(end.context("a name without an end")?)?;
        self.take(1)?;
        Ok(std::str::from_utf8(name)?.to_owned())
    }

    fn length(&mut self) -> Result<usize> {
        Ok(usize::try_from(i32::from_le_bytes(self.array()?))?)
    }

    fn document(&mut self) -> Result<Value> {
        self.length()?;
        let mut fields = Map::new();
        loop {
            let [kind] = self.array()?;
            if kind == 0 {
                return Ok(Value::Object(fields));
            }
            let name = self.name()?;
            fields.insert(name, self.value(kind)?);
        }
    }

    fn value(&mut self, kind: u8) -> Result<Value> {
        Ok(match kind {
            0x01 => json!(f64::from_le_bytes(self.array()?)),
            0x02 => {
                let length = self.length()?;
                let text = self.take(length)?;
                let (_, text) = text.split_last().context("a text without an end")?;
                json!(std::str::from_utf8(text)?)
            }
            0x03 => self.document()?,
            0x04 => match self.document()? {
                // In their order: their names are 0, 1, 2, and a map sorts 10 before 2.
                Value::Object(fields) => {
                    let mut items: Vec<(usize, Value)> = fields
                        .into_iter()
                        .map(|(name, value)| Ok((name.parse()?, value)))
                        .collect::<Result<_>>()?;
                    items.sort_by_key(|(idx, _)| *idx);
                    items.into_iter().map(|(_, value)| value).collect()
                }
                _ => Value::Null,
            },
            0x08 => json!(self.array::<1>()? != [0]),
            0x0A => Value::Null,
            0x10 => json!(i32::from_le_bytes(self.array()?)),
            // A time, a timestamp, a number.
            0x09 | 0x11 | 0x12 => json!(i64::from_le_bytes(self.array()?)),
            _ => bail!("a value of type {kind:#04x}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bson_is_read_as_the_specification_says() {
        // {"hello": "world"} of bsonspec.org.
        let bytes = b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0";
        let mut out = Vec::new();
        push_document(&mut out, &[("hello", json!("world"))]).expect("a document");
        assert_eq!(out, bytes);
        let read = Bson(bytes).document().expect("a document");
        assert_eq!(read, json!({"hello": "world"}));
        // {"BSON": ["awesome", 5.05, 1986]}, also of theirs.
        let bytes = b"\x31\0\0\0\x04BSON\0\x26\0\0\0\x020\0\x08\0\0\0awesome\0\x011\0\x33\x33\x33\x33\x33\x33\x14\x40\x102\0\xc2\x07\0\0\0\0";
        let read = Bson(bytes).document().expect("a document");
        assert_eq!(read, json!({"BSON": ["awesome", 5.05, 1986]}));
        for end in 0..bytes.len() {
            assert!(Bson(&bytes[..end]).document().is_err(), "{end} bytes");
        }
    }
}
