//! One event of each type that a conversation has, with everything in it that it can have.

use hub_events::Class;
use hub_events::conversation::*;
use hub_events::id::{AccountId, CallId, ConnectionId, ConversationId, MessageId};
use hub_events::outcome::Doubt;
use hub_events::testing::sealed;
use uuid::Uuid;

use crate::samples::{blob, call, moment};

const TURN: MessageId = MessageId(41);
const REPLY: MessageId = MessageId(42);

fn model(name: &str) -> ModelRef {
    ModelRef { provider: "openai".to_owned(), model: name.to_owned() }
}

fn plan() -> Plan {
    Plan {
        reply: REPLY,
        provider: Some("openai".to_owned()),
        models: vec![model("large"), model("small")],
        limits: Limits {
            rounds: 5,
            tokens: 100_000,
            cost_micros: Some(250_000),
            calls: 20,
            time_s: 300,
            window: 16_000,
        },
        approval: Approval { at_most_once: true, destructive: true, time_s: 86_400 },
    }
}

fn usage() -> Usage {
    Usage { input_tokens: 812, output_tokens: 64, cached_tokens: 512 }
}

/// One call for each verdict.
fn calls() -> Vec<RequestedCall> {
    let (class, connection) = (Class::AtMostOnce, Some(ConnectionId(6)));
    let verdicts = [
        Verdict::Ready { class, connection },
        Verdict::Rejected { error: sealed(3) },
        Verdict::NeedsApproval { class, connection, expires_at: moment() },
        Verdict::Withheld { note: Note::Calls },
    ];
    let call = |(number, verdict): (i64, Verdict)| RequestedCall {
        call: CallId(Uuid::from_u128(number as u128)),
        message: MessageId(42 + number),
        model_id: format!("call_{number}"),
        tool: "slack_post_message".to_owned(),
        arguments: sealed(2),
        arguments_hash: "5f".repeat(32),
        verdict,
    };
    (1..).zip(verdicts).map(call).collect()
}

fn titles() -> [Event; 3] {
    [
        Event::Opened(Opened {
            conversation: ConversationId(4),
            account: AccountId(1),
            title: Some(sealed(1)),
        }),
        Event::Titled(Titled { title: sealed(1), by: Author::Hub }),
        Event::Deleted(Deleted {}),
    ]
}

fn turns() -> Vec<Event> {
    let (code, error) = ("overloaded".to_owned(), sealed(5));
    vec![
        Event::MessagePosted(MessagePosted {
            message: TURN,
            parent: Some(MessageId(39)),
            content: blob(),
            tokens: 12,
            plan: plan(),
        }),
        Event::BranchSelected(BranchSelected { message: TURN }),
        Event::TurnStarted(TurnStarted { turn: TURN, reply: REPLY, deadline: moment() }),
        Event::Answered(Answered {
            turn: TURN,
            round: 1,
            model: model("large"),
            window: vec![MessageId(39), TURN],
            summary: Some(MessageId(37)),
            tools: vec!["slack_post_message".to_owned()],
            answer: sealed(4),
            usage: usage(),
            cost_micros: Some(1_234),
            stop: "tools".to_owned(),
            calls: calls(),
        }),
        Event::CompletionFailed(CompletionFailed {
            turn: TURN,
            round: 1,
            attempt: 2,
            model: model("large"),
            code: code.clone(),
            error: error.clone(),
            retry_at: Some(moment()),
            next: Some(model("small")),
        }),
        Event::Summarised(Summarised {
            turn: TURN,
            up_to: MessageId(37),
            summary: sealed(6),
            tokens: 200,
            model: model("small"),
            usage: usage(),
            cost_micros: Some(99),
        }),
        Event::SummaryFailed(SummaryFailed {
            turn: TURN,
            attempt: 1,
            code: code.clone(),
            error: error.clone(),
            retry_at: Some(moment()),
        }),
        Event::TurnLimited(TurnLimited { turn: TURN, note: Note::Repetition }),
        Event::TurnCompleted(TurnCompleted {
            turn: TURN,
            message: REPLY,
            note: Some(Note::Rounds),
        }),
        Event::TurnFailed(TurnFailed { turn: TURN, message: REPLY, code, error }),
        Event::TurnCancelled(TurnCancelled { turn: TURN, message: REPLY }),
    ]
}

fn settlements() -> [Event; 7] {
    let (call, deadline) = (call(), moment());
    [
        Event::CallApproved(CallApproved { call, deadline }),
        Event::CallDeclined(CallDeclined { call, deadline }),
        Event::CallExpired(CallExpired { call, deadline }),
        Event::CallSucceeded(CallSucceeded {
            call,
            result: blob(),
            shown: Some(sealed(7)),
            tokens: 30,
        }),
        Event::CallFailed(CallFailed {
            call,
            attempt: 2,
            code: "tool_failed".to_owned(),
            error: sealed(8),
            result: Some(sealed(9)),
            retry_at: Some(moment()),
        }),
        Event::CallDoubted(CallDoubted { call, doubt: Doubt::Unanswered, error: Some(sealed(10)) }),
        Event::CallResolved(CallResolved { call, resolution: Resolution::Done(sealed(11)) }),
    ]
}

pub(crate) fn events() -> Vec<Event> {
    titles().into_iter().chain(turns()).chain(settlements()).collect()
}
