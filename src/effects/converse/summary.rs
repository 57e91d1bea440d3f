//! Keeping what went before in short, so that a long conversation still fits its window.
//!
//! Never here: when that is needed.

use std::time::Duration;

use hub_events::Effect;
use hub_events::conversation::{Command, Summarised, Turn, Window};
use hub_events::id::MessageId;

use super::{Talk, complete, cost, failure, usage, window};
use crate::chat::{prompt, tokens};
use crate::effects::{Accident, Outside};
use crate::llm::{Message, Request};

/// How long a summary may be, in tokens.
const LONGEST: u32 = 800;

/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Has the turn's model summarise what a window shows.
pub(super) async fn summarise(
    talk: &Talk,
    turn: &Turn,
    shown: &Window,
    (up_to, attempt): (MessageId, u32),
    outside: &Outside,
) -> Result<Command, Accident> {
    let Some(model) = turn.model().cloned() else {
        return Err(Accident::Astray(Effect::Summarise { turn: turn.turn, up_to, attempt }));
    };
    let said = window::read(talk, shown, outside).await?;
    let request = Request {
        model: model.model.clone(),
        system: Some(prompt::SUMMARISE.to_owned()),
        messages: vec![Message::User { text: prompt::transcript(&said) }],
        tools: Vec::new(),
        max_tokens: Some(LONGEST),
        temperature: None,
        answer_schema: None,
        timeout: TIMEOUT,
    };
    match complete(talk.account, &model, &request, &|_| {}, outside).await? {
        Ok(answer) => Ok(Command::RecordSummary(Summarised {
            turn: turn.turn,
            up_to,
            summary: outside.vault.seal(talk.account, &answer.text).await?,
            tokens: tokens::estimate(&answer.text),
            usage: usage(&answer),
            cost_micros: cost(&model, &answer, outside),
            model,
        })),
        Err(error) => Ok(Command::RecordSummaryFailure {
            turn: turn.turn,
            attempt,
            failure: failure(talk, error, outside).await?,
        }),
    }
}
