//! A disk for tests that loses power: what was not synced is kept or lost sector by sector, in any order.

use std::collections::BTreeMap;
use std::io;

use super::disk::Disk;

const SECTOR: usize = 512;

/// A small source of random numbers (xorshift).
#[derive(Clone, Debug)]
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n.max(1) as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Add(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct Node {
    durable: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FakeDisk {
    nodes: Vec<Node>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    unsynced_names: Vec<NameChange>,
    /// Changes until one fails.
    pub(crate) fails_in: Option<u32>,
    /// Whether all later ones fail too: the power is gone.
    pub(crate) power_cut: bool,
    /// The most bytes of all files.
    pub(crate) capacity: Option<usize>,
}

impl FakeDisk {
    fn step(&mut self) -> io::Result<()> {
        match &mut self.fails_in {
            Some(0) => {
                if !self.power_cut {
                    self.fails_in = None;
                }
                Err(io::Error::other("a fault of the test"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn node(&self, name: &str) -> io::Result<&Node> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        self.names
            .get(name)
            .map(|it| &self.nodes[*it])
            .ok_or_else(missing)
    }

    fn node_mut(&mut self, name: &str) -> &mut Node {
        let next = self.nodes.len();
        let idx = *self.names.entry(name.to_owned()).or_insert(next);
        if idx == next {
            self.nodes.push(Node::default());
            self.unsynced_names
                .push(NameChange::Add(name.to_owned(), idx));
        }
        &mut self.nodes[idx]
    }

    /// The power goes and comes back.
    pub(crate) fn crash(&mut self, draws: &mut Draws) {
        for node in &mut self.nodes {
            let mut bytes = std::mem::take(&mut node.durable);
            for change in std::mem::take(&mut node.unsynced) {
                apply_torn(&mut bytes, &change, draws);
            }
            node.current.clone_from(&bytes);
            node.durable = bytes;
        }
        let mut names = std::mem::take(&mut self.durable_names);
        for change in std::mem::take(&mut self.unsynced_names) {
            if draws.coin() {
                apply_name(&mut names, change);
            }
        }
        self.names.clone_from(&names);
        self.durable_names = names;
        self.fails_in = None;
        self.power_cut = false;
    }

    /// Flips a bit of a byte of a file, durably.
    pub(crate) fn flip(&mut self, name: &str, at: usize) {
        if let Some(idx) = self.names.get(name) {
            let node = &mut self.nodes[*idx];
            for bytes in [&mut node.current, &mut node.durable] {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 0x10;
                }
            }
        }
    }

    pub(crate) fn n_bytes(&self, name: &str) -> usize {
        self.node(name).map_or(0, |it| it.current.len())
    }
}

fn apply_torn(bytes: &mut Vec<u8>, change: &Change, draws: &mut Draws) {
    match change {
        Change::Truncate(n_bytes) => {
            if draws.coin() {
                bytes.resize(*n_bytes, 0);
            }
        }
        Change::Write(offset, written) => {
            // All, nothing, or any sectors of it.
            let how = draws.below(3);
            let mut at = 0;
            while at < written.len() {
                let end = (((offset + at) / SECTOR + 1) * SECTOR - offset).min(written.len());
                if how == 0 || (how == 1 && draws.coin()) {
                    let needed = (offset + end).max(bytes.len());
                    bytes.resize(needed, 0);
                    bytes[offset + at..offset + end].copy_from_slice(&written[at..end]);
                }
                at = end;
            }
        }
    }
}

fn apply_name(names: &mut BTreeMap<String, usize>, change: NameChange) {
    match change {
        NameChange::Add(name, idx) => {
            names.insert(name, idx);
        }
        NameChange::Rename(from, to) => {
            if let Some(idx) = names.remove(&from) {
                names.insert(to, idx);
            }
        }
        NameChange::Remove(name) => {
            names.remove(&name);
        }
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names.keys().cloned().collect())
    }

    fn read(&self, name: &str, offset: u64, n_bytes: usize) -> io::Result<Vec<u8>> {
        let bytes = &self.node(name)?.current;
        let start = (offset as usize).min(bytes.len());
        let end = start.saturating_add(n_bytes).min(bytes.len());
        Ok(bytes[start..end].to_vec())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let outcome = self.step();
        let used: usize = self
            .names
            .values()
            .map(|it| self.nodes[*it].current.len())
            .sum();
        let offset = offset as usize;
        let capacity = self.capacity;
        let node = self.node_mut(name);
        let grows = (offset + bytes.len()).saturating_sub(node.current.len());
        if capacity.is_some_and(|capacity| used + grows > capacity) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        // One that fails may have reached the disk in part.
        node.unsynced.push(Change::Write(offset, bytes.to_vec()));
        let needed = (offset + bytes.len()).max(node.current.len());
        node.current.resize(needed, 0);
        node.current[offset..offset + bytes.len()].copy_from_slice(bytes);
        outcome
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.step()?;
        let node = self.node_mut(name);
        node.durable.clone_from(&node.current);
        node.unsynced.clear();
        Ok(())
    }

    fn truncate(&mut self, name: &str, n_bytes: u64) -> io::Result<()> {
        self.step()?;
        let node = self.node_mut(name);
        node.current.resize(n_bytes as usize, 0);
        node.unsynced.push(Change::Truncate(n_bytes as usize));
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        self.node(from)?;
        let change = NameChange::Rename(from.to_owned(), to.to_owned());
        apply_name(&mut self.names, change.clone());
        self.unsynced_names.push(change);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.step()?;
        self.node(name)?;
        self.names.remove(name);
        self.unsynced_names
            .push(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.step()?;
        self.durable_names.clone_from(&self.names);
        self.unsynced_names.clear();
        Ok(())
    }
}
