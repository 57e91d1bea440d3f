//! The provider that needs no key: rules instead of a model, so that a fresh hub can be tried.
//!
//! It finds tools by name and by search, reads their arguments out of the text, asks by name for
//! what is missing and shows what came of the calls. The same request always gets the same
//! answer. Never here: an understanding of what is meant, or a pretence of one.

mod report;
#[cfg(test)]
mod tests;
mod wish;

use std::future::ready;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{
    Answer, Arguments, CompletionError, Delta, Deltas, Message, Provider, Request, Stop, ToolCall,
    ToolSpec, Usage,
};
use crate::chat::fill::{Filled, fill, outline};
use crate::config::Secret;
use crate::tools::search::{Document, Hit, Index};

/// The only model of this provider.
pub const MODEL: &str = "offline";

/// How well a tool must fit a text to be called for it (see `Hit::score`).
const FITS: f32 = 0.45;

/// How well it must fit to be named as what may be meant.
const MAY_FIT: f32 = 0.3;

const INTRODUCTION: &str = "I am this hub's offline assistant: a set of rules, not a language \
    model. Say which tool to use, or what to do in plain words, with values in quotes or as \
    `name=value`; I call the tool and show what comes of it. For free conversation, set up a \
    model.";

const NOT_UNDERSTOOD: &str = "I do not understand that. I am this hub's offline assistant: a set \
    of rules, not a language model, and I only call tools that I recognise.";

/// The provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline;

impl Provider for Offline {
    fn complete<'a>(
        &'a self,
        _key: Option<&'a Secret>,
        request: &'a Request,
        deltas: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>> {
        let answer = answer(request);
        if let Ok(answer) = &answer {
            for words in answer.text.split_inclusive(' ') {
                deltas(Delta::Text(words.to_owned()));
            }
            for (index, call) in answer.calls.iter().enumerate() {
                deltas(Delta::Call { index, name: call.name.clone() });
            }
        }
        Box::pin(ready(answer))
    }

    fn models<'a>(
        &'a self,
        _key: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Vec<String>, CompletionError>> {
        Box::pin(ready(Ok(vec![MODEL.to_owned()])))
    }
}

/// What is said, or called.
enum Said {
    Text(String),
    Call(String, serde_json::Map<String, Value>),
}

fn answer(request: &Request) -> Result<Answer, CompletionError> {
    let said = match &request.answer_schema {
        Some(schema) => Said::Text(structured(&request.messages, schema)?),
        None => next(&request.messages, &request.tools),
    };
    let (text, calls, stop) = match said {
        Said::Text(text) => (text, Vec::new(), Stop::End),
        Said::Call(name, arguments) => {
            let id = format!("offline-{}", calls_in(&request.messages) + 1);
            let arguments = Arguments::Object(arguments);
            let call = ToolCall { id, name, arguments, signature: None };
            (String::new(), vec![call], Stop::Tools)
        }
    };
    let usage = Usage {
        input_tokens: words_in(request),
        output_tokens: words(&text) + calls.iter().map(words_of_call).sum::<u64>(),
        cached_tokens: 0,
    };
    Ok(Answer { text, calls, stop, usage, model: MODEL.to_owned() })
}

/// What to say or call next: the wishes of the last message one by one, then what came of them.
fn next(messages: &[Message], tools: &[ToolSpec]) -> Said {
    let Some(wish) = wish::last(messages, |text| find(text, tools).is_some()) else {
        return Said::Text(INTRODUCTION.to_owned());
    };
    let done = wish::done(messages);
    let shown = report::results(&done);
    let Some(part) = wish.get(done.len()) else {
        let nothing = done.is_empty();
        return Said::Text(if nothing { INTRODUCTION.to_owned() } else { shown });
    };
    if done.iter().any(|result| result.failed) {
        return Said::Text(format!("{shown}\n\nI stopped there, before “{part}”."));
    }
    let said = match find(part, tools) {
        None if done.is_empty() => not_understood(part, tools),
        None => format!("I found no tool for “{part}”."),
        Some(tool) => match fill(part, &tool.schema) {
            Filled { arguments, missing } if missing.is_empty() => {
                return Said::Call(tool.name.clone(), arguments);
            }
            Filled { missing, .. } => question(tool, &missing),
        },
    };
    let both = [shown, said].into_iter().filter(|text| !text.is_empty());
    Said::Text(both.collect::<Vec<_>>().join("\n\n"))
}

