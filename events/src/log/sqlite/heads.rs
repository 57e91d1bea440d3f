//! Where each stream stands, for the streams that were written to lately.

use std::collections::HashMap;

use crate::id::StreamId;
use crate::recorded::{Hash, Version};

/// Where a stream stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Its number in the file; none where it is not there yet.
    pub(super) id: Option<i64>,
    pub(super) version: Version,
    pub(super) hash: Hash,
}

/// How many streams a generation holds.
const GENERATION: usize = 65_536;

/// A cache in two generations: what was not used during a whole one is forgotten.
#[derive(Debug, Default)]
pub(super) struct Heads {
    young: HashMap<StreamId, Head>,
    old: HashMap<StreamId, Head>,
}

impl Heads {
    pub(super) fn get(&self, stream: &StreamId) -> Option<Head> {
        self.young.get(stream).or_else(|| self.old.get(stream)).copied()
    }

    pub(super) fn put(&mut self, stream: StreamId, head: Head) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream, head);
    }

    /// Forgets everything: what was believed may not be so.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
