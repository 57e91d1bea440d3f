//! The closed list of what a state can wait for, and the classes of what tools do outside.
//!
//! Never here: how an effect is carried out. The server's `effects/` has a function for each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{CallId, MessageId};

/// Something a state waits for. Two equal effects are the same piece of work: the actor
/// starts those that are pending and not in flight, and drops those in flight that are no
/// longer pending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Evaluate a step's condition and fill in its arguments; where the tool only reads,
    /// call it at once.
    Prepare {
        /// The step's number.
        step: u32,
        /// Which try of this step, from 1.
        attempt: u32,
    },
    /// Call the tool of a step whose intent is on record.
    Call {
        /// The step's number.
        step: u32,
        /// Which try of this step, from 1.
        attempt: u32,
    },
    /// Let a sleeping step go on.
    Wake {
        /// The step's number.
        step: u32,
    },
    /// Have a model answer in a turn.
    Complete {
        /// The turn, by its person's message.
        turn: MessageId,
        /// Which answer of the turn, from 1.
        round: u32,
        /// Which try of this answer, from 1.
        attempt: u32,
    },
    /// Have a model summarise what a turn is too long to be shown.
    Summarise {
        /// The turn that waits for it, by its person's message.
        turn: MessageId,
        /// The newest turn that goes into the summary.
        up_to: MessageId,
        /// Which try, from 1.
        attempt: u32,
    },
    /// Make a call that a model asked for and whose intent is on record.
    CallTool {
        /// The call.
        call: CallId,
        /// Which try of it, from 1.
        attempt: u32,
    },
    /// Let the proposal of a call lapse that nobody approved in time.
    Expire {
        /// The call.
        call: CallId,
    },
}

/// An effect and the moment before which it must not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What to do.
    pub effect: Effect,
    /// Not before this moment; at once where none is given.
    pub due: Option<DateTime<Utc>>,
}

impl Pending {
    /// An effect that may start at once.
    pub fn now(effect: Effect) -> Self {
        Self { effect, due: None }
    }

    /// An effect that must not start before `due`.
    pub fn at(effect: Effect, due: DateTime<Utc>) -> Self {
        Self { effect, due: Some(due) }
    }
}

/// What the world can notice of a call, and therefore what a crash in its middle means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing changes outside: just again.
    Read,
    /// Repeating changes nothing more: again.
    Idempotent,
    /// The platform takes an idempotency key, which is the call's id: again with that key.
    Keyed,
    /// None of these: never sent again by itself. Doubt is settled by a person.
    AtMostOnce,
}

impl Class {
    /// Whether a call that may or may not have happened can simply be made again.
    pub fn repeatable(self) -> bool {
        !matches!(self, Self::AtMostOnce)
    }
}
