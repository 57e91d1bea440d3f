//! What can happen to a conversation, in its wire form.
//!
//! Never here: when it happens; the rules are in the modules beside this one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::terms::{AnswerContent, ModelRef, Note, Plan, RequestedCall, Resolution, Usage};
use crate::decider::events;
use crate::id::{AccountId, CallId, ConversationId, MessageId};
use crate::outcome::Doubt;
use crate::sealed::Sealed;

events! {
    /// What can happen to a conversation.
    "conversation" {
        /// It was opened.
        Opened(Opened) = "opened" v 1,
        /// It got a title.
        Titled(Titled) = "titled" v 1,
        /// Somebody deleted it.
        Deleted(Deleted) = "deleted" v 1,
        /// Somebody said something, which a turn will answer.
        MessagePosted(MessagePosted) = "message_posted" v 1,
        /// Another branch became the one that goes on.
        BranchSelected(BranchSelected) = "branch_selected" v 1,
        /// The turn of a message began.
        TurnStarted(TurnStarted) = "turn_started" v 1,
        /// A model answered; also the intent of the calls that are ready, on record before the
        /// world can notice.
        Answered(Answered) = "answered" v 1,
        /// No answer came of a try.
        CompletionFailed(CompletionFailed) = "completion_failed" v 1,
        /// What went before is kept as a summary for models.
        Summarised(Summarised) = "summarised" v 1,
        /// No summary came of a try.
        SummaryFailed(SummaryFailed) = "summary_failed" v 1,
        /// A turn has used up what it may: its next answer is its last.
        TurnLimited(TurnLimited) = "turn_limited" v 1,
        /// Somebody approved a proposed call.
        CallApproved(CallApproved) = "call_approved" v 1,
        /// Somebody declined a proposed call.
        CallDeclined(CallDeclined) = "call_declined" v 1,
        /// Nobody approved a proposed call in time.
        CallExpired(CallExpired) = "call_expired" v 1,
        /// A call is done.
        CallSucceeded(CallSucceeded) = "call_succeeded" v 1,
        /// A try of a call failed.
        CallFailed(CallFailed) = "call_failed" v 1,
        /// A call may or may not have taken effect, and is not repeated.
        CallDoubted(CallDoubted) = "call_doubted" v 1,
        /// Somebody said what became of a call in doubt.
        CallResolved(CallResolved) = "call_resolved" v 1,
        /// A turn has its answer.
        TurnCompleted(TurnCompleted) = "turn_completed" v 1,
        /// A turn failed for good.
        TurnFailed(TurnFailed) = "turn_failed" v 1,
        /// Somebody stopped a turn, or took back a message that waited for its turn.
        TurnCancelled(TurnCancelled) = "turn_cancelled" v 1,
    }
}

/// A conversation was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The conversation.
    pub conversation: ConversationId,
    /// Whose it is.
    pub account: AccountId,
    /// The title that a person gave it.
    pub title: Option<Sealed<String>>,
}

/// Who gave a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// A person.
    Person,
    /// The hub, from what was said.
    Hub,
}

/// A conversation got a title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Titled {
    /// The title.
    pub title: Sealed<String>,
    /// Who gave it.
    pub by: Author,
}

/// Somebody deleted the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {}

/// Somebody said something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessagePosted {
    /// The message, which also names its turn.
    pub message: MessageId,
    /// The message that it follows; none where it is the first of its branch.
    pub parent: Option<MessageId>,
    /// What was said.
    pub content: Sealed<String>,
    /// Its length in tokens, estimated.
    pub tokens: u32,
    /// How it shall be answered.
    pub plan: Plan,
}

/// Another branch became the one that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchSelected {
    /// The last message of a person in that branch.
    pub message: MessageId,
}

/// A turn began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnStarted {
    /// The turn, by its person's message.
    pub turn: MessageId,
    /// The message that its answer will be.
    pub reply: MessageId,
    /// When its time is used up.
    pub deadline: DateTime<Utc>,
}

/// A model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The turn.
    pub turn: MessageId,
    /// Which answer of the turn, from 1.
    pub round: u32,
    /// The model.
    pub model: ModelRef,
    /// The turns that the model was shown, by their person's messages, oldest first; each whole.
    pub window: Vec<MessageId>,
    /// The newest turn of the summary that stood before them.
    pub summary: Option<MessageId>,
    /// The tools that it could ask for.
    pub tools: Vec<String>,
    /// What it said and asked for.
    pub answer: Sealed<AnswerContent>,
    /// What was used up.
    pub usage: Usage,
    /// What it cost, in millionths of a US dollar, where the price is known.
    pub cost_micros: Option<u64>,
    /// Why it ended: `end`, `tools`, `length`, `refused` or `filtered`.
    pub stop: String,
    /// The calls that it asked for, in its order.
    pub calls: Vec<RequestedCall>,
}

