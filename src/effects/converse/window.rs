//! What a model is shown of a conversation: read back from the events, in order.
//!
//! The state says where the turns of the window stand in the stream; their words are there.
//! Never here: which turns those are.

use std::collections::HashMap;

use hub_events::conversation::{
    AnswerContent, AskedCall, Event, RequestedCall, Resolution, Stretch, Verdict, Window,
};
use hub_events::fact::decode_as;
use hub_events::id::{CallId, MessageId};
use hub_events::sealed::Sealed;
use hub_events::{Recorded, Version};
use serde_json::Value;

use super::Talk;
use crate::effects::{Accident, Outside};
use crate::llm::{Arguments, Message, ToolCall};

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// What a model is told of calls that have no result.
const IN_DOUBT: &str = "It is not known whether this call took effect: it was begun, and no answer \
                        came. It was not repeated. Do not call it again; tell the user that it is \
                        in doubt and that they can settle it.";
const DECLINED: &str =
    "The user declined this call. Do not ask for it again unless the user says so.";
const LAPSED: &str = "Nobody approved this call in time, so it was not made.";
const WITHHELD: &str = "This call was not made: the limits of this turn are reached.";
const NOT_MADE: &str = "This call was not made: the turn ended before.";
const NOT_DONE: &str = "A person found that this call had no effect.";

/// What became of a call.
enum Settled {
    Done(Sealed<Value>),
    Shown(Sealed<String>),
    Failed(Sealed<String>),
    Said(&'static str),
}

/// One turn, folded.
#[derive(Default)]
struct Told {
    posted: Option<Sealed<String>>,
    answers: Vec<(Sealed<AnswerContent>, Vec<RequestedCall>)>,
    settled: HashMap<CallId, Settled>,
}

/// The messages of a window as a model reads them, oldest first.
pub(super) async fn read(
    talk: &Talk,
    window: &Window,
    outside: &Outside,
) -> Result<Vec<Message>, Accident> {
    let mut messages = Vec::new();
    if let Some(place) = window.summary
        && let Some(Event::Summarised(made)) = event(talk, place.version, outside).await?
    {
        let summary: String = outside.vault.open_sealed(talk.account, &made.summary).await?;
        messages
            .push(Message::User { text: format!("What was said before, in short:\n{summary}") });
        messages.push(Message::Assistant { text: "Understood.".to_owned(), calls: Vec::new() });
    }
    for stretch in &window.turns {
        fold(talk, stretch, outside).await?.open(talk, &mut messages, outside).await?;
    }
    Ok(messages)
}

/// The event of one version.
async fn event(
    talk: &Talk,
    version: Version,
    outside: &Outside,
) -> Result<Option<Event>, Accident> {
    let before = Version(version.0.saturating_sub(1));
    let read = outside.log.read_stream(&talk.stream(), before, 1).await?;
    Ok(read.first().map(decode_as::<Event>).transpose()?)
}

/// Reads a turn: its message, its span, and what was added after its end.
async fn fold(talk: &Talk, stretch: &Stretch, outside: &Outside) -> Result<Told, Accident> {
    let mut told = Told::default();
    let mut alone = vec![stretch.posted];
    if let Some((first, last)) = stretch.span {
        let mut after = Version(first.0.saturating_sub(1));
        while after < last {
            let page = outside.log.read_stream(&talk.stream(), after, PAGE).await?;
            let within = page.iter().take_while(|recorded| recorded.version <= last);
            for recorded in within {
                told.take(stretch.turn, decode_as::<Event>(recorded)?);
            }
            after = page.last().map_or(last, |recorded: &Recorded| recorded.version);
        }
    }
    alone.extend(&stretch.later);
    for version in alone {
        if let Some(event) = event(talk, version, outside).await? {
            told.take(stretch.turn, event);
        }
    }
    Ok(told)
}

impl Told {
    /// Takes an event in. Between those of a turn stand some of others, such as messages that
    /// wait for theirs.
    fn take(&mut self, turn: MessageId, event: Event) {
        let (call, settled) = match event {
            Event::MessagePosted(posted) if posted.message == turn => {
                self.posted = Some(posted.content);
                return;
            }
            Event::Answered(answered) if answered.turn == turn => {
                self.answers.push((answered.answer, answered.calls));
                return;
            }
            Event::CallSucceeded(done) => {
                (done.call, done.shown.map_or(Settled::Done(done.result), Settled::Shown))
            }
            Event::CallFailed(failed) => (failed.call, Settled::Failed(failed.error)),
            Event::CallDoubted(doubted) => (doubted.call, Settled::Said(IN_DOUBT)),
            Event::CallDeclined(declined) => (declined.call, Settled::Said(DECLINED)),
            Event::CallExpired(expired) => (expired.call, Settled::Said(LAPSED)),
            Event::CallResolved(resolved) => match resolved.resolution {
                Resolution::Done(result) => (resolved.call, Settled::Done(result)),
                Resolution::NotDone => (resolved.call, Settled::Said(NOT_DONE)),
            },
            _ => return,
        };
        self.settled.insert(call, settled);
    }

    async fn open(
        self,
        talk: &Talk,
        messages: &mut Vec<Message>,
        outside: &Outside,
    ) -> Result<(), Accident> {
        let Self { posted, answers, mut settled } = self;
        if let Some(posted) = posted {
            let text = outside.vault.open_sealed(talk.account, &posted).await?;
            messages.push(Message::User { text });
        }
        for (answer, calls) in answers {
            let answer: AnswerContent = outside.vault.open_sealed(talk.account, &answer).await?;
            let asked = answer.calls.into_iter().map(asked).collect();
            messages.push(Message::Assistant { text: answer.text, calls: asked });
            for requested in calls {
                let became = settled.remove(&requested.call);
                messages.push(result(talk, requested, became, outside).await?);
            }
        }
        Ok(())
    }
}

/// A call as the model asked for it.
fn asked(call: AskedCall) -> ToolCall {
    let AskedCall { id, name, arguments, signature } = call;
    let arguments = match arguments {
        Value::Object(arguments) => Arguments::Object(arguments),
        Value::String(text) => Arguments::Malformed(text),
        other => Arguments::Malformed(other.to_string()),
    };
    ToolCall { id, name, arguments, signature }
}

/// What a call came to, as the model reads it.
async fn result(
    talk: &Talk,
    requested: RequestedCall,
    became: Option<Settled>,
    outside: &Outside,
) -> Result<Message, Accident> {
    let RequestedCall { model_id, tool, verdict, .. } = requested;
    let (content, failed) = match (became, verdict) {
        (Some(Settled::Done(result)), _) => {
            let result: Value = outside.vault.open_sealed(talk.account, &result).await?;
            (result.to_string(), false)
        }
        (Some(Settled::Shown(shown)), _) => {
            (outside.vault.open_sealed(talk.account, &shown).await?, false)
        }
        (Some(Settled::Failed(error)), _) | (None, Verdict::Rejected { error }) => {
            (outside.vault.open_sealed(talk.account, &error).await?, true)
        }
        (Some(Settled::Said(said)), _) => (said.to_owned(), true),
        (None, Verdict::Withheld { .. }) => (WITHHELD.to_owned(), true),
        (None, Verdict::Ready { .. } | Verdict::NeedsApproval { .. }) => {
            (NOT_MADE.to_owned(), true)
        }
    };
    Ok(Message::Tool { call_id: model_id, name: tool, content, failed })
}
