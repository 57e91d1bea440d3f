//! Where streams stand: what a checkpoint binds.
//!
//! Kept are only the streams that something happened in since the checkpoint before, so a
//! checkpoint costs what happened since then, however long the log is. Never here: signing.

use std::collections::BTreeMap;

use super::merkle;
use crate::id::StreamId;
use crate::recorded::{Hash, Position, Recorded, Version};

/// The heads of streams over a part of the log.
#[derive(Debug, Default)]
pub struct Heads {
    after: Position,
    up_to: Position,
    heads: BTreeMap<StreamId, (Version, Hash)>,
}

impl Heads {
    /// Of the part that begins after a position.
    pub fn after(after: Position) -> Self {
        Self { after, up_to: after, heads: BTreeMap::new() }
    }

    /// Takes in the next event.
    pub fn note(&mut self, event: &Recorded) {
        self.heads.insert(event.stream.clone(), (event.version, event.hash));
        self.up_to = event.position;
    }

    /// Where the part begins: after this position.
    pub fn begins_after(&self) -> Position {
        self.after
    }

    /// The position of the last event that was taken in.
    pub fn up_to(&self) -> Position {
        self.up_to
    }

    /// In how many streams something happened.
    pub fn streams(&self) -> u64 {
        self.heads.len() as u64
    }

    /// The root of the Merkle tree over the heads, in the order of the streams' names. A leaf
    /// is the length of the name (4 bytes), the name, the version (8 bytes) and the hash.
    pub fn root(&self) -> Hash {
        let leaves = self.heads.iter().map(|(stream, (version, hash))| {
            let name = stream.as_str();
            let (length, version) = ((name.len() as u32).to_be_bytes(), version.0.to_be_bytes());
            merkle::leaf(&[&length[..], name.as_bytes(), &version, &hash.0].concat())
        });
        Hash(merkle::root(&leaves.collect::<Vec<_>>()))
    }
}
