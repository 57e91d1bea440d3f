//! The conversations, histories and commands that tests of a conversation speak of.

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::outcome::Failure;

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    epoch() + TimeDelta::seconds(seconds)
}

pub(super) fn call(number: u128) -> CallId {
    CallId(Uuid::from_u128(number))
}

pub(super) fn model(name: &str) -> ModelRef {
    ModelRef { provider: "scripted".to_owned(), model: name.to_owned() }
}

pub(super) const TIME: i64 = 300;
pub(super) const PATIENCE: i64 = 3_600;

/// Answered by the message after it, by model `a` or else `b`; deletions need approval.
pub(super) fn plan(message: i64) -> Plan {
    Plan {
        reply: MessageId(message + 1),
        provider: None,
        models: vec![model("a"), model("b")],
        limits: Limits {
            rounds: 3,
            tokens: 1_000,
            cost_micros: Some(500),
            calls: 4,
            time_s: 300,
            window: 100,
        },
        approval: Approval { at_most_once: false, destructive: true, time_s: 3_600 },
    }
}

pub(super) fn post(message: i64) -> Post {
    Post {
        message: MessageId(message),
        content: sealed(1),
        tokens: 12,
        edits: None,
        plan: plan(message),
        when_busy: WhenBusy::Queue,
    }
}

pub(super) fn opened() -> Opened {
    Opened { conversation: ConversationId(7), account: AccountId(1), title: None }
}

pub(super) fn posted(message: i64, parent: Option<i64>) -> Event {
    Event::MessagePosted(MessagePosted {
        message: MessageId(message),
        parent: parent.map(MessageId),
        content: sealed(1),
        tokens: 12,
        plan: plan(message),
    })
}

pub(super) fn begun(message: i64) -> Event {
    begun_at(message, 0)
}

pub(super) fn begun_at(message: i64, seconds: i64) -> Event {
    Event::TurnStarted(TurnStarted {
        turn: MessageId(message),
        reply: MessageId(message + 1),
        deadline: at(seconds + TIME),
    })
}

pub(super) fn done(message: i64) -> Event {
    done_with(message, None)
}

pub(super) fn done_with(message: i64, note: Option<Note>) -> Event {
    let (turn, message) = (MessageId(message), MessageId(message + 1));
    Event::TurnCompleted(TurnCompleted { turn, message, note })
}

pub(super) fn failed(message: i64) -> Event {
    let (turn, message) = (MessageId(message), MessageId(message + 1));
    let (code, error) = ("overloaded".to_owned(), sealed(5));
    Event::TurnFailed(TurnFailed { turn, message, code, error })
}

pub(super) fn cancelled(message: i64) -> Event {
    let (turn, message) = (MessageId(message), MessageId(message + 1));
    Event::TurnCancelled(TurnCancelled { turn, message })
}

pub(super) fn limited(note: Note) -> Event {
    Event::TurnLimited(TurnLimited { turn: MessageId(1), note })
}

/// An answer of the turn of message 1, with these calls.
pub(super) fn answer(round: u32, calls: Vec<CheckedCall>) -> Answer {
    Answer {
        turn: MessageId(1),
        round,
        model: model("a"),
        window: vec![MessageId(1)],
        summary: None,
        tools: vec!["send".to_owned()],
        answer: sealed(2),
        usage: Usage { input_tokens: 100, output_tokens: 20, cached_tokens: 0 },
        cost_micros: Some(10),
        stop: "tools".to_owned(),
        calls,
    }
}

/// As it is recorded, with these verdicts on the calls.
pub(super) fn answered(answer: Answer, verdicts: impl AsRef<[Verdict]>) -> Event {
    assert_eq!(answer.calls.len(), verdicts.as_ref().len());
    let call = |(checked, verdict): (CheckedCall, &Verdict)| RequestedCall {
        call: checked.call,
        message: checked.message,
        model_id: checked.model_id,
        tool: checked.tool,
        arguments: checked.arguments,
        arguments_hash: checked.arguments_hash,
        verdict: verdict.clone(),
    };
    Event::Answered(Answered {
        turn: answer.turn,
        round: answer.round,
        model: answer.model,
        window: answer.window,
        summary: answer.summary,
        tools: answer.tools,
        answer: answer.answer,
        usage: answer.usage,
        cost_micros: answer.cost_micros,
        stop: answer.stop,
        calls: answer.calls.into_iter().zip(verdicts.as_ref()).map(call).collect(),
    })
}

/// Call `number`, of the tool `send`, with arguments of its own.
pub(super) fn asks(number: u128, class: Class) -> CheckedCall {
    CheckedCall {
        call: call(number),
        message: MessageId(900 + number as i64),
        model_id: format!("model-{number}"),
        tool: "send".to_owned(),
        arguments: sealed(3),
        arguments_hash: format!("hash-{number}"),
        check: Check::Callable { class, destructive: false, connection: None },
    }
}

