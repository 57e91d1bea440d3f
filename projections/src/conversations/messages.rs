//! Messages as clients see them: a turn's question, the results of its calls, its answer.
//!
//! A branch is read from its end backwards, turn by turn, so that a page costs what it shows.
//! Never here: how rows change.

use chrono::{DateTime, Utc};
use hub_events::conversation::{AnswerContent, ModelRef, Note};
use hub_events::id::{ConversationId, MessageId};
use hub_events::sealed::Sealed;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::views::{CallStatus, CallView, calls_of};
use crate::columns::{Json, Micros, Word};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person.
    User,
    /// A model.
    Assistant,
    /// A tool.
    Tool,
}

/// Where a message stands, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// It waits for its turn.
    Pending,
    /// It is in the making.
    Processing,
    /// It is whole.
    Completed,
    /// It failed, or was cancelled.
    Error,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Body {
    /// What a person said.
    Said(Sealed<String>),
    /// What a model answered; none where it has not, or never did.
    Answer {
        /// Its newest answer.
        content: Option<Sealed<AnswerContent>>,
        /// All calls of the turn, in the order in which they were asked for.
        calls: Vec<CallView>,
    },
    /// What came of a call.
    Result(CallView),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageView {
    /// The message.
    pub id: MessageId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The turn, by its person's message.
    pub turn: MessageId,
    /// Who speaks.
    pub role: Role,
    /// Where it stands.
    pub status: MessageStatus,
    /// What it says.
    pub body: Body,
    /// What was asked for, of a person's message; what answered, of an answer.
    pub provider: Option<String>,
    /// The model that answered.
    pub model: Option<ModelRef>,
    /// The tokens of the whole turn, read and written; of an answer only.
    pub tokens_used: Option<u64>,
    /// What they cost, in millionths of a US dollar, where the price is known.
    pub cost_micros: Option<u64>,
    /// What was used up, where that ended the turn.
    pub note: Option<Note>,
    /// The kind of failure, in snake case.
    pub error_code: Option<String>,
    /// What went wrong, in words.
    pub error: Option<Sealed<String>>,
    /// When it was said, begun to be answered, or asked for.
    pub created_at: DateTime<Utc>,
}

/// A turn's row.
struct TurnRow {
    turn: MessageId,
    conversation: ConversationId,
    content: Sealed<String>,
    provider: Option<String>,
    posted_at: DateTime<Utc>,
    reply: MessageId,
    status: MessageStatus,
    answer: Option<Sealed<AnswerContent>>,
    model: Option<ModelRef>,
    tokens_used: u64,
    cost_micros: Option<u64>,
    note: Option<Note>,
    error_code: Option<String>,
    error: Option<Sealed<String>>,
    started_at: Option<DateTime<Utc>>,
}

/// Turns from one back to the first of its branch; only as many are read as are asked for.
const BACK: &str = "WITH RECURSIVE back (turn, parent) AS (
        SELECT turn, parent FROM turns WHERE turn = ?1 AND conversation = ?2
        UNION ALL
        SELECT turns.turn, turns.parent FROM back JOIN turns ON turns.turn = back.parent
     )
     SELECT t.turn, conversation, content, provider, posted_at, reply, status, answer, model,
        tokens_used, cost_micros, note, error_code, error, started_at
     FROM back JOIN turns t USING (turn) LIMIT ?3";

fn turn(row: &Row<'_>) -> rusqlite::Result<TurnRow> {
    Ok(TurnRow {
        turn: MessageId(row.get(0)?),
        conversation: ConversationId(row.get(1)?),
        content: row.get::<_, Json<_>>(2)?.0,
        provider: row.get(3)?,
        posted_at: row.get::<_, Micros>(4)?.0,
        reply: MessageId(row.get(5)?),
        status: row.get::<_, Word<_>>(6)?.0,
        answer: row.get::<_, Option<Json<_>>>(7)?.map(|answer| answer.0),
        model: row.get::<_, Option<Json<_>>>(8)?.map(|model| model.0),
        tokens_used: row.get(9)?,
        cost_micros: row.get(10)?,
        note: row.get::<_, Option<Word<_>>>(11)?.map(|note| note.0),
        error_code: row.get(12)?,
        error: row.get::<_, Option<Json<_>>>(13)?.map(|error| error.0),
        started_at: row.get::<_, Option<Micros>>(14)?.map(|at| at.0),
    })
}

impl TurnRow {
    /// A message of this turn that says nothing yet.
    fn message(&self, id: MessageId, role: Role, body: Body) -> MessageView {
        MessageView {
            id,
            conversation: self.conversation,
            turn: self.turn,
            role,
            status: MessageStatus::Completed,
            body,
            provider: None,
            model: None,
            tokens_used: None,
            cost_micros: None,
            note: None,
            error_code: None,
            error: None,
            created_at: self.posted_at,
        }
    }