/// The tool that a text names, or else the one that it fits best, if it fits well.
fn find<'a>(text: &str, tools: &'a [ToolSpec]) -> Option<&'a ToolSpec> {
    let lower = text.to_lowercase();
    let named = |tool: &&ToolSpec| {
        let name = tool.name.to_lowercase();
        name.contains('_')
            && [name.replace('_', " "), name].iter().any(|name| wish::has(&lower, name))
            || wish::has(&lower, &format!("`{}`", tool.name.to_lowercase()))
    };
    // Of two names the longer one, since it may have the other in it.
    let named = tools.iter().filter(named).max_by_key(|tool| tool.name.len());
    named.or_else(|| {
        nearest(text, tools, 1).into_iter().find(|(score, _)| *score >= FITS).map(|(_, tool)| tool)
    })
}

/// The tools that a text fits best.
fn nearest<'a>(text: &str, tools: &'a [ToolSpec], most: usize) -> Vec<(f32, &'a ToolSpec)> {
    let document = |tool: &'a ToolSpec| {
        let ToolSpec { name, description, schema } = tool;
        Document { name, description, category: None, platform: None, schema }
    };
    let hits = Index::new(tools.iter().map(document)).search(&outline(text), most);
    let found =
        hits.into_iter().filter_map(|Hit { place, score }| Some((score, tools.get(place)?)));
    found.collect()
}

fn question(tool: &ToolSpec, missing: &[String]) -> String {
    let described = missing.iter().map(|name| {
        let property = tool.schema.pointer(&format!("/properties/{name}"));
        let about = property.and_then(|property| property.get("description")?.as_str());
        match about {
            Some(about) => format!("- `{name}`: {about}"),
            None => format!("- `{name}`"),
        }
    });
    let described = described.collect::<Vec<_>>().join("\n");
    format!("To call `{}` {}\n{described}", tool.name, wish::STILL_NEEDED)
}

/// Names what may be meant, where anything may; talk is answered by saying what this is.
fn not_understood(text: &str, tools: &[ToolSpec]) -> String {
    let near = nearest(text, tools, 3).into_iter().filter(|(score, _)| *score >= MAY_FIT);
    let near = near.map(|(_, tool)| format!("- `{}`: {}", tool.name, tool.description));
    match near.collect::<Vec<_>>().as_slice() {
        [] if wish::asks_for_tools(text) => NOT_UNDERSTOOD.to_owned(),
        [] => INTRODUCTION.to_owned(),
        near => {
            let near = near.join("\n");
            format!("{NOT_UNDERSTOOD} If you mean one of these, name it:\n{near}")
        }
    }
}

/// An answer in a form that was asked for, as far as the text itself says what goes into it.
fn structured(messages: &[Message], schema: &Value) -> Result<String, CompletionError> {
    let text = wish::last(messages, |_| true).unwrap_or_default().join("\n");
    let Filled { arguments, missing } = fill(&text, schema);
    if missing.is_empty() {
        return Ok(Value::Object(arguments).to_string());
    }
    Err(CompletionError {
        code: "rejected",
        message: format!(
            "The offline assistant has no language model, and the text itself does not say: {}",
            missing.join(", ")
        ),
        status: None,
        retryable: false,
        retry_after: None,
    })
}

/// How many calls there were in a conversation.
fn calls_in(messages: &[Message]) -> usize {
    let calls = messages.iter().map(|message| match message {
        Message::Assistant { calls, .. } => calls.len(),
        Message::User { .. } | Message::Tool { .. } => 0,
    });
    calls.sum()
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

fn words_of_call(call: &ToolCall) -> u64 {
    let arguments = match &call.arguments {
        Arguments::Object(arguments) => Value::Object(arguments.clone()).to_string(),
        Arguments::Malformed(text) => text.clone(),
    };
    1 + words(&arguments)
}

/// What stands for the tokens of a request.
fn words_in(request: &Request) -> u64 {
    let said = request.messages.iter().map(|message| match message {
        Message::User { text } => words(text),
        Message::Assistant { text, calls } => {
            words(text) + calls.iter().map(words_of_call).sum::<u64>()
        }
        Message::Tool { content, .. } => words(content),
    });
    let tools = request.tools.iter().map(|tool| 1 + words(&tool.description));
    words(request.system.as_deref().unwrap_or_default()) + said.sum::<u64>() + tools.sum::<u64>()
}
