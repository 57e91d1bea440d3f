//! What conversations and calls look like to those who read them, and the queries.
//!
//! Never here: messages; those are beside this.

use chrono::{DateTime, Utc};
use hub_events::Class;
use hub_events::id::{AccountId, CallId, ConnectionId, ConversationId, MessageId};
use hub_events::recorded::{Position, Version};
use hub_events::sealed::Sealed;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::columns::{Json, Micros, Word};

/// A conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationView {
    /// The conversation.
    pub id: ConversationId,
    /// Whose it is.
    pub account: AccountId,
    /// Its title, if it has one.
    pub title: Option<Sealed<String>>,
    /// The last message of a person in the branch that goes on.
    pub leaf: Option<MessageId>,
    /// The turn under way, by its person's message.
    pub running: Option<MessageId>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When something was last said or answered, or it got a title.
    pub updated_at: Option<DateTime<Utc>>,
    /// The position at which that happened; conversations are listed and paged by it.
    pub active: Position,
    /// The version of its stream.
    pub version: Version,
    /// The position of its newest event.
    pub position: Position,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It waits for a person's approval.
    Proposed,
    /// It is under way, or will be made again.
    Running,
    /// It is done.
    Completed,
    /// It failed, or was found not to have been done.
    Failed,
    /// It may or may not have taken effect.
    InDoubt,
    /// It could not be made: no such tool, or faulty arguments.
    Rejected,
    /// The turn had used up what it may.
    Withheld,
    /// A person declined it.
    Declined,
    /// Nobody approved it in time.
    Expired,
    /// It ended with its turn.
    Cancelled,
}

/// A call that a model asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CallView {
    /// The call, which is also its proposal.
    pub call: CallId,
    /// Whose it is.
    pub account: AccountId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The turn, by its person's message.
    pub turn: MessageId,
    /// The message that its result is.
    pub message: MessageId,
    /// The model's name for it.
    pub model_id: String,
    /// The tool, as the model named it.
    pub tool: String,
    /// The arguments.
    pub arguments: Sealed<Value>,
    /// What they are approved by.
    pub arguments_hash: String,
    /// What the world can notice of it; none where it is never made.
    pub class: Option<Class>,
    /// The connection through which it goes.
    pub connection: Option<ConnectionId>,
    /// Where it stands.
    pub status: CallStatus,
    /// When its proposal lapses, if it is or was one.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// The kind of failure, or of doubt, in snake case.
    pub error_code: Option<String>,
    /// What went wrong, in words.
    pub error: Option<Sealed<String>>,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
}

macro_rules! select_conversations {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, title, leaf, running, created_at, updated_at, active, version,
             position FROM conversations ",
            $rest
        )
    };
}

fn conversation(row: &Row<'_>) -> rusqlite::Result<ConversationView> {
    Ok(ConversationView {
        id: ConversationId(row.get(0)?),
        account: AccountId(row.get(1)?),
        title: row.get::<_, Option<Json<_>>>(2)?.map(|title| title.0),
        leaf: row.get::<_, Option<_>>(3)?.map(MessageId),
        running: row.get::<_, Option<_>>(4)?.map(MessageId),
        created_at: row.get::<_, Micros>(5)?.0,
        updated_at: row.get::<_, Option<Micros>>(6)?.map(|at| at.0),
        active: Position(row.get(7)?),
        version: Version(row.get(8)?),
        position: Position(row.get(9)?),
    })
}

/// The conversation with this id; none where it was deleted.
pub fn get(views: &Connection, id: ConversationId) -> rusqlite::Result<Option<ConversationView>> {
    views
        .prepare_cached(select_conversations!("WHERE id = ?1"))?
        .query_row([id.0], conversation)
        .optional()
}

/// An account's conversations, the newest activity first: those active before a position (or
/// up to now), at most `limit`.
pub fn list(
    views: &Connection,
    account: AccountId,
    before: Option<Position>,
    limit: Option<u32>,
) -> rusqlite::Result<Vec<ConversationView>> {
    let before = before.and_then(|position| i64::try_from(position.0).ok()).unwrap_or(i64::MAX);
    views
        .prepare_cached(select_conversations!(
            "WHERE account = ?1 AND active < ?2 ORDER BY active DESC LIMIT ?3"
        ))?
        .query_map(params![account.0, before, limit.map_or(-1, i64::from)], conversation)?
        .collect()
}

macro_rules! select_calls {
    ($rest:literal) => {
        concat!(
            "SELECT call, account, conversation, turn, message, model_id, tool, arguments,
             arguments_hash, class, connection, status, expires_at, result, error_code, error,
             asked_at, settled_at FROM turn_calls ",
            $rest
        )
    };
}

fn asked(row: &Row<'_>) -> rusqlite::Result<CallView> {
    let moment =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Micros>>(column)?.map(|at| at.0));
    Ok(CallView {
        call: CallId(row.get(0)?),
        account: AccountId(row.get(1)?),
        conversation: ConversationId(row.get(2)?),
        turn: MessageId(row.get(3)?),
        message: MessageId(row.get(4)?),
        model_id: row.get(5)?,
        tool: row.get(6)?,
        arguments: row.get::<_, Json<_>>(7)?.0,
        arguments_hash: row.get(8)?,
        class: row.get::<_, Option<Word<_>>>(9)?.map(|class| class.0),
        connection: row.get::<_, Option<_>>(10)?.map(ConnectionId),
        status: row.get::<_, Word<_>>(11)?.0,
        expires_at: moment(12)?,
        result: row.get::<_, Option<Json<_>>>(13)?.map(|result| result.0),
        error_code: row.get(14)?,
        error: row.get::<_, Option<Json<_>>>(15)?.map(|error| error.0),
        asked_at: row.get::<_, Micros>(16)?.0,
        settled_at: moment(17)?,
    })
}

/// The call with this id.
pub fn call(views: &Connection, call: CallId) -> rusqlite::Result<Option<CallView>> {
    views.prepare_cached(select_calls!("WHERE call = ?1"))?.query_row([call.0], asked).optional()
}

/// The calls of an account that wait for a person's approval, oldest first.
pub fn proposals(views: &Connection, account: AccountId) -> rusqlite::Result<Vec<CallView>> {
    views
        .prepare_cached(select_calls!(
            "WHERE account = ?1 AND status = 'proposed' ORDER BY asked_at, call"
        ))?
        .query_map([account.0], asked)?
        .collect()
}

/// The calls of a turn, in the order in which they were asked for.
pub(super) fn calls_of(views: &Connection, turn: MessageId) -> rusqlite::Result<Vec<CallView>> {
    views
        .prepare_cached(select_calls!("WHERE turn = ?1 ORDER BY seq"))?
        .query_map([turn.0], asked)?
        .collect()
}