pub(super) fn asks_to_delete(number: u128, class: Class) -> CheckedCall {
    let check = Check::Callable { class, destructive: true, connection: None };
    CheckedCall { check, ..asks(number, class) }
}

pub(super) fn asks_wrongly(number: u128) -> CheckedCall {
    CheckedCall { check: Check::Faulty { error: sealed(4) }, ..asks(number, Read) }
}

pub(super) fn ready(class: Class) -> Verdict {
    Verdict::Ready { class, connection: None }
}

pub(super) fn rejected() -> Verdict {
    Verdict::Rejected { error: sealed(4) }
}

pub(super) fn needs_approval(class: Class) -> Verdict {
    Verdict::NeedsApproval { class, connection: None, expires_at: at(PATIENCE) }
}

pub(super) fn withheld(note: Note) -> Verdict {
    Verdict::Withheld { note }
}

pub(super) fn succeeded(number: u128) -> Event {
    let (call, result) = (call(number), sealed(6));
    Event::CallSucceeded(CallSucceeded { call, result, shown: None, tokens: 30 })
}

pub(super) fn broke(number: u128, attempt: u32, retry: Option<i64>) -> Event {
    Event::CallFailed(CallFailed {
        call: call(number),
        attempt,
        code: "tool_failed".to_owned(),
        error: sealed(5),
        result: None,
        retry_at: retry.map(at),
    })
}

pub(super) fn doubted(number: u128, doubt: Doubt, error: Option<u8>) -> Event {
    let error = error.map(sealed);
    Event::CallDoubted(CallDoubted { call: call(number), doubt, error })
}

pub(super) fn unanswered(round: u32, attempt: u32, from: &str) -> CompletionFailed {
    CompletionFailed {
        turn: MessageId(1),
        round,
        attempt,
        model: model(from),
        code: "overloaded".to_owned(),
        error: sealed(5),
        retry_at: None,
        next: None,
    }
}

pub(super) fn summarised(turn: i64, up_to: i64) -> Summarised {
    Summarised {
        turn: MessageId(turn),
        up_to: MessageId(up_to),
        summary: sealed(7),
        tokens: 20,
        model: model("a"),
        usage: Usage { input_tokens: 200, output_tokens: 20, cached_tokens: 0 },
        cost_micros: Some(10),
    }
}

// Histories.

pub(super) fn and(history: Vec<Event>, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history.into_iter().chain(more).collect()
}

pub(super) fn open() -> Vec<Event> {
    vec![Event::Opened(opened())]
}

pub(super) fn answering() -> Vec<Event> {
    and(open(), [posted(1, None), begun(1)])
}

pub(super) fn calling(class: Class) -> Vec<Event> {
    and(answering(), [answered(answer(1, vec![asks(1, class)]), [ready(class)])])
}

pub(super) fn proposing(class: Class) -> Vec<Event> {
    let asked = answer(1, vec![asks_to_delete(1, class)]);
    and(answering(), [answered(asked, [needs_approval(class)])])
}

pub(super) fn completed() -> Vec<Event> {
    and(answering(), [answered(answer(1, vec![]), []), done(1)])
}

// Commands.

pub(super) fn say(message: i64) -> Command {
    Command::PostMessage(post(message))
}

pub(super) fn failure(retryable: bool, unanswered: bool) -> Failure {
    Failure {
        code: "tool_failed".to_owned(),
        error: sealed(5),
        result: None,
        retryable,
        unanswered,
        retry_after: None,
    }
}

pub(super) fn success() -> Outcome {
    Outcome::Succeeded { result: sealed(6), shown: None, tokens: 30 }
}

pub(super) fn record(number: u128, attempt: u32, outcome: Outcome) -> Command {
    Command::RecordOutcome { call: call(number), attempt, outcome }
}

pub(super) fn no_answer(retryable: bool) -> CompletionFailure {
    CompletionFailure {
        code: "overloaded".to_owned(),
        error: sealed(5),
        retryable,
        retry_after: None,
    }
}

pub(super) fn fail(round: u32, attempt: u32, failure: CompletionFailure) -> Command {
    Command::RecordCompletionFailure { turn: MessageId(1), round, attempt, failure }
}

pub(super) fn approve(number: u128) -> Command {
    let arguments_hash = format!("hash-{number}");
    Command::ApproveCall { call: call(number), arguments_hash }
}

pub(super) fn cancel(message: i64) -> Command {
    Command::CancelTurn { turn: MessageId(message) }
}

pub(super) fn complete(turn: i64, round: u32, attempt: u32) -> Effect {
    Effect::Complete { turn: MessageId(turn), round, attempt }
}

pub(super) fn call_tool(number: u128, attempt: u32) -> Effect {
    Effect::CallTool { call: call(number), attempt }
}
