//! What a MongoDB server is asked for so that old records go: the commands themselves, taken down by a server that
//! speaks as much of the protocol as this needs. FerretDB, which other tests run against, has no indexes that expire.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use mongodb::bson::{Bson, Document, doc};
use picket_trainer::records::{Expiry, MongoStore, RecordStore};

/// What a server makes of an index that expires.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    Expires,
    /// Makes the index and leaves out that it expires, as some do.
    LeavesOut,
    /// Answers that it knows no such thing.
    Refuses,
}

#[derive(Default)]
struct Seen {
    commands: Vec<Document>,
    has_collection: bool,
    has_index: bool,
    expires: Option<Bson>,
}

/// The commands of a store, without what the driver adds to each.
struct Fake {
    seen: Arc<Mutex<Seen>>,
    store: MongoStore,
}

const MSG: i32 = 2013;
const QUERY: i32 = 2004;

/// Reads a message: its number, its kind, its command with the documents that stand in a part of their own.
fn receive(stream: &mut TcpStream) -> Option<(i32, i32, Document)> {
    let mut head = [0; 16];
    stream.read_exact(&mut head).ok()?;
    let number = |at: usize| Some(i32::from_le_bytes(head[at..at + 4].try_into().ok()?));
    let (length, id, kind) = (number(0)?, number(4)?, number(12)?);
    let mut body = vec![0; usize::try_from(length).ok()? - 16];
    stream.read_exact(&mut body).ok()?;
    if kind == QUERY {
        // Flags, the collection's name, two numbers, and the command.
        let end = body[4..].iter().position(|byte| *byte == 0)? + 4;
        return Some((id, kind, Document::from_reader(&body[end + 9..]).ok()?));
    }
    let (mut rest, mut command) = (&body[4..], Document::new());
    while let Some((section, content)) = rest.split_first() {
        let length = i32::from_le_bytes(content.get(..4)?.try_into().ok()?);
        let (content, after) = content.split_at(usize::try_from(length).ok()?);
        if *section == 0 {
            command.extend(Document::from_reader(content).ok()?);
        } else {
            let end = content[4..].iter().position(|byte| *byte == 0)? + 4;
            let name = String::from_utf8(content[4..end].to_vec()).ok()?;
            let (mut documents, mut bytes) = (Vec::new(), &content[end + 1..]);
            while !bytes.is_empty() {
                documents.push(Bson::Document(Document::from_reader(&mut bytes).ok()?));
            }
            command.insert(name, documents);
        }
        rest = after;
    }
    Some((id, kind, command))
}

fn answer(seen: &mut Seen, server: Server, command: &Document) -> Document {
    let name = command.keys().next().cloned().unwrap_or_default();
    let refused = doc! {"ok": 0.0, "errmsg": "TTL indexes are not supported", "code": 238, "codeName": "NotImplemented"};
    let named = |at: &Document| at.get("expireAfterSeconds").cloned();
    match name.as_str() {
        "hello" | "isMaster" | "ismaster" => doc! {
            "ok": 1.0, "helloOk": true, "ismaster": true, "isWritablePrimary": true, "minWireVersion": 0,
            "maxWireVersion": 21, "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000, "readOnly": false,
        },
        "listIndexes" if !seen.has_collection => {
            doc! {"ok": 0.0, "errmsg": "ns does not exist", "code": 26, "codeName": "NamespaceNotFound"}
        }
        "listIndexes" => {
            let mut indexes = vec![doc! {"v": 2, "key": {"_id": 1}, "name": "_id_"}];
            if seen.has_index {
                let mut index = doc! {"v": 2, "key": {"time": 1}, "name": "time_expires"};
                if let Some(seconds) = &seen.expires {
                    index.insert("expireAfterSeconds", seconds.clone());
                }
                indexes.push(index);
            }
            doc! {"ok": 1.0, "cursor": {"id": 0_i64, "ns": "picket.records", "firstBatch": indexes}}
        }
        "createIndexes" | "collMod" if server == Server::Refuses => refused,
        "createIndexes" => {
            (seen.has_collection, seen.has_index) = (true, true);
            let index = command.get_array("indexes").ok().and_then(|it| it.first());
            if server == Server::Expires {
                seen.expires = index.and_then(Bson::as_document).and_then(named);
            }
            doc! {"ok": 1.0}
        }
        "collMod" => {
            seen.expires = command.get_document("index").ok().and_then(named);
            doc! {"ok": 1.0}
        }
        "delete" => doc! {"ok": 1.0, "n": 7},
        _ => doc! {"ok": 1.0},
    }
}

