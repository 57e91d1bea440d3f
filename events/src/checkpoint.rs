//! What vouches for a part of the log (stream `checkpoint-log`): where the streams stood that
//! something happened in, signed with a key that is not in the log.
//!
//! Each part begins where the one before ends, so together they cover everything up to the
//! newest. Never here: the key, and checking a signature.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, events};
use crate::id::StreamId;
use crate::log::Heads;
use crate::recorded::Position;
use crate::refusal::Refusal;

events! {
    /// What can happen to the log as a whole.
    "checkpoint" {
        /// A part of the log was vouched for.
        Signed(Signed) = "signed" v 1,
    }
}

/// A part of the log was vouched for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The position after which the part begins: the end of the part before.
    pub after: Position,
    /// The position of its last event.
    pub up_to: Position,
    /// In how many streams something happened.
    pub streams: u64,
    /// The root of the Merkle tree over where those stood (hex, 32 bytes).
    pub root: String,
    /// The Ed25519 key that the signature is to be checked with (hex, 32 bytes).
    pub public_key: String,
    /// The signature (hex, 64 bytes).
    pub signature: String,
}

impl Signed {
    /// What is said of a part, not yet signed.
    pub fn of(heads: &Heads, public_key: String) -> Self {
        Self {
            after: heads.begins_after(),
            up_to: heads.up_to(),
            streams: heads.streams(),
            root: heads.root().to_string(),
            public_key,
            signature: String::new(),
        }
    }

    /// Whether the part is as it was.
    pub fn holds_for(&self, heads: &Heads) -> bool {
        self.after == heads.begins_after()
            && self.streams == heads.streams()
            && self.root == heads.root().to_string()
    }

    /// The words that the signature is over.
    pub fn message(&self) -> String {
        let Self { after, up_to, streams, root, .. } = self;
        format!("arrotech-hub checkpoint 1\n{after}\n{up_to}\n{streams}\n{root}\n")
    }
}

/// The stream of all checkpoints.
pub fn stream() -> StreamId {
    StreamId::new(Checkpoints::KIND, "log")
}

/// Put a checkpoint on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign(pub Signed);

/// The checkpoints of a log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Checkpoints {
    up_to: Position,
}

impl Checkpoints {
    /// Up to where the log is vouched for.
    pub fn up_to(&self) -> Position {
        self.up_to
    }
}

impl Decider for Checkpoints {
    const KIND: &'static str = "checkpoint";
    const STATE_VERSION: u32 = 1;
    type Command = Sign;
    type Event = Event;

    /// One that does not begin where the last one ends decides to nothing: another was faster.
    fn decide(&self, Sign(signed): Sign, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let next = signed.after == self.up_to && signed.up_to > self.up_to;
        Ok(if next { vec![Event::Signed(signed)] } else { Vec::new() })
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Signed(Signed { up_to, .. }) => self.up_to = *up_to,
        }
    }
}

#[cfg(test)]
mod tests;
