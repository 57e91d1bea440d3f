//! An event in its place: where it stands, when it happened, on whose behalf and why.
//!
//! Never here: what an event means (that is its kind's module) or how it is stored.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::{AccountId, StreamId};

/// The place of an event among all events. It grows; clients must not count with it,
/// since other engines leave gaps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many events a stream holds; the first event of a stream makes version 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version after `count` more events.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0 + count as u64)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who asked for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The hub itself: an effect's outcome, an alarm, a restart.
    Hub,
    /// A person or program signed in to this account.
    Account(AccountId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub => f.write_str("hub"),
            Self::Account(id) => write!(f, "account:{id}"),
        }
    }
}

impl std::str::FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        if text == "hub" {
            return Ok(Self::Hub);
        }
        text.strip_prefix("account:")
            .and_then(|id| id.parse().ok())
            .map(|id| Self::Account(AccountId(id)))
            .ok_or_else(|| UnknownActor(text.to_owned()))
    }
}

/// An actor that is written in no known way.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` names no actor; expected `hub` or `account:<number>`")]
pub struct UnknownActor(String);

/// What every event of one append has in common beside its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Whose it is; none for the hub's own bookkeeping.
    pub account: Option<AccountId>,
    /// Who asked for it.
    pub actor: Actor,
    /// The request or alarm that began everything with this value.
    pub correlation: Uuid,
    /// The position of the event that led to this one, where one did.
    pub causation: Option<Position>,
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place among all events.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in that stream, from 1.
    pub version: Version,
    /// Its wire name, such as `execution.step_started`.
    pub event_type: Arc<str>,
    /// Which shape of that type `data` has.
    pub schema: u16,
    /// When, for whom, by whom and why.
    pub context: Context,
    /// The content: a JSON object.
    pub data: Arc<str>,
    /// SHA-256 over the stream's previous hash and all of the above but the position.
    pub hash: Hash,
}

/// A link of a stream's chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Hash {
    /// The hash of the event that follows this one in `stream`. Positions are left out,
    /// so that a copy in another engine has the same chain. Every part of varying length
    /// is preceded by its length.
    #[must_use]
    pub fn next(
        &self,
        stream: &StreamId,
        version: Version,
        event_type: &str,
        schema: u16,
        context: &Context,
        data: &str,
    ) -> Self {
        let mut digest = Sha256::new();
        digest.update(self.0);
        for text in [stream.as_str(), event_type] {
            digest.update((text.len() as u32).to_be_bytes());
            digest.update(text);
        }
        digest.update(version.0.to_be_bytes());
        digest.update(schema.to_be_bytes());
        digest.update(context.at.timestamp_micros().to_be_bytes());
        digest.update(context.account.map_or(0, |id| id.0).to_be_bytes());
        digest.update(match context.actor {
            Actor::Hub => 0i64.to_be_bytes(),
            Actor::Account(id) => id.0.to_be_bytes(),
        });
        digest.update(context.correlation.as_bytes());
        digest.update(context.causation.map_or(0, |position| position.0).to_be_bytes());
        digest.update((data.len() as u32).to_be_bytes());
        digest.update(data);
        Self(digest.finalize().into())
    }
}

impl Recorded {
    /// Whether this event's hash follows from `previous`, the one before it in its stream.
    pub fn follows(&self, previous: &Hash) -> bool {
        let Self { stream, version, event_type, schema, context, data, .. } = self;
        previous.next(stream, *version, event_type, *schema, context, data) == self.hash
    }
}