/// No answer came of a try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletionFailed {
    /// The turn.
    pub turn: MessageId,
    /// Which answer of the turn, from 1.
    pub round: u32,
    /// Which try of it, from 1.
    pub attempt: u32,
    /// The model that was asked.
    pub model: ModelRef,
    /// The kind of failure, in snake case.
    pub code: String,
    /// What went wrong, in words.
    pub error: Sealed<String>,
    /// When the same model is asked again, if it is.
    pub retry_at: Option<DateTime<Utc>>,
    /// The model that is asked instead, if one is.
    pub next: Option<ModelRef>,
}

/// What went before is kept as a summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summarised {
    /// The turn that needed it.
    pub turn: MessageId,
    /// The newest turn in it, by its person's message; all before it in its branch are too.
    pub up_to: MessageId,
    /// The summary.
    pub summary: Sealed<String>,
    /// Its length in tokens, estimated.
    pub tokens: u32,
    /// The model that made it.
    pub model: ModelRef,
    /// What was used up.
    pub usage: Usage,
    /// What it cost, in millionths of a US dollar, where the price is known.
    pub cost_micros: Option<u64>,
}

/// No summary came of a try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryFailed {
    /// The turn that needed it.
    pub turn: MessageId,
    /// Which try, from 1.
    pub attempt: u32,
    /// The kind of failure, in snake case.
    pub code: String,
    /// What went wrong, in words.
    pub error: Sealed<String>,
    /// When it is tried again; where it is not, the turn goes on and shows the model less.
    pub retry_at: Option<DateTime<Utc>>,
}

/// A turn has used up what it may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnLimited {
    /// The turn.
    pub turn: MessageId,
    /// What is used up.
    pub note: Note,
}

/// Somebody approved a proposed call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallApproved {
    /// The call.
    pub call: CallId,
    /// When the turn's time is used up; it began anew, since a person's time is not the turn's.
    pub deadline: DateTime<Utc>,
}

/// Somebody declined a proposed call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallDeclined {
    /// The call.
    pub call: CallId,
    /// When the turn's time is used up; it began anew.
    pub deadline: DateTime<Utc>,
}

/// Nobody approved a proposed call in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallExpired {
    /// The call.
    pub call: CallId,
    /// When the turn's time is used up; it began anew.
    pub deadline: DateTime<Utc>,
}

/// A call is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallSucceeded {
    /// The call.
    pub call: CallId,
    /// What the tool answered.
    pub result: Sealed<Value>,
    /// What models are shown, where the result is too long for them.
    pub shown: Option<Sealed<String>>,
    /// The length of what models are shown, in tokens, estimated.
    pub tokens: u32,
}

/// A try of a call failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallFailed {
    /// The call.
    pub call: CallId,
    /// Which try, from 1.
    pub attempt: u32,
    /// The kind of failure, in snake case.
    pub code: String,
    /// What went wrong, in words.
    pub error: Sealed<String>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// When the call is made again under its name, if it is.
    pub retry_at: Option<DateTime<Utc>>,
}

/// A call may or may not have taken effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallDoubted {
    /// The call.
    pub call: CallId,
    /// Why it is in doubt.
    pub doubt: Doubt,
    /// What is known, in words.
    pub error: Option<Sealed<String>>,
}

/// Somebody said what became of a call in doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallResolved {
    /// The call.
    pub call: CallId,
    /// What became of it.
    pub resolution: Resolution,
}

/// A turn has its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnCompleted {
    /// The turn.
    pub turn: MessageId,
    /// The message that its last answer is.
    pub message: MessageId,
    /// What was used up, where that ended it.
    pub note: Option<Note>,
}

/// A turn failed for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnFailed {
    /// The turn.
    pub turn: MessageId,
    /// The message that its answer would have been.
    pub message: MessageId,
    /// The kind of failure, in snake case.
    pub code: String,
    /// What went wrong, in words.
    pub error: Sealed<String>,
}

/// Somebody stopped a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnCancelled {
    /// The turn.
    pub turn: MessageId,
    /// The message that its answer would have been.
    pub message: MessageId,
}
