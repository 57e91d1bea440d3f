//! The names of things: newtypes over integers, UUIDs and stream names.
//!
//! Clients see integers (and UUIDs for agents). Integers come from blocks that a node
//! reserves in the log, so they are small, unique and safe with several nodes; a
//! reservation is a block of [`crate::counter`]. Never here: minting. The server's clock does that.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! integer_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// The kind of thing this numbers, as it stands in stream names.
            pub const KIND: &'static str = $kind;
            /// The stream in which the life of this thing is kept.
            pub fn stream(self) -> StreamId {
                StreamId::new(Self::KIND, &self.0.to_string())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

integer_ids! {
    /// A tenant: whoever signs in and owns things.
    AccountId = "account";
    /// A workflow.
    WorkflowId = "workflow";
    /// One run of a workflow.
    ExecutionId = "execution";
    /// A step of one version of a workflow; a changed workflow has new ones.
    StepId = "step";
    /// An account's access to a platform or a server.
    ConnectionId = "connection";
    /// A conversation.
    ConversationId = "conversation";
    /// A message of a conversation.
    MessageId = "message";
}

/// One call of a tool. It is also the idempotency key that a platform is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub Uuid);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a stream: a kind, a hyphen, and what tells this one from its siblings,
/// such as `execution-17`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// The stream of the thing `key` of a kind.
    pub fn new(kind: &str, key: &str) -> Self {
        Self(format!("{kind}-{key}").into())
    }

    /// A name read back from a log or given by a person; none when it has no kind.
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, key) = name.split_once('-')?;
        (!kind.is_empty() && !key.is_empty()).then(|| Self(name.into()))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first hyphen: `execution`.
    pub fn kind(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(kind, _)| kind)
    }

    /// What stands after the first hyphen: `17`.
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, key)| key)
    }

    /// The key as an integer, where it is one.
    pub fn number(&self) -> Option<i64> {
        self.key().parse().ok()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for StreamId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom("a stream is named <kind>-<key>"))
    }
}
