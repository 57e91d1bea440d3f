//! Asking a model for the next answer of a turn.
//!
//! Never here: what follows from the answer.

use std::time::Duration;

use hub_events::conversation::{Answer, AnswerContent, AskedCall, Command, Turn, Window};
use serde_json::Value;

use super::{Talk, check, complete, cost, failure, offer, usage, window};
use crate::chat::prompt;
use crate::effects::{Accident, Outside};
use crate::feed::Signal;
use crate::llm::{Arguments, Delta, Message, Request, Stop, ToolCall};

/// The least time that an answer is given, however little the turn has left.
const LEAST: Duration = Duration::from_secs(10);

/// Asks for one answer.
pub(super) async fn ask(
    talk: &Talk,
    turn: &Turn,
    shown: &Window,
    (round, attempt): (u32, u32),
    outside: &Outside,
) -> Result<Command, Accident> {
    let Some(model) = turn.model().cloned() else {
        return Err(Accident::Astray(hub_events::Effect::Complete {
            turn: turn.turn,
            round,
            attempt,
        }));
    };
    let messages = window::read(talk, shown, outside).await?;
    let offered = offer::choose(talk, &messages, outside).await?;
    let now = outside.clock.now();
    let left = (turn.deadline - now).to_std().unwrap_or_default();
    let request = Request {
        model: model.model.clone(),
        system: Some(prompt::system(now, turn.closing, &offered.unconnected)),
        messages,
        tools: offered.specs(),
        max_tokens: None,
        temperature: None,
        answer_schema: None,
        timeout: left.max(LEAST),
    };
    let stream = talk.stream();
    let deltas = |delta: Delta| {
        let signal = match delta {
            Delta::Text(text) => Signal::Words(text.into()),
            Delta::Reasoning(text) => Signal::Reasoning(text.into()),
            Delta::Call { .. } => return,
        };
        outside.feed.tell(&stream, signal);
    };
    let answer = match complete(talk.account, &model, &request, &deltas, outside).await? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(Command::RecordCompletionFailure {
                turn: turn.turn,
                round,
                attempt,
                failure: failure(talk, error, outside).await?,
            });
        }
    };
    let mut calls = Vec::with_capacity(answer.calls.len());
    for call in &answer.calls {
        calls.push(check::check(talk, call, outside).await?);
    }
    let content =
        AnswerContent { text: answer.text.clone(), calls: answer.calls.iter().map(kept).collect() };
    Ok(Command::RecordAnswer(Answer {
        turn: turn.turn,
        round,
        usage: usage(&answer),
        cost_micros: cost(&model, &answer, outside),
        stop: stop(answer.stop).to_owned(),
        model,
        window: shown.turns.iter().map(|stretch| stretch.turn).collect(),
        summary: shown.summary.map(|place| place.up_to),
        tools: request.tools.into_iter().map(|tool| tool.name).collect(),
        answer: outside.vault.seal(talk.account, &content).await?,
        calls,
    }))
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end",
        Stop::Tools => "tools",
        Stop::Length => "length",
        Stop::Refused => "refused",
        Stop::Filtered => "filtered",
    }
}

/// A call in the model's own words, as it is kept.
fn kept(call: &ToolCall) -> AskedCall {
    let arguments = match &call.arguments {
        Arguments::Object(arguments) => Value::Object(arguments.clone()),
        Arguments::Malformed(text) => Value::String(text.clone()),
    };
    let ToolCall { id, name, signature, .. } = call.clone();
    AskedCall { id, name, arguments, signature }
}

/// The words of a person that a turn answers: the last that were said.
pub(super) fn asked(messages: &[Message]) -> &str {
    let said = messages.iter().rev().find_map(|message| match message {
        Message::User { text } => Some(&**text),
        Message::Assistant { .. } | Message::Tool { .. } => None,
    });
    said.unwrap_or_default()
}
