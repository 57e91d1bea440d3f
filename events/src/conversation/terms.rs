//! The words that events and commands of a conversation have in common.
//!
//! Never here: rules, or state.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effect::Class;
use crate::id::{CallId, ConnectionId, MessageId};
use crate::sealed::Sealed;

/// A model of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelRef {
    /// The provider.
    pub provider: String,
    /// The model, as its provider names it.
    pub model: String,
}

/// How a message shall be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The message that the answer will be.
    pub reply: MessageId,
    /// The provider or model that was asked for in so many words.
    pub provider: Option<String>,
    /// The models to ask: the first, and those that stand in for it, in their order.
    pub models: Vec<ModelRef>,
    /// How much the turn may use up.
    pub limits: Limits,
    /// Which calls a person must approve.
    pub approval: Approval,
}

/// How much a turn may use up. What it has reached is its last answer's to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many answers may lead to calls.
    pub rounds: u32,
    /// Tokens, read and written.
    pub tokens: u64,
    /// Money, in millionths of a US dollar; without limit where there is none.
    pub cost_micros: Option<u64>,
    /// Calls.
    pub calls: u32,
    /// Time, in seconds; that of a person who is asked for approval does not count.
    pub time_s: u32,
    /// How much of the conversation a model is shown, in tokens, estimated. What went before
    /// is summarised.
    pub window: u32,
}

/// Which calls a person must approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Those that can never be repeated.
    pub at_most_once: bool,
    /// Those that delete or overwrite what cannot be had back.
    pub destructive: bool,
    /// How long a person has for it, in seconds.
    pub time_s: u32,
}

/// What a model said and asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerContent {
    /// The words; may be empty.
    pub text: String,
    /// The calls, in its order.
    pub calls: Vec<AskedCall>,
}

/// A call in the model's own words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedCall {
    /// The model's name for it.
    pub id: String,
    /// The tool; there may be no such tool.
    pub name: String,
    /// The arguments, valid or not; text where they are no JSON.
    pub arguments: Value,
    /// What the provider wants to have back with the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Tokens that were used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All that were read, cached ones among them.
    pub input_tokens: u64,
    /// All that were written.
    pub output_tokens: u64,
    /// Those of the input that came from the provider's cache.
    pub cached_tokens: u64,
}

impl Usage {
    /// Read and written.
    pub fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// A call that a model asked for, and what shall become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestedCall {
    /// The call.
    pub call: CallId,
    /// The message that its result will be.
    pub message: MessageId,
    /// The model's name for it.
    pub model_id: String,
    /// The tool, as the model named it.
    pub tool: String,
    /// The arguments with which it is made.
    pub arguments: Sealed<Value>,
    /// Tells arguments apart without saying what they are: the same within one account exactly
    /// where they are.
    pub arguments_hash: String,
    /// What shall become of it.
    pub verdict: Verdict,
}

/// What shall become of a call that a model asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is made.
    Ready {
        /// What the world can notice of it.
        class: Class,
        /// The connection through which it goes.
        connection: Option<ConnectionId>,
    },
    /// It cannot be made, which the model is told.
    Rejected {
        /// Why, in words.
        error: Sealed<String>,
    },
    /// It is a proposal, made when a person approves it.
    NeedsApproval {
        /// What the world can notice of it.
        class: Class,
        /// The connection through which it goes.
        connection: Option<ConnectionId>,
        /// When the proposal lapses.
        expires_at: DateTime<Utc>,
    },
    /// It is not made, since the turn has used up what it may.
    Withheld {
        /// What is used up.
        note: Note,
    },
}

impl Verdict {
    /// What the world can notice of the call; none where it is never made.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Ready { class, .. } | Self::NeedsApproval { class, .. } => Some(*class),
            Self::Rejected { .. } | Self::Withheld { .. } => None,
        }
    }

    /// The connection through which the call goes, where it needs one.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Ready { connection, .. } | Self::NeedsApproval { connection, .. } => *connection,
            Self::Rejected { .. } | Self::Withheld { .. } => None,
        }
    }

    /// Whether the call is made, or will be if a person approves it.
    pub fn is_made(&self) -> bool {
        self.class().is_some()
    }
}

/// What a turn has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Answers that lead to calls.
    Rounds,
    /// Tokens.
    Tokens,
    /// Money.
    Money,
    /// Calls.
    Calls,
    /// Time.
    Time,
    /// Patience: the same call was asked for again and again.
    Repetition,
}

/// What became of a call in doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It took effect, with this result.
    Done(Sealed<Value>),
    /// It took none. It is not made again by itself; who wants it asks for it.
    NotDone,
}
