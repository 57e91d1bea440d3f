//! What a model is shown of a conversation: read back from the events, in order.
//!
//! The state says which messages are in the window; their words are in the log. Never here:
//! which messages those are.

use std::collections::{HashMap, HashSet};

use hub_events::Version;
use hub_events::conversation::{Conversation, Event, RequestedCall, Verdict};
use hub_events::fact::decode_as;
use hub_events::id::{CallId, MessageId};
use hub_events::sealed::Sealed;
use serde_json::Value;

use super::super::{Accident, Outside};
use super::Talk;
use crate::llm::Message;

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// What the model is told of a call whose outcome is not known.
const IN_DOUBT: &str = "It is not known whether this call took effect: the hub was interrupted \
                        while it was under way. It was not repeated. Do not call it again; tell \
                        the user that it is in doubt and can be settled by them.";

/// What it is told of calls that did not happen.
const DECLINED: &str = "The user declined this call. Do not ask for it again unless they say so.";
const LAPSED: &str = "Nobody approved this call in time, so it was not made.";
const CANCELLED: &str = "The turn was cancelled before this call was done.";

/// An event of the window that is shown.
enum Shown {
    /// A person's words.
    Posted(Sealed<String>),
    /// An answer, with the calls that it asks for.
    Answered(Sealed<hub_events::conversation::AnswerContent>, Vec<RequestedCall>),
    /// What came before, in short.
    Summary(Sealed<String>),
}

/// What became of a call.
enum Settled {
    Result(Sealed<Value>),
    Text(Sealed<String>),
    Error(Sealed<String>),
    Said(&'static str),
}

/// The events of the window, folded.
#[derive(Default)]
struct Fold {
    shown: Vec<Shown>,
    settled: HashMap<CallId, Settled>,
}
