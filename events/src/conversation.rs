//! A conversation: what was said, and the turn under way that answers.
//!
//! ```text
//! PostMessage ──> queued ──> answering ──(no calls)──> completed
//!                   │         │  ▲  │
//!                   │         │  │  ├──no model answers──> failed
//!                   │         │  │  └──CancelTurn──> cancelled
//!                   │    calls│  │all settled
//!                   │         ▼  │
//!                   │        calling: each ready call is made; a proposed one waits
//!                   └──CancelTurn──> cancelled           for ApproveCall or DeclineCall
//! ```
//!
//! One turn is under way at a time; the next message's begins in the same batch in which it
//! ends. A message that edits an earlier one opens a branch beside it. Never here: what is
//! said. The state knows where it stands in the stream, and those who need it read it there.

mod branches;
mod command;
mod event;
mod terms;
mod turn;

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decider::Decider;
use crate::effect::Pending;
use crate::id::{AccountId, CallId, ConversationId, MessageId};
use crate::outcome::Doubt;
use crate::recorded::Version;
use crate::refusal::{Kind, Refusal};

use branches::Branches;
pub use branches::{Stretch, SummaryPlace, Window};
pub use command::{
    Answer, Check, CheckedCall, Command, CompletionFailure, Outcome, Post, WhenBusy,
};
pub use event::{
    Answered, Author, BranchSelected, CallApproved, CallDeclined, CallDoubted, CallExpired,
    CallFailed, CallResolved, CallSucceeded, CompletionFailed, Deleted, Event, MessagePosted,
    Opened, Summarised, SummaryFailed, Titled, TurnCancelled, TurnCompleted, TurnFailed,
    TurnLimited, TurnStarted,
};
pub use terms::{
    AnswerContent, Approval, AskedCall, Limits, ModelRef, Note, Plan, RequestedCall, Resolution,
    Usage, Verdict,
};
pub use turn::{OpenCall, Stage, Turn};

/// The turn under way, the hash of the proposed arguments, and when the proposal lapses.
type Proposal<'a> = (&'a Turn, &'a str, DateTime<Utc>);

/// How many messages may wait for their turn.
const LONGEST_QUEUE: usize = 32;

/// A conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Conversation {
    version: Version,
    begun: Option<(ConversationId, AccountId)>,
    titled: bool,
    deleted: bool,
    branches: Branches,
    /// Messages that wait for their turn, and how they shall be answered.
    queue: VecDeque<(MessageId, Plan)>,
    turn: Option<Turn>,
    /// Calls in doubt, with their turns.
    doubts: Vec<(CallId, MessageId)>,
}

impl Conversation {
    /// Which one it is, once it is open.
    pub fn id(&self) -> Option<ConversationId> {
        self.begun.map(|(conversation, _)| conversation)
    }

    /// Whose it is, once it is open.
    pub fn account(&self) -> Option<AccountId> {
        self.begun.map(|(_, account)| account)
    }

    /// The version of its stream.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether it has a title.
    pub fn titled(&self) -> bool {
        self.titled
    }

    /// Whether it was deleted.
    pub fn deleted(&self) -> bool {
        self.deleted
    }

    /// The turn under way.
    pub fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// The messages that wait for their turn, the next one first.
    pub fn queued(&self) -> impl Iterator<Item = MessageId> {
        self.queue.iter().map(|(message, _)| *message)
    }

    /// The calls in doubt.
    pub fn in_doubt(&self) -> impl Iterator<Item = CallId> {
        self.doubts.iter().map(|(call, _)| *call)
    }

    /// What a model is shown in the turn under way: the newest turns of its branch that fit
    /// into `tokens`, each whole, the turn itself in any case, and before them the newest
    /// summary.
    pub fn window(&self, tokens: u32) -> Window {
        let shown = |turn: &Turn| self.branches.window(turn.turn, tokens, self.version);
        self.turn.as_ref().map(shown).unwrap_or_default()
    }

    /// What is to be summarised for the turn under way, oldest first, after the summary before
    /// it; empty where nothing is.
    pub fn unsummarised(&self) -> Window {
        let Some(up_to) = self.to_summarise() else { return Window::default() };
        self.branches.up_to(up_to)
    }

    /// The newest turn that must be summarised before the turn under way goes on.
    fn to_summarise(&self) -> Option<MessageId> {
        let turn = self.turn.as_ref().filter(|turn| turn.wants_summary())?;
        self.branches.to_summarise(turn.turn, turn.plan.limits.window)
    }

