//! One enum over the events of every kind: what a reader of the whole log sees.
//!
//! Decoding brings old shapes to the present one first. Never here: what an event leads to.

use crate::decider::Event;
use crate::recorded::Recorded;
use crate::upcast::{self, UpcastError};
use crate::{
    account, call, checkpoint, claim, collection, connection, conversation, counter, execution,
    workflow,
};

/// Why a stored event cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No kind has events of this type; a newer build may.
    #[error("event type {0} is unknown to this build")]
    Unknown(String),
    /// It has a shape that this build does not know.
    #[error(transparent)]
    Shape(#[from] UpcastError),
    /// Its content does not have the shape it claims.
    #[error("the content of {0} is not readable: {1}")]
    Content(String, #[source] serde_json::Error),
}

/// Reads an event of one kind; none where it is of another.
fn decode<E: Event>(recorded: &Recorded) -> Option<Result<E, DecodeError>> {
    let event_type = &*recorded.event_type;
    let (_, known) = E::TYPES.iter().find(|(name, _)| *name == event_type)?;
    let unreadable = |error| DecodeError::Content(event_type.to_owned(), error);
    if recorded.schema == *known {
        return Some(E::decode(event_type, &recorded.data)?.map_err(unreadable));
    }
    let present = serde_json::from_str(&recorded.data).map_err(unreadable).and_then(|old| {
        let table = upcast::UPCASTS;
        Ok(upcast::upcast(table, event_type, recorded.schema, *known, old)?.to_string())
    });
    match present {
        Ok(data) => Some(E::decode(event_type, &data)?.map_err(unreadable)),
        Err(error) => Some(Err(error)),
    }
}

/// Reads an event that must be of one kind.
pub fn decode_as<E: Event>(recorded: &Recorded) -> Result<E, DecodeError> {
    decode(recorded).unwrap_or_else(|| Err(DecodeError::Unknown(recorded.event_type.to_string())))
}

macro_rules! facts {
    ($($variant:ident($kind:ident),)*) => {
        /// An event of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Fact {
            $(
                #[doc = concat!("An event of the kind `", stringify!($kind), "`.")]
                $variant($kind::Event),
            )*
        }

        impl Fact {
            /// Every event type with its present schema version.
            pub fn types() -> impl Iterator<Item = (&'static str, u16)> {
                [$($kind::Event::TYPES),*].into_iter().flatten().copied()
            }

            /// Reads an event of any kind.
            pub fn decode(recorded: &Recorded) -> Result<Self, DecodeError> {
                $(if let Some(event) = decode::<$kind::Event>(recorded) {
                    return event.map(Self::$variant);
                })*
                Err(DecodeError::Unknown(recorded.event_type.to_string()))
            }
        }
    };
}

facts! {
    Execution(execution),
    Call(call),
    Workflow(workflow),
    Account(account),
    Collection(collection),
    Counter(counter),
    Claim(claim),
    Connection(connection),
    Conversation(conversation),
    Checkpoint(checkpoint),
}
