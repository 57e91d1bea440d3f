//! How each event changes the rows of its conversation.
//!
//! Never here: queries.

use hub_events::conversation::{
    Answered, BranchSelected, CallDoubted, CallFailed, CallResolved, CallSucceeded, MessagePosted,
    Opened, RequestedCall, Resolution, Summarised, Titled, TurnCancelled, TurnCompleted,
    TurnFailed, TurnStarted, Verdict,
};
use hub_events::id::{CallId, MessageId};
use rusqlite::{Connection, Params, params};

use super::CallStatus;
use super::messages::MessageStatus;
use crate::columns::{Json, Micros, Word};

/// Which conversation an event belongs to, and where and when it stands there.
pub(super) struct Place {
    pub(super) conversation: i64,
    pub(super) at: Micros,
    pub(super) version: u64,
    pub(super) position: u64,
}

fn run(tx: &Connection, statement: &str, params: impl Params) -> rusqlite::Result<()> {
    tx.prepare_cached(statement)?.execute(params).map(drop)
}

impl Place {
    /// Every event moves the version on.
    pub(super) fn touch(&self, tx: &Connection) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE conversations SET version = ?2, position = ?3 WHERE id = ?1",
            params![self.conversation, self.version, self.position],
        )
    }

    /// What people notice also moves the conversation to the front.
    fn activate(&self, tx: &Connection) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE conversations SET updated_at = ?2, active = ?3 WHERE id = ?1",
            params![self.conversation, self.at, self.position],
        )
    }

    pub(super) fn open(&self, tx: &Connection, opened: &Opened) -> rusqlite::Result<()> {
        let title = opened.title.as_ref().map(Json);
        run(
            tx,
            "INSERT INTO conversations VALUES (?1, ?2, ?3, NULL, NULL, ?4, NULL, ?6, ?5, ?6)",
            params![
                self.conversation,
                opened.account.0,
                title,
                self.at,
                self.version,
                self.position
            ],
        )
    }

    pub(super) fn title(&self, tx: &Connection, titled: &Titled) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE conversations SET title = ?2 WHERE id = ?1",
            params![self.conversation, Json(&titled.title)],
        )?;
        self.activate(tx)
    }

    pub(super) fn delete(&self, tx: &Connection) -> rusqlite::Result<()> {
        run(tx, "DELETE FROM turn_calls WHERE conversation = ?1", [self.conversation])?;
        run(tx, "DELETE FROM turns WHERE conversation = ?1", [self.conversation])?;
        run(tx, "DELETE FROM conversations WHERE id = ?1", [self.conversation])
    }

    pub(super) fn post(&self, tx: &Connection, posted: &MessagePosted) -> rusqlite::Result<()> {
        let MessagePosted { message, parent, content, plan, .. } = posted;
        run(
            tx,
            "INSERT INTO turns (turn, conversation, parent, content, provider, posted_at, reply,
              status, tokens_used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', 0)",
            params![
                message.0,
                self.conversation,
                parent.map(|parent| parent.0),
                Json(content),
                plan.provider,
                self.at,
                plan.reply.0,
            ],
        )?;
        self.go_on_after(tx, *message)?;
        self.activate(tx)
    }

    pub(super) fn select(&self, tx: &Connection, it: &BranchSelected) -> rusqlite::Result<()> {
        self.go_on_after(tx, it.message)
    }

    fn go_on_after(&self, tx: &Connection, message: MessageId) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE conversations SET leaf = ?2 WHERE id = ?1",
            params![self.conversation, message.0],
        )
    }

    pub(super) fn start(&self, tx: &Connection, started: &TurnStarted) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turns SET status = 'processing', started_at = ?2 WHERE turn = ?1",
            params![started.turn.0, self.at],
        )?;
        run(
            tx,
            "UPDATE conversations SET running = ?2 WHERE id = ?1",
            params![self.conversation, started.turn.0],
        )
    }

    fn spend(
        &self,
        tx: &Connection,
        turn: MessageId,
        tokens: u64,
        cost: Option<u64>,
    ) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turns SET tokens_used = min(tokens_used + ?2, 9223372036854775807),
             cost_micros = CASE WHEN ?3 IS NULL THEN cost_micros
                ELSE ifnull(cost_micros, 0) + ?3 END
             WHERE turn = ?1",
            params![turn.0, i64::try_from(tokens).unwrap_or(i64::MAX), cost],
        )
    }

    pub(super) fn summarise(&self, tx: &Connection, it: &Summarised) -> rusqlite::Result<()> {
        self.spend(tx, it.turn, it.usage.total(), it.cost_micros)
    }

    pub(super) fn answer(&self, tx: &Connection, answered: &Answered) -> rusqlite::Result<()> {
        let Answered { turn, model, answer, usage, cost_micros, calls, .. } = answered;
        run(
            tx,
            "UPDATE turns SET answer = ?2, model = ?3 WHERE turn = ?1",
            params![turn.0, Json(answer), Json(model)],
        )?;
        self.spend(tx, *turn, usage.total(), *cost_micros)?;
        calls.iter().try_for_each(|call| self.ask(tx, *turn, call))
    }

    /// Calls of one turn stand in the order in which they were asked for.
    fn ask(&self, tx: &Connection, turn: MessageId, asked: &RequestedCall) -> rusqlite::Result<()> {
        let RequestedCall { call, message, model_id, tool, arguments, arguments_hash, verdict } =
            asked;
        let (status, settled) = match verdict {
            Verdict::Ready { .. } => (CallStatus::Running, false),
            Verdict::NeedsApproval { .. } => (CallStatus::Proposed, false),
            Verdict::Rejected { .. } => (CallStatus::Rejected, true),
            Verdict::Withheld { .. } => (CallStatus::Withheld, true),
        };
        let (expires_at, error) = match verdict {
            Verdict::NeedsApproval { expires_at, .. } => (Some(Micros(*expires_at)), None),
            Verdict::Rejected { error } => (None, Some(Json(error))),
            Verdict::Ready { .. } | Verdict::Withheld { .. } => (None, None),
        };
        run(
            tx,
            "INSERT INTO turn_calls (call, account, conversation, turn, seq, message, model_id, tool,
              arguments, arguments_hash, class, connection, status, expires_at, error, asked_at,
              settled_at)
             SELECT ?1, account, ?2, ?3, (SELECT count(*) FROM turn_calls WHERE turn = ?3), ?4, ?5, ?6,
              ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, CASE WHEN ?15 THEN ?14 END
             FROM conversations WHERE id = ?2",
            params![
                call.0,
                self.conversation,
                turn.0,
                message.0,
                model_id,
                tool,
                Json(arguments),
                arguments_hash,
                verdict.class().as_ref().map(Word),
                verdict.connection().map(|connection| connection.0),
                Word(status),
                expires_at,
                error,
                self.at,
                settled,
            ],
        )
    }

    pub(super) fn approve(&self, tx: &Connection, call: CallId) -> rusqlite::Result<()> {
        run(tx, "UPDATE turn_calls SET status = 'running' WHERE call = ?1", [call.0])
    }

    pub(super) fn settle(
        &self,
        tx: &Connection,
        call: CallId,
        status: CallStatus,
    ) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turn_calls SET status = ?2, settled_at = ?3 WHERE call = ?1",
            params![call.0, Word(status), self.at],
        )
    }

    pub(super) fn succeed(&self, tx: &Connection, it: &CallSucceeded) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turn_calls SET status = 'completed', settled_at = ?3, result = ?2,
             error_code = NULL, error = NULL WHERE call = ?1",
            params![it.call.0, Json(&it.result), self.at],
        )
    }

    /// One that is made again stays under way.
    pub(super) fn fail_call(&self, tx: &Connection, it: &CallFailed) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turn_calls SET error_code = ?2, error = ?3, result = ?4 WHERE call = ?1",
            params![it.call.0, it.code, Json(&it.error), it.result.as_ref().map(Json)],
        )?;
        match it.retry_at {
            Some(_) => Ok(()),
            None => self.settle(tx, it.call, CallStatus::Failed),
        }
    }

    pub(super) fn doubt(&self, tx: &Connection, it: &CallDoubted) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turn_calls SET status = 'in_doubt', error_code = ?2, error = ?3 WHERE call = ?1",
            params![it.call.0, Word(it.doubt), it.error.as_ref().map(Json)],
        )
    }

    pub(super) fn resolve(&self, tx: &Connection, it: &CallResolved) -> rusqlite::Result<()> {
        match &it.resolution {
            Resolution::Done(result) => run(
                tx,
                "UPDATE turn_calls SET status = 'completed', settled_at = ?3, result = ?2,
                 error_code = NULL, error = NULL WHERE call = ?1",
                params![it.call.0, Json(result), self.at],
            ),
            Resolution::NotDone => self.settle(tx, it.call, CallStatus::Failed),
        }
    }

    pub(super) fn complete(&self, tx: &Connection, it: &TurnCompleted) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turns SET note = ?2 WHERE turn = ?1",
            params![it.turn.0, it.note.as_ref().map(Word)],
        )?;
        self.end(tx, it.turn, MessageStatus::Completed)
    }

    pub(super) fn fail_turn(&self, tx: &Connection, it: &TurnFailed) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turns SET error_code = ?2, error = ?3 WHERE turn = ?1",
            params![it.turn.0, it.code, Json(&it.error)],
        )?;
        self.end(tx, it.turn, MessageStatus::Error)
    }

    /// What is open ends with the turn; what is in doubt stays so.
    pub(super) fn cancel(&self, tx: &Connection, it: &TurnCancelled) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turn_calls SET status = 'cancelled', settled_at = ?2
             WHERE turn = ?1 AND status IN ('proposed', 'running')",
            params![it.turn.0, self.at],
        )?;
        run(tx, "UPDATE turns SET error_code = 'cancelled' WHERE turn = ?1", [it.turn.0])?;
        self.end(tx, it.turn, MessageStatus::Error)
    }

    fn end(&self, tx: &Connection, turn: MessageId, status: MessageStatus) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE turns SET status = ?2, ended_at = ?3 WHERE turn = ?1",
            params![turn.0, Word(status), self.at],
        )?;
        run(
            tx,
            "UPDATE conversations SET running = NULL WHERE id = ?1 AND running = ?2",
            params![self.conversation, turn.0],
        )?;
        self.activate(tx)
    }
}