    fn post(&self, post: Post, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Post { message, content, tokens, edits, plan, when_busy } = post;
        if self.branches.has(message) {
            return Ok(Vec::new());
        }
        let parent = match edits {
            Some(edited) => self.branches.parent(edited).ok_or_else(no_message)?,
            None => self.branches.leaf(),
        };
        if plan.models.is_empty() {
            let detail = "A message needs a model that answers it";
            return Err(Refusal::new(Kind::Invalid, "models_missing", detail));
        }
        let busy = self.turn.is_some();
        if busy && when_busy == WhenBusy::Refuse {
            let detail = "A turn is under way; wait for its end or cancel it";
            return Err(Refusal::new(Kind::Conflict, "turn_running", detail));
        }
        if self.queue.len() >= LONGEST_QUEUE {
            let detail = "Too many messages wait for their turn";
            return Err(Refusal::new(Kind::Limit, "messages_queued", detail));
        }
        let start = (!busy).then(|| started(message, &plan, at));
        let posted = MessagePosted { message, parent, content, tokens, plan };
        Ok(std::iter::once(Event::MessagePosted(posted)).chain(start).collect())
    }

    /// These events, and where they end the turn under way, the start of the next.
    fn go_on(&self, mut events: Vec<Event>, at: DateTime<Utc>) -> Vec<Event> {
        if events.iter().any(|event| event.ends(self.turn.as_ref()))
            && let Some((message, plan)) = self.queue.front()
        {
            events.push(started(*message, plan, at));
        }
        events
    }

    fn cancel(&self, message: MessageId, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let cancelled = |plan: &Plan| {
            Event::TurnCancelled(TurnCancelled { turn: message, message: plan.reply })
        };
        if let Some(turn) = self.turn.as_ref().filter(|turn| turn.turn == message) {
            let doubts = turn.doubts(Doubt::Cancelled);
            return Ok(self.go_on(doubts.chain([cancelled(&turn.plan)]).collect(), at));
        }
        match self.queue.iter().find(|(queued, _)| *queued == message) {
            Some((_, plan)) => Ok(vec![cancelled(plan)]),
            None if self.branches.has(message) => Ok(Vec::new()),
            None => Err(no_message()),
        }
    }

    /// Nothing waits for its turn afterwards.
    fn delete(&self) -> Vec<Event> {
        let doubts = self.turn.iter().flat_map(|turn| turn.doubts(Doubt::Cancelled));
        let running = self.turn.iter().map(|turn| (turn.turn, turn.plan.reply));
        let queued = self.queue.iter().map(|(message, plan)| (*message, plan.reply));
        let cancelled = running
            .chain(queued)
            .map(|(turn, message)| Event::TurnCancelled(TurnCancelled { turn, message }));
        doubts.chain(cancelled).chain([Event::Deleted(Deleted {})]).collect()
    }

    fn select(&self, message: MessageId) -> Result<Vec<Event>, Refusal> {
        if !self.branches.has(message) {
            return Err(no_message());
        }
        let message = self.branches.newest_after(message);
        if self.branches.leaf() == Some(message) {
            return Ok(Vec::new());
        }
        Ok(vec![Event::BranchSelected(BranchSelected { message })])
    }

