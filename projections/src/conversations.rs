//! Conversations, their turns in all branches, and every call that a model asked for.
//!
//! A turn's row has a person's message and the answer to it; messages as clients see them are
//! read from turns and calls. Never here: words, arguments and results in the clear; they are
//! sealed, and the caller opens them.

mod messages;
mod place;
mod views;

use hub_events::conversation::Event;
use hub_events::fact::Fact;
use hub_events::recorded::Recorded;
use rusqlite::Connection;

use crate::columns::Micros;
use crate::projection::{ApplyError, Projection, number};
use place::Place;

pub use messages::{Body, MessageStatus, MessageView, Role, message, messages, siblings};
pub use views::{CallStatus, CallView, ConversationView, call, get, list, proposals};

/// The read model.
pub(crate) struct Conversations;

impl Projection for Conversations {
    fn name(&self) -> &'static str {
        "conversations"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE conversations (
            id INTEGER PRIMARY KEY,
            account INTEGER NOT NULL,
            title TEXT,
            leaf INTEGER,
            running INTEGER,
            created_at INTEGER NOT NULL,
            updated_at INTEGER,
            active INTEGER NOT NULL,
            version INTEGER NOT NULL,
            position INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX conversations_by_account ON conversations (account, active);
        CREATE TABLE turns (
            turn INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL,
            parent INTEGER,
            content TEXT NOT NULL,
            provider TEXT,
            posted_at INTEGER NOT NULL,
            reply INTEGER NOT NULL,
            status TEXT NOT NULL,
            answer TEXT,
            model TEXT,
            tokens_used INTEGER NOT NULL,
            cost_micros INTEGER,
            note TEXT,
            error_code TEXT,
            error TEXT,
            started_at INTEGER,
            ended_at INTEGER
        ) STRICT;
        CREATE INDEX turns_by_conversation ON turns (conversation, parent);
        CREATE INDEX turns_by_reply ON turns (reply);
        CREATE TABLE turn_calls (
            call BLOB PRIMARY KEY,
            account INTEGER NOT NULL,
            conversation INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            message INTEGER NOT NULL,
            model_id TEXT NOT NULL,
            tool TEXT NOT NULL,
            arguments TEXT NOT NULL,
            arguments_hash TEXT NOT NULL,
            class TEXT,
            connection INTEGER,
            status TEXT NOT NULL,
            expires_at INTEGER,
            result TEXT,
            error_code TEXT,
            error TEXT,
            asked_at INTEGER NOT NULL,
            settled_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX turn_calls_by_turn ON turn_calls (turn, seq);
        CREATE INDEX turn_calls_by_message ON turn_calls (message);
        CREATE INDEX turn_calls_by_conversation ON turn_calls (conversation);
        CREATE INDEX proposals ON turn_calls (account, asked_at) WHERE status = 'proposed';"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let Fact::Conversation(fact) = fact else { return Ok(()) };
        let place = Place {
            conversation: number(event)?,
            at: Micros(event.context.at),
            version: event.version.0,
            position: event.position.0,
        };
        match fact {
            Event::Opened(opened) => place.open(tx, opened)?,
            Event::Titled(titled) => place.title(tx, titled)?,
            Event::Deleted(_) => place.delete(tx)?,
            Event::MessagePosted(posted) => place.post(tx, posted)?,
            Event::BranchSelected(selected) => place.select(tx, selected)?,
            Event::TurnStarted(started) => place.start(tx, started)?,
            Event::Answered(answered) => place.answer(tx, answered)?,
            Event::Summarised(summarised) => place.summarise(tx, summarised)?,
            Event::CallApproved(it) => place.approve(tx, it.call)?,
            Event::CallDeclined(it) => place.settle(tx, it.call, CallStatus::Declined)?,
            Event::CallExpired(it) => place.settle(tx, it.call, CallStatus::Expired)?,
            Event::CallSucceeded(succeeded) => place.succeed(tx, succeeded)?,
            Event::CallFailed(failed) => place.fail_call(tx, failed)?,
            Event::CallDoubted(doubted) => place.doubt(tx, doubted)?,
            Event::CallResolved(resolved) => place.resolve(tx, resolved)?,
            Event::TurnCompleted(completed) => place.complete(tx, completed)?,
            Event::TurnFailed(failed) => place.fail_turn(tx, failed)?,
            Event::TurnCancelled(cancelled) => place.cancel(tx, cancelled)?,
            Event::CompletionFailed(_) | Event::SummaryFailed(_) | Event::TurnLimited(_) => {}
        }
        place.touch(tx)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