    /// What a client sees of it, oldest first.
    fn messages(&self, calls: Vec<CallView>) -> Vec<MessageView> {
        let pending = self.status == MessageStatus::Pending;
        let said = self.message(self.turn, Role::User, Body::Said(self.content.clone()));
        let status = if pending { MessageStatus::Pending } else { MessageStatus::Completed };
        let mut messages = vec![MessageView { status, provider: self.provider.clone(), ..said }];
        messages.extend(calls.iter().map(|call| self.result(call)));
        if let Some(created_at) = self.started_at {
            let body = Body::Answer { content: self.answer.clone(), calls };
            messages.push(MessageView {
                status: self.status,
                provider: self.model.as_ref().map(|model| model.provider.clone()),
                model: self.model.clone(),
                tokens_used: Some(self.tokens_used),
                cost_micros: self.cost_micros,
                note: self.note,
                error_code: self.error_code.clone(),
                error: self.error.clone(),
                created_at,
                ..self.message(self.reply, Role::Assistant, body)
            });
        }
        messages
    }

    fn result(&self, call: &CallView) -> MessageView {
        MessageView {
            status: match call.status {
                CallStatus::Proposed => MessageStatus::Pending,
                CallStatus::Running => MessageStatus::Processing,
                CallStatus::Completed => MessageStatus::Completed,
                CallStatus::Failed
                | CallStatus::InDoubt
                | CallStatus::Rejected
                | CallStatus::Withheld
                | CallStatus::Declined
                | CallStatus::Expired
                | CallStatus::Cancelled => MessageStatus::Error,
            },
            error_code: call.error_code.clone(),
            error: call.error.clone(),
            created_at: call.asked_at,
            ..self.message(call.message, Role::Tool, Body::Result(call.clone()))
        }
    }
}

/// The newest messages of the branch that goes on, or of the branch of `before` those before
/// that message: at most `limit`, oldest first. Empty where there is no such conversation.
pub fn messages(
    views: &Connection,
    conversation: ConversationId,
    before: Option<MessageId>,
    limit: Option<u32>,
) -> rusqlite::Result<Vec<MessageView>> {
    let from = match before {
        Some(message) => turn_of(views, message)?,
        None => views
            .prepare_cached("SELECT leaf FROM conversations WHERE id = ?1")?
            .query_row([conversation.0], |row| row.get::<_, Option<i64>>(0))
            .optional()?
            .flatten(),
    };
    let Some(from) = from else { return Ok(Vec::new()) };
    // Each turn has a message at least, but the first may be cut short by `before`.
    let turns = limit.map_or(-1, |limit| i64::from(limit) + 1);
    let mut found = Vec::new();
    let mut back = views.prepare_cached(BACK)?;
    let mut rows = back.query_map(params![from, conversation.0, turns], turn)?;
    let enough = limit.map_or(usize::MAX, |limit| limit as usize);
    while found.len() < enough
        && let Some(row) = rows.next()
    {
        let row = row?;
        let own = row.messages(calls_of(views, row.turn)?);
        let own = own.into_iter().take_while(|message| Some(message.id) != before);
        let own: Vec<_> = own.collect();
        found.extend(own.into_iter().rev());
    }
    found.truncate(enough);
    found.reverse();
    Ok(found)
}

/// The turn to which a message of any role belongs.
fn turn_of(views: &Connection, message: MessageId) -> rusqlite::Result<Option<i64>> {
    views
        .prepare_cached(
            "SELECT turn FROM turns WHERE turn = ?1
             UNION ALL SELECT turn FROM turns WHERE reply = ?1
             UNION ALL SELECT turn FROM turn_calls WHERE message = ?1 LIMIT 1",
        )?
        .query_row([message.0], |row| row.get(0))
        .optional()
}

/// One message of a conversation, in whichever branch.
pub fn message(
    views: &Connection,
    conversation: ConversationId,
    message: MessageId,
) -> rusqlite::Result<Option<MessageView>> {
    let Some(from) = turn_of(views, message)? else { return Ok(None) };
    let row =
        views.prepare_cached(BACK)?.query_row(params![from, conversation.0, 1], turn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let own = row.messages(calls_of(views, row.turn)?);
    Ok(own.into_iter().find(|own| own.id == message))
}

/// The messages of persons that stand in each other's place, oldest first: this one and its
/// edits, each the beginning of a branch.
pub fn siblings(
    views: &Connection,
    conversation: ConversationId,
    message: MessageId,
) -> rusqlite::Result<Vec<MessageId>> {
    views
        .prepare_cached(
            "SELECT turn FROM turns WHERE conversation = ?1
             AND parent IS (SELECT parent FROM turns WHERE turn = ?2 AND conversation = ?1)
             AND EXISTS (SELECT 1 FROM turns WHERE turn = ?2 AND conversation = ?1)
             ORDER BY posted_at, turn",
        )?
        .query_map([conversation.0, message.0], |row| row.get(0).map(MessageId))?
        .collect()
}
