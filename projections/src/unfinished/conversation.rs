//! What a conversation waits for: its turn's next answer, or the calls and proposals before it.
//!
//! A table of its own has one row for each of these; the stream is due when the first is.
//! Never here: runs of workflows.

use chrono::{DateTime, Utc};
use hub_events::conversation::{Event, RequestedCall, Verdict};
use hub_events::id::{CallId, MessageId};
use rusqlite::types::Null;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::run;
use crate::columns::Micros;

/// The name under which a turn's next answer stands among the calls.
const ANSWER: Uuid = Uuid::nil();

const WAIT: &str = "INSERT INTO waits VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (stream, call) DO UPDATE SET due = excluded.due";
const SETTLE: &str = "DELETE FROM waits WHERE stream = ?1 AND call = ?2";
/// A message that only waited for its turn leaves the turn under way as it is.
const END: &str = "DELETE FROM waits WHERE stream = ?1
     AND EXISTS (SELECT 1 FROM waits WHERE stream = ?1 AND call = ?2 AND turn = ?3)";
/// The answer counts only where no call is open; what has no moment is due at once.
const DUE: &str = "INSERT INTO unfinished
     SELECT ?1, CASE WHEN count(*) = count(due) THEN min(due) END, 0, 0 FROM waits
     WHERE stream = ?1 AND (call <> ?2
        OR NOT EXISTS (SELECT 1 FROM waits WHERE stream = ?1 AND call <> ?2))
     HAVING count(*) > 0
     ON CONFLICT (stream) DO UPDATE SET due = excluded.due";
const OVER: &str = "DELETE FROM unfinished WHERE stream = ?1
     AND NOT EXISTS (SELECT 1 FROM waits WHERE stream = ?1)";

/// Takes one event in.
pub(super) fn apply(tx: &Connection, stream: &str, event: &Event) -> rusqlite::Result<()> {
    let answer = |turn: MessageId, due: Option<DateTime<Utc>>| {
        run(tx, WAIT, params![stream, ANSWER, turn.0, due.map(Micros)])
    };
    let wait = |call: CallId, due: Option<DateTime<Utc>>| {
        run(tx, WAIT, params![stream, call.0, Null, due.map(Micros)])
    };
    let settle = |call: CallId| run(tx, SETTLE, params![stream, call.0]);
    let end = |turn: MessageId| run(tx, END, params![stream, ANSWER, turn.0]);
    match event {
        // These change nothing of what a turn waits for.
        Event::Opened(_)
        | Event::Titled(_)
        | Event::Deleted(_)
        | Event::MessagePosted(_)
        | Event::BranchSelected(_)
        | Event::TurnLimited(_)
        | Event::CallResolved(_) => return Ok(()),
        Event::TurnStarted(it) => answer(it.turn, None)?,
        Event::Summarised(it) => answer(it.turn, None)?,
        Event::CompletionFailed(it) => answer(it.turn, it.retry_at)?,
        Event::SummaryFailed(it) => answer(it.turn, it.retry_at)?,
        Event::Answered(it) => {
            answer(it.turn, None)?;
            for RequestedCall { call, verdict, .. } in &it.calls {
                match verdict {
                    Verdict::Ready { .. } => wait(*call, None)?,
                    Verdict::NeedsApproval { expires_at, .. } => wait(*call, Some(*expires_at))?,
                    Verdict::Rejected { .. } | Verdict::Withheld { .. } => {}
                }
            }
        }
        Event::CallApproved(it) => wait(it.call, None)?,
        Event::CallFailed(it) if it.retry_at.is_some() => wait(it.call, it.retry_at)?,
        Event::CallFailed(it) => settle(it.call)?,
        Event::CallDeclined(it) => settle(it.call)?,
        Event::CallExpired(it) => settle(it.call)?,
        Event::CallSucceeded(it) => settle(it.call)?,
        Event::CallDoubted(it) => settle(it.call)?,
        Event::TurnCompleted(it) => end(it.turn)?,
        Event::TurnFailed(it) => end(it.turn)?,
        Event::TurnCancelled(it) => end(it.turn)?,
    }
    run(tx, DUE, params![stream, ANSWER])?;
    run(tx, OVER, [stream])
}
