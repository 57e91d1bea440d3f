//! What can be asked of a conversation, by people and by the effects that come back.
//!
//! Never here: what follows from it; the rules are in the modules beside this one.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::event::{Opened, Summarised};
use super::terms::{AnswerContent, ModelRef, Plan, Resolution, Usage};
use crate::effect::Class;
use crate::id::{CallId, ConnectionId, MessageId};
use crate::outcome::Failure;
use crate::sealed::Sealed;

/// What can be asked of a conversation.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Command {
    /// Open it.
    Open(Opened),
    /// Give it a title, as a person.
    Rename {
        /// The title.
        title: Sealed<String>,
    },
    /// Give it a title made from what was said, if it has none.
    SetTitle {
        /// The title.
        title: Sealed<String>,
    },
    /// Delete it, and stop what is under way.
    Delete,
    /// Say something.
    PostMessage(Post),
    /// Go on in the branch that holds a message.
    SelectBranch {
        /// A message of a person in that branch; its newest continuation is selected.
        message: MessageId,
    },
    /// Record what a model answered.
    RecordAnswer(Answer),
    /// Record that no answer came.
    RecordCompletionFailure {
        /// The turn.
        turn: MessageId,
        /// Which answer of it.
        round: u32,
        /// Which try.
        attempt: u32,
        /// Why.
        failure: CompletionFailure,
    },
    /// Record a summary.
    RecordSummary(Summarised),
    /// Record that no summary came.
    RecordSummaryFailure {
        /// The turn that needs it.
        turn: MessageId,
        /// Which try.
        attempt: u32,
        /// Why.
        failure: CompletionFailure,
    },
    /// Approve a proposed call with exactly these arguments.
    ApproveCall {
        /// The call.
        call: CallId,
        /// The `arguments_hash` of what is approved.
        arguments_hash: String,
    },
    /// Decline a proposed call.
    DeclineCall {
        /// The call.
        call: CallId,
    },
    /// Let a proposal lapse, if its moment has come.
    ExpireCall {
        /// The call.
        call: CallId,
    },
    /// Record what came of a call.
    RecordOutcome {
        /// The call.
        call: CallId,
        /// Which try.
        attempt: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// Say what became of a call in doubt.
    ResolveCall {
        /// The call.
        call: CallId,
        /// What became of it.
        resolution: Resolution,
    },
    /// Stop a turn, or take back a message that waits for its turn.
    CancelTurn {
        /// The turn, by its person's message.
        turn: MessageId,
    },
}

/// Something that a person says.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// The message.
    pub message: MessageId,
    /// What is said.
    pub content: Sealed<String>,
    /// Its length in tokens, estimated.
    pub tokens: u32,
    /// The earlier message of a person in whose place it stands. That one is kept, in a branch
    /// of its own.
    pub edits: Option<MessageId>,
    /// How it shall be answered.
    pub plan: Plan,
    /// What to do while a turn is under way.
    pub when_busy: WhenBusy,
}

/// What becomes of a message that is posted while a turn is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits for its turn.
    Queue,
    /// It is refused.
    Refuse,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The turn.
    pub turn: MessageId,
    /// Which answer of the turn, from 1.
    pub round: u32,
    /// The model.
    pub model: ModelRef,
    /// The turns that the model was shown, by their person's messages, oldest first.
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
    pub calls: Vec<CheckedCall>,
}

/// A call that a model asked for, held against its tool.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedCall {
    /// The call.
    pub call: CallId,
    /// The message that its result will be.
    pub message: MessageId,
    /// The model's name for it.
    pub model_id: String,
    /// The tool, as the model named it.
    pub tool: String,
    /// The arguments.
    pub arguments: Sealed<Value>,
    /// The same within one account exactly where the arguments are.
    pub arguments_hash: String,
    /// Whether it can be made.
    pub check: Check,
}

/// Whether a call can be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// It can.
    Callable {
        /// What the world can notice of it.
        class: Class,
        /// Whether it deletes or overwrites what cannot be had back.
        destructive: bool,
        /// The connection through which it goes.
        connection: Option<ConnectionId>,
    },
    /// It cannot: no such tool, faulty arguments, no connection.
    Faulty {
        /// Why, in words for the model.
        error: Sealed<String>,
    },
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq)]
pub struct CompletionFailure {
    /// The kind of failure, in snake case.
    pub code: String,
    /// In words.
    pub error: Sealed<String>,
    /// Whether the same model may answer later.
    pub retryable: bool,
    /// Not before this moment, where the provider named one.
    pub retry_after: Option<DateTime<Utc>>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Succeeded {
        /// What the tool answered.
        result: Sealed<Value>,
        /// What models are shown, where the result is too long for them.
        shown: Option<Sealed<String>>,
        /// The length of what models are shown, in tokens, estimated.
        tokens: u32,
    },
    /// It failed.
    Failed(Failure),
}