    /// The turn under way and its proposal; none where the call is approved already.
    fn proposal(&self, call: CallId) -> Result<Option<Proposal<'_>>, Refusal> {
        let open = self.turn.as_ref().and_then(|turn| Some((turn, turn.call(call)?)));
        match open {
            Some((
                turn,
                OpenCall { stage: Stage::Proposed { arguments_hash, expires_at }, .. },
            )) => Ok(Some((turn, arguments_hash, *expires_at))),
            Some(_) => Ok(None),
            None => {
                let detail = "No proposal of this call waits for an answer";
                Err(Refusal::new(Kind::Conflict, "proposal_not_open", detail))
            }
        }
    }

    fn approve(&self, call: CallId, hash: &str, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Some((turn, proposed, expires_at)) = self.proposal(call)? else {
            return Ok(Vec::new());
        };
        if hash != proposed {
            let detail = "The proposed arguments are not those that were approved";
            return Err(Refusal::new(Kind::Conflict, "proposal_changed", detail));
        }
        if at >= expires_at {
            return Err(expired());
        }
        Ok(vec![Event::CallApproved(CallApproved { call, deadline: turn.deadline_from(at) })])
    }

    fn decline(&self, call: CallId, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        match self.proposal(call)? {
            Some((.., expires_at)) if at >= expires_at => Err(expired()),
            Some((turn, ..)) => {
                let deadline = turn.deadline_from(at);
                Ok(vec![Event::CallDeclined(CallDeclined { call, deadline })])
            }
            None => {
                let detail = "The call was approved already";
                Err(Refusal::new(Kind::Conflict, "proposal_not_open", detail))
            }
        }
    }

    fn expire(&self, call: CallId, at: DateTime<Utc>) -> Vec<Event> {
        match self.proposal(call) {
            Ok(Some((turn, _, expires_at))) if at >= expires_at => {
                vec![Event::CallExpired(CallExpired { call, deadline: turn.deadline_from(at) })]
            }
            _ => Vec::new(),
        }
    }

    fn resolve(&self, call: CallId, resolution: Resolution) -> Result<Vec<Event>, Refusal> {
        if self.in_doubt().all(|doubted| doubted != call) {
            let detail = "This call is not in doubt";
            return Err(Refusal::new(Kind::Conflict, "call_not_in_doubt", detail));
        }
        Ok(vec![Event::CallResolved(CallResolved { call, resolution })])
    }

    /// What follows from a command of an effect; nothing where it comes too late, or twice.
    fn record(&self, command: Command, at: DateTime<Utc>) -> Vec<Event> {
        let Some(running) = &self.turn else { return Vec::new() };
        match command {
            Command::RecordAnswer(answer) if running.awaits(answer.turn, answer.round) => {
                running.answer(answer, at)
            }
            Command::RecordCompletionFailure { turn, round, attempt, failure }
                if running.awaits(turn, round) && running.attempt == attempt =>
            {
                running.fail_completion(failure, at)
            }
            Command::RecordSummary(summarised)
                if summarised.turn == running.turn
                    && self.to_summarise() == Some(summarised.up_to) =>
            {
                vec![Event::Summarised(summarised)]
            }
            Command::RecordSummaryFailure { turn, attempt, failure }
                if turn == running.turn
                    && attempt == running.attempt
                    && self.to_summarise().is_some() =>
            {
                vec![running.fail_summary(failure, at)]
            }
            Command::RecordOutcome { call, attempt, outcome } => {
                running.record(call, attempt, outcome, at)
            }
            _ => Vec::new(),
        }
    }

    fn end_turn(&mut self, message: MessageId) {
        if self.turn.as_ref().is_some_and(|turn| turn.turn == message) {
            self.turn = None;
            self.branches.end(message, self.version);
        }
        self.queue.retain(|(queued, _)| *queued != message);
    }

    fn fold_turn(&mut self, fold: impl FnOnce(&mut Turn)) {
        if let Some(turn) = &mut self.turn {
            fold(turn);
        }
    }

    /// A call is settled, with so many tokens to be shown of it.
    fn settle(&mut self, call: CallId, tokens: u32) {
        if let Some(turn) = &mut self.turn {
            turn.close(call);
            self.branches.lengthen(turn.turn, tokens.into());
        }
    }
}

impl Event {
    /// Whether it ends this turn.
    fn ends(&self, turn: Option<&Turn>) -> bool {
        let ended = match self {
            Self::TurnCompleted(TurnCompleted { turn, .. })
            | Self::TurnFailed(TurnFailed { turn, .. })
            | Self::TurnCancelled(TurnCancelled { turn, .. }) => Some(*turn),
            _ => None,
        };
        ended.is_some() && ended == turn.map(|turn| turn.turn)
    }
}

fn started(turn: MessageId, plan: &Plan, at: DateTime<Utc>) -> Event {
    let deadline = turn::deadline(plan, at);
    Event::TurnStarted(TurnStarted { turn, reply: plan.reply, deadline })
}

fn missing() -> Refusal {
    Refusal::new(Kind::Missing, "conversation_missing", "Conversation not found")
}

fn no_message() -> Refusal {
    Refusal::new(Kind::Missing, "message_missing", "Message not found")
}

fn expired() -> Refusal {
    Refusal::new(Kind::Conflict, "proposal_expired", "The proposal has expired")
}

