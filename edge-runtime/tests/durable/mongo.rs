//! The MongoDB server of the tests, and what stands in it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use mongodb::bson::{Document, doc};
use mongodb::sync::{Client, Collection};

use crate::program::Result;

/// A database of one test's own; dropped with this.
pub(crate) struct Database {
    name: String,
    client: Client,
    /// The server's, for a relay before it.
    pub(crate) address: SocketAddr,
}

impl Database {
    /// `None` where `PICKET_MONGODB_URI` names no server of this machine.
    pub(crate) fn new() -> Result<Option<Self>> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("PICKET_MONGODB_URI") else {
            eprintln!("SKIPPED: PICKET_MONGODB_URI names no server");
            return Ok(None);
        };
        let rest = server.trim_start_matches("mongodb://");
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let Ok(address) = host.parse() else {
            eprintln!(
                "SKIPPED: PICKET_MONGODB_URI is not mongodb://IP:PORT/, before which a relay can stand"
            );
            return Ok(None);
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Self {
            name: format!("picket_durable_{}_{number}", std::process::id()),
            client: Client::with_uri_str(&server)?,
            address,
        }))
    }

    /// The URI by another address, such as a relay's.
    pub(crate) fn uri_by(&self, address: SocketAddr) -> String {
        format!("mongodb://{address}/{}", self.name)
    }

    pub(crate) fn uri(&self) -> String {
        self.uri_by(self.address)
    }

    pub(crate) fn records(&self) -> Collection<Document> {
        self.client.database(&self.name).collection("records")
    }

    pub(crate) fn n_records(&self) -> Result<u64> {
        Ok(self.records().count_documents(doc! {}).run()?)
    }

    pub(crate) fn has(&self, filter: Document) -> Result<bool> {
        Ok(self.records().count_documents(filter).run()? > 0)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What is left behind has a name that no other run takes.
        let _ = self.client.database(&self.name).drop().run();
    }
}
