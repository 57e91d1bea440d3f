//! Checking a log: gapless versions, unbroken chains, readable events.
//!
//! Never here: reading an engine. Events are fed in, in the order of their positions.

use std::collections::HashMap;

use crate::fact::Fact;
use crate::id::StreamId;
use crate::recorded::{Hash, Position, Recorded, Version};

/// The state of a check: where each stream stands.
#[derive(Debug, Default)]
pub struct Chain {
    heads: HashMap<StreamId, (Version, Hash)>,
    position: Position,
    events: u64,
}

/// The first thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("position {position}, stream {stream}: {what}")]
pub struct Fault {
    /// Where.
    pub position: Position,
    /// In which stream.
    pub stream: StreamId,
    /// What is wrong.
    pub what: String,
}

impl Chain {
    /// Checks the next event and goes on from it.
    pub fn check(&mut self, event: &Recorded) -> Result<(), Fault> {
        let fault =
            |what: String| Fault { position: event.position, stream: event.stream.clone(), what };
        if event.position <= self.position {
            return Err(fault(format!("comes after position {}", self.position)));
        }
        let (version, hash) = self.heads.get(&event.stream).copied().unwrap_or_default();
        if event.version != version.plus(1) {
            return Err(fault(format!("version {} follows version {version}", event.version)));
        }
        if !event.follows(&hash) {
            return Err(fault("the hash does not follow from the one before".to_owned()));
        }
        Fact::decode(event).map_err(|error| fault(error.to_string()))?;
        self.heads.insert(event.stream.clone(), (event.version, event.hash));
        self.position = event.position;
        self.events += 1;
        Ok(())
    }

    /// How many events were checked.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many streams they belong to.
    pub fn streams(&self) -> usize {
        self.heads.len()
    }

    /// The last position that was checked.
    pub fn position(&self) -> Position {
        self.position
    }
}
