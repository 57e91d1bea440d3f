//! Waiting until a turn rests: it is over, or only a person's approval is missing.
//!
//! Read from the log, so nothing is missed and nothing is asked of the actor meanwhile. Never
//! here: what clients are told.

use std::collections::HashSet;
use std::time::Duration;

use hub_events::Version;
use hub_events::conversation::{Event, Verdict};
use hub_events::fact::decode_as;
use hub_events::id::{CallId, ConversationId, MessageId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use crate::Hub;
use crate::feed::Signal;
use crate::http::problem::Problem;

/// How many events are read at a time.
const PAGE: usize = 200;

/// One turn, as far as waiting for it goes.
#[derive(Debug)]
pub(super) struct Turn {
    turn: MessageId,
    over: bool,
    running: HashSet<CallId>,
    proposed: HashSet<CallId>,
}

impl Turn {
    /// The turn of a message.
    pub(super) fn of(turn: MessageId) -> Self {
        Self { turn, over: false, running: HashSet::new(), proposed: HashSet::new() }
    }

    /// Whether it is over.
    pub(super) fn over(&self) -> bool {
        self.over
    }

    /// Takes the next event of the conversation in; whether the turn rests then.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        match event {
            Event::Answered(answered) if answered.turn == self.turn => {
                for call in &answered.calls {
                    match call.verdict {
                        Verdict::Ready { .. } => drop(self.running.insert(call.call)),
                        Verdict::NeedsApproval { .. } => drop(self.proposed.insert(call.call)),
                        Verdict::Rejected { .. } | Verdict::Withheld { .. } => {}
                    }
                }
            }
            Event::CallApproved(approved) => {
                if self.proposed.remove(&approved.call) {
                    self.running.insert(approved.call);
                }
            }
            Event::TurnCompleted(it) => self.over |= it.turn == self.turn,
            Event::TurnFailed(it) => self.over |= it.turn == self.turn,
            Event::TurnCancelled(it) => self.over |= it.turn == self.turn,
            Event::Deleted(_) => self.over = true,
            _ => {
                if let Some(call) = settled(event) {
                    self.running.remove(&call);
                    self.proposed.remove(&call);
                }
            }
        }
        self.over || (self.running.is_empty() && !self.proposed.is_empty())
    }
}

/// The call that an event settles.
pub(super) fn settled(event: &Event) -> Option<CallId> {
    match event {
        Event::CallSucceeded(it) => Some(it.call),
        Event::CallFailed(it) if it.retry_at.is_none() => Some(it.call),
        Event::CallDoubted(it) => Some(it.call),
        Event::CallDeclined(it) => Some(it.call),
        Event::CallExpired(it) => Some(it.call),
        _ => None,
    }
}

/// Reads a conversation's events after a version until one of them is what is waited for, or the
/// time is up.
pub(super) async fn until(
    hub: &Hub,
    conversation: ConversationId,
    after: Version,
    wait: Duration,
    mut found: impl FnMut(&Event) -> bool,
) -> Result<(), Problem> {
    let stream = conversation.stream();
    let deadline = Instant::now() + wait;
    let mut signals = hub.feed.listen(&stream);
    let mut at = after;
    loop {
        let page = hub.log.read_stream(&stream, at, PAGE).await?;
        let mut rests = false;
        for recorded in &page {
            at = recorded.version;
            rests = found(&decode_as::<Event>(recorded)?);
        }
        if rests {
            return Ok(());
        }
        if page.len() < PAGE {
            match timeout_at(deadline, moved(&mut signals)).await {
                Ok(true) => {}
                Ok(false) => signals = hub.feed.listen(&stream),
                Err(_) => return Ok(()),
            }
        }
    }
}

/// Waits until the stream has moved, perhaps; else nobody tells here any more.
async fn moved(signals: &mut Receiver<Signal>) -> bool {
    loop {
        match signals.recv().await {
            Ok(Signal::Appended(_)) | Err(RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            Err(RecvError::Closed) => return false,
        }
    }
}