impl Decider for Conversation {
    const KIND: &'static str = ConversationId::KIND;
    const STATE_VERSION: u32 = 1;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Some((conversation, _)) = self.begun else {
            return match command {
                Command::Open(opened) => Ok(vec![Event::Opened(opened)]),
                _ => Err(missing()),
            };
        };
        match command {
            Command::Open(opened) if opened.conversation == conversation => Ok(Vec::new()),
            Command::Open(_) => {
                let detail = "The conversation is open already";
                Err(Refusal::new(Kind::Conflict, "conversation_opened", detail))
            }
            Command::Delete if self.deleted => Ok(Vec::new()),
            Command::Delete => Ok(self.delete()),
            Command::SetTitle { .. } if self.titled || self.deleted => Ok(Vec::new()),
            Command::SetTitle { title } => {
                Ok(vec![Event::Titled(Titled { title, by: Author::Hub })])
            }
            Command::ExpireCall { call } => Ok(self.expire(call, at)),
            Command::RecordAnswer(_)
            | Command::RecordCompletionFailure { .. }
            | Command::RecordSummary(_)
            | Command::RecordSummaryFailure { .. }
            | Command::RecordOutcome { .. } => Ok(self.go_on(self.record(command, at), at)),
            _ if self.deleted => Err(missing()),
            Command::Rename { title } => {
                Ok(vec![Event::Titled(Titled { title, by: Author::Person })])
            }
            Command::PostMessage(post) => self.post(post, at),
            Command::SelectBranch { message } => self.select(message),
            Command::ApproveCall { call, arguments_hash } => {
                self.approve(call, &arguments_hash, at)
            }
            Command::DeclineCall { call } => self.decline(call, at),
            Command::ResolveCall { call, resolution } => self.resolve(call, resolution),
            Command::CancelTurn { turn } => self.cancel(turn, at),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.version = self.version.plus(1);
        let version = self.version;
        match event {
            Event::Opened(Opened { conversation, account, title }) => {
                self.begun = Some((*conversation, *account));
                self.titled = title.is_some();
            }
            Event::Titled(_) => self.titled = true,
            Event::Deleted(_) => self.deleted = true,
            Event::MessagePosted(MessagePosted { message, parent, tokens, plan, .. }) => {
                self.branches.post(*message, *parent, *tokens, version);
                self.queue.push_back((*message, plan.clone()));
            }
            Event::BranchSelected(BranchSelected { message }) => self.branches.select(*message),
            Event::TurnStarted(TurnStarted { turn, deadline, .. }) => {
                let at = self.queue.iter().position(|(message, _)| message == turn);
                if let Some((_, plan)) = at.and_then(|at| self.queue.remove(at)) {
                    self.turn = Some(Turn::new(*turn, plan, *deadline));
                    self.branches.start(*turn, version);
                }
            }
            Event::Answered(answered) => {
                self.branches.lengthen(answered.turn, answered.usage.output_tokens);
                self.fold_turn(|turn| turn.fold_answer(answered, version));
            }
            Event::CompletionFailed(failed) => {
                self.fold_turn(|turn| turn.fold_completion_failure(failed));
            }
            Event::Summarised(Summarised { up_to, usage, cost_micros, .. }) => {
                self.branches.summarise(*up_to, version);
                self.fold_turn(|turn| turn.fold_summary(*usage, *cost_micros));
            }
            Event::SummaryFailed(failed) => {
                self.fold_turn(|turn| turn.fold_summary_failure(failed));
            }
            Event::TurnLimited(TurnLimited { note, .. }) => {
                self.fold_turn(|turn| turn.closing = Some(*note));
            }
            Event::CallApproved(CallApproved { call, deadline }) => {
                self.fold_turn(|turn| turn.fold_approval(*call, *deadline));
            }
            Event::CallDeclined(CallDeclined { call, deadline })
            | Event::CallExpired(CallExpired { call, deadline }) => {
                self.fold_turn(|turn| turn.deadline = *deadline);
                self.settle(*call, 0);
            }
            Event::CallSucceeded(CallSucceeded { call, tokens, .. }) => self.settle(*call, *tokens),
            Event::CallFailed(failed) => self.fold_turn(|turn| turn.fold_call_failure(failed)),
            Event::CallDoubted(CallDoubted { call, .. }) => {
                if let Some(turn) = &self.turn {
                    self.doubts.push((*call, turn.turn));
                }
                self.settle(*call, 0);
            }
            Event::CallResolved(CallResolved { call, .. }) => {
                let turn = self.doubts.iter().find(|(doubted, _)| doubted == call);
                if let Some(&(_, turn)) = turn {
                    self.branches.add_later(turn, version);
                }
                self.doubts.retain(|(doubted, _)| doubted != call);
            }
            Event::TurnCompleted(TurnCompleted { turn, .. })
            | Event::TurnFailed(TurnFailed { turn, .. })
            | Event::TurnCancelled(TurnCancelled { turn, .. }) => self.end_turn(*turn),
        }
    }

    fn pending(&self) -> Vec<Pending> {
        let up_to = self.to_summarise();
        self.turn.as_ref().map(|turn| turn.pending(up_to)).unwrap_or_default()
    }

    fn restarted(&self) -> Vec<Event> {
        self.turn.iter().flat_map(|turn| turn.doubts(Doubt::Restarted)).collect()
    }
}

#[cfg(test)]
mod tests;