fn serve(mut stream: TcpStream, server: Server, seen: &Mutex<Seen>) -> Option<()> {
    loop {
        let (id, kind, mut command) = receive(&mut stream)?;
        let answer = {
            let mut seen = seen.lock().ok()?;
            let answer = answer(&mut seen, server, &command);
            // The driver's own.
            for key in [
                "lsid",
                "$clusterTime",
                "$db",
                "$readPreference",
                "txnNumber",
            ] {
                command.remove(key);
            }
            let first = command.keys().next().cloned().unwrap_or_default();
            if !["hello", "isMaster", "ismaster", "endSessions"].contains(&first.as_str()) {
                seen.commands.push(command);
            }
            answer.to_vec().ok()?
        };
        let (kind, before): (i32, &[u8]) = if kind == QUERY {
            // Flags, cursor, start, and that there is one document.
            (
                1,
                &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
            )
        } else {
            (MSG, &[0; 5])
        };
        let length = i32::try_from(16 + before.len() + answer.len()).ok()?;
        let head = [length, 1, id, kind].map(i32::to_le_bytes).concat();
        stream
            .write_all(&[&head, before, &answer[..]].concat())
            .ok()?;
    }
}

impl Fake {
    fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, server, &seen));
            }
        });
        let uri = format!("mongodb://{address}/?directConnection=true");
        let store = MongoStore::open(&uri).unwrap();
        Self { seen, store }
    }

    /// What was asked since the last look.
    fn commands(&self) -> Vec<Document> {
        std::mem::take(&mut self.seen.lock().unwrap().commands)
    }
}

fn names(commands: &[Document]) -> Vec<&str> {
    let first = |it: &'_ Document| it.keys().next().cloned();
    let known = ["listIndexes", "createIndexes", "collMod", "delete"];
    commands
        .iter()
        .map(|it| {
            let name = first(it).unwrap_or_default();
            known
                .into_iter()
                .find(|known| **known == name)
                .unwrap_or("other")
        })
        .collect()
}

fn seconds(document: &Document) -> Option<i64> {
    match document.get("expireAfterSeconds") {
        Some(Bson::Int32(seconds)) => Some(i64::from(*seconds)),
        Some(Bson::Int64(seconds)) => Some(*seconds),
        _ => None,
    }
}

#[test]
fn a_server_with_indexes_that_expire_is_asked_for_one_and_to_change_it() {
    let fake = Fake::start(Server::Expires);
    let made = fake.store.expire_after(30).unwrap();
    assert_eq!(made, Expiry::Index { days: 30 });
    let asked = fake.commands();
    assert_eq!(
        names(&asked),
        ["listIndexes", "createIndexes", "listIndexes"]
    );
    assert_eq!(asked[1].get_str("createIndexes").unwrap(), "records");
    let index = asked[1].get_array("indexes").unwrap()[0]
        .as_document()
        .unwrap();
    // On the date, for an index on a number never expires.
    assert_eq!(index.get_document("key").unwrap(), &doc! {"time": 1});
    assert_eq!(index.get_str("name").unwrap(), "time_expires");
    assert_eq!(seconds(index), Some(30 * 86_400));
    assert_eq!(index.len(), 3, "{index}");

    let changed = fake.store.expire_after(7).unwrap();
    assert_eq!(changed, Expiry::Index { days: 7 });
    let asked = fake.commands();
    assert_eq!(names(&asked), ["listIndexes", "collMod", "listIndexes"]);
    assert_eq!(asked[1].get_str("collMod").unwrap(), "records");
    let index = asked[1].get_document("index").unwrap();
    assert_eq!(index.get_str("name").unwrap(), "time_expires");
    assert_eq!((seconds(index), index.len()), (Some(7 * 86_400), 2));
    assert_eq!(asked[1].len(), 2, "{}", asked[1]);
    // Of more than the server's number holds it says what it holds.
    let longest = fake.store.expire_after(u64::MAX).unwrap();
    assert_eq!(longest, Expiry::Index { days: 24_855 });
}

#[test]
fn a_server_without_is_not_believed_and_the_deletion_alone_holds_the_promise() {
    for server in [Server::LeavesOut, Server::Refuses, Server::Expires] {
        let fake = Fake::start(server);
        if server != Server::Expires {
            for _ in 0..2 {
                let expiry = fake.store.expire_after(30).unwrap();
                assert!(matches!(expiry, Expiry::Unsupported { .. }), "{expiry:?}");
            }
            fake.commands();
        }
        // By the number that every record has, whatever the server does by itself, and in one command.
        assert_eq!(fake.store.delete_before(1_700_000_000_000).unwrap(), 7);
        let asked = fake.commands();
        assert_eq!(names(&asked), ["delete"]);
        assert_eq!(asked[0].get_str("delete").unwrap(), "records");
        let deletes = asked[0].get_array("deletes").unwrap();
        let expected = doc! {"q": {"time_ms": {"$lt": 1_700_000_000_000_i64}}, "limit": 0};
        assert_eq!(deletes, &[Bson::Document(expected)]);
    }
}
