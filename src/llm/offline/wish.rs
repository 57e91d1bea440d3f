//! What a conversation asks for: the last message, what it answers, and its parts.

use crate::chat::intent::{Kind, classify};
use crate::llm::Message;

/// By this the offline provider knows its own questions.
pub(super) const STILL_NEEDED: &str = "I still need:";

/// What parts of a wish are joined by.
const JOINTS: &[&str] = &[
    " and then ",
    ", then ",
    "; then ",
    ". then ",
    " then ",
    " after that ",
    ", afterwards ",
    " and afterwards ",
    "; ",
    "\n",
];

/// What came of a call.
pub(super) struct Done<'a> {
    pub(super) name: &'a str,
    pub(super) content: &'a str,
    pub(super) failed: bool,
}

/// What the last message of a person asks for, part by part. An answer to a question is put to the
/// part that the question was about, and what was done before it is not asked for again; unless
/// the answer is a wish by itself (`is_wish`).
pub(super) fn last(messages: &[Message], is_wish: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let mut wish: Option<Vec<String>> = None;
    let (mut needed, mut done) = (None::<Vec<String>>, 0);
    for message in messages {
        match message {
            Message::User { text } => {
                let asked = needed.take().zip(wish.as_ref().and_then(|wish| wish.get(done..)));
                wish = Some(match asked {
                    Some((needed, [about, later @ ..]))
                        if !(asks_for_tools(text) && is_wish(text)) =>
                    {
                        let answered = put(about, text, &needed);
                        std::iter::once(answered).chain(later.iter().cloned()).collect()
                    }
                    _ => parts(text),
                });
                done = 0;
            }
            Message::Assistant { text, .. } => {
                needed = text.split_once(STILL_NEEDED).map(|(_, needed)| names(needed));
            }
            Message::Tool { .. } => done += 1,
        }
    }
    wish
}

/// The names in a question.
fn names(needed: &str) -> Vec<String> {
    let named = needed.lines().filter_map(|line| line.strip_prefix("- `")?.split_once('`'));
    named.map(|(name, _)| name.to_owned()).collect()
}

/// A wish with an answer about it. An answer to a question about one thing is that thing.
fn put(wish: &str, answer: &str, needed: &[String]) -> String {
    match needed {
        [only] if !answer.contains('=') && !answer.contains(['"', '“']) => {
            format!("{wish}, {only}=\"{}\"", answer.trim())
        }
        _ => format!("{wish}, {answer}"),
    }
}

/// What came of the calls since the last message of a person.
pub(super) fn done(messages: &[Message]) -> Vec<Done<'_>> {
    let since = messages.iter().rposition(|message| matches!(message, Message::User { .. }));
    let after = messages.get(since.unwrap_or_default()..).unwrap_or_default();
    let results = after.iter().filter_map(|message| match message {
        Message::Tool { name, content, failed, .. } => {
            Some(Done { name, content, failed: *failed })
        }
        Message::User { .. } | Message::Assistant { .. } => None,
    });
    results.collect()
}

/// The parts of a wish, in their order: “do this and then that”, and “do this and do that”. What
/// is quoted is not taken apart.
pub(super) fn parts(wish: &str) -> Vec<String> {
    let lower = wish.to_ascii_lowercase();
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    let mut quoted = false;
    while let Some(rest) = lower.get(at..).filter(|rest| !rest.is_empty()) {
        let c = rest.chars().next().unwrap_or_default();
        if matches!(c, '"' | '“' | '”') {
            quoted = !quoted;
        }
        let joint = JOINTS.iter().find(|joint| rest.starts_with(**joint)).map(|joint| joint.len());
        let joint = joint.or_else(|| {
            let after = rest.strip_prefix(" and ").filter(|after| begins_wish(after))?;
            Some(rest.len() - after.len())
        });
        match joint.filter(|_| !quoted) {
            Some(length) => {
                parts.extend(wish.get(from..at).map(str::to_owned));
                at += length;
                from = at;
            }
            None => at += c.len_utf8(),
        }
    }
    parts.extend(wish.get(from..).map(str::to_owned));
    let parts = parts.iter().map(|part| part.trim().trim_end_matches(['.', ',', ';']).trim());
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whether words begin with what somebody wants done.
fn begins_wish(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    classify(first).kind == Kind::Action
        || matches!(first, "list" | "show" | "find" | "search" | "get" | "check")
}

/// Whether a text asks for anything to be done or looked up.
pub(super) fn asks_for_tools(text: &str) -> bool {
    classify(text).kind != Kind::Chat || text.contains('_')
}

/// Whether a text has these words in it, not as parts of others.
pub(super) fn has(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        let (before, after) =
            (text.get(..at).unwrap_or_default(), text.get(at + words.len()..).unwrap_or_default());
        !before.ends_with(inside) && !after.starts_with(inside)
    })
}
