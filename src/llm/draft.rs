//! An answer while it comes in, and when it may be believed.
//!
//! What all dialects have in common: words and pieces of calls are gathered here, and only a
//! stream that said that it had come to its end becomes an answer. Never here: how a dialect
//! says it.

use serde_json::{Map, Value};

use super::stream::{Frames, Framing};
use super::{Answer, Arguments, CompletionError, Delta, Deltas, Stop, ToolCall, Usage};
use crate::clock;

/// Takes one frame of a dialect's stream.
pub(super) type Decode = fn(&str, &mut Draft<'_>) -> Result<Progress, CompletionError>;

/// Whether more is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Go on.
    More,
    /// The dialect's last word has come.
    Ended,
}

/// A frame as JSON.
pub(super) fn json(frame: &str) -> Result<Value, CompletionError> {
    serde_json::from_str(frame).map_err(|_| CompletionError::malformed("a part of it is no JSON"))
}

/// An answer so far.
pub(super) struct Draft<'a> {
    /// What the provider says was used up.
    pub(super) usage: Usage,
    /// Why it ended. Without it, it did not.
    pub(super) stop: Option<Stop>,
    /// Why it is about to end, where a dialect says so before its last word.
    pub(super) announced: Option<Stop>,
    /// Whether its words are a refusal.
    pub(super) refused: bool,
    text: String,
    calls: Vec<Begun>,
    model: String,
    deltas: Deltas<'a>,
}

/// A call of which more may come.
#[derive(Default)]
struct Begun {
    /// The number by which its pieces are told apart, where the provider gives one.
    key: Option<u64>,
    id: String,
    name: String,
    /// Arguments that come in pieces of text.
    pieces: String,
    /// Arguments that came whole.
    whole: Option<Map<String, Value>>,
    signature: Option<String>,
}

impl<'a> Draft<'a> {
    /// Nothing yet, of a model.
    pub(super) fn new(model: &str, deltas: Deltas<'a>) -> Self {
        Self {
            usage: Usage::default(),
            stop: None,
            announced: None,
            refused: false,
            text: String::new(),
            calls: Vec::new(),
            model: model.to_owned(),
            deltas,
        }
    }

    /// The model that answers.
    pub(super) fn model(&mut self, name: Option<&str>) {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            name.clone_into(&mut self.model);
        }
    }

    /// More words.
    pub(super) fn text(&mut self, more: Option<&str>) {
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            self.text.push_str(more);
            (self.deltas)(Delta::Text(more.to_owned()));
        }
    }

    /// More thoughts.
    pub(super) fn reasoning(&self, more: Option<&str>) {
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            (self.deltas)(Delta::Reasoning(more.to_owned()));
        }
    }

    /// A new call.
    pub(super) fn begin(&mut self, key: Option<u64>) -> Call<'_, 'a> {
        let index = self.calls.len();
        self.calls.push(Begun { key, ..Begun::default() });
        Call { draft: self, index }
    }

    /// The call that a piece belongs to: the one with its number; without a number, the last.
    pub(super) fn find(&mut self, key: Option<u64>) -> Option<Call<'_, 'a>> {
        let index = match key {
            None => self.calls.len().checked_sub(1)?,
            Some(_) => self.calls.iter().rposition(|call| call.key == key)?,
        };
        Some(Call { draft: self, index })
    }

    /// Whether it looks like an answer from beginning to end, whatever the provider says.
    pub(super) fn seems_whole(&self) -> bool {
        let said_something = !self.text.is_empty() || !self.calls.is_empty();
        said_something && self.calls.iter().all(Begun::is_whole)
    }

    /// The whole answer, if it ended.
    fn finish(self) -> Result<Answer, CompletionError> {
        let stop = self.stop.ok_or_else(CompletionError::cut_off)?;
        let mut calls = Vec::new();
        for begun in self.calls {
            // At the limit on its length, the last call may be there in part.
            if stop == Stop::Length && !begun.is_whole() {
                continue;
            }
            let call = begun.finish();
            calls.push(call.ok_or_else(|| CompletionError::malformed("a call names no tool"))?);
        }
        // Some servers give one of these where they mean the other.
        let stop = match stop {
            Stop::End if self.refused => Stop::Refused,
            Stop::End if !calls.is_empty() => Stop::Tools,
            Stop::Tools if calls.is_empty() => Stop::End,
            stop => stop,
        };
        Ok(Answer { text: self.text, calls, stop, usage: self.usage, model: self.model })
    }
}

impl Begun {
    /// Whether its arguments are surely all there.
    fn is_whole(&self) -> bool {
        let parsed = || serde_json::from_str::<Map<String, Value>>(&self.pieces).is_ok();
        !self.name.is_empty() && (self.whole.is_some() || parsed())
    }

    fn finish(self) -> Option<ToolCall> {
        let arguments = match self.whole {
            Some(whole) => Arguments::Object(whole),
            None if self.pieces.trim().is_empty() => Arguments::Object(Map::new()),
            None => match serde_json::from_str(&self.pieces) {
                Ok(Value::Object(whole)) => Arguments::Object(whole),
                Ok(Value::Null) => Arguments::Object(Map::new()),
                _ => Arguments::Malformed(self.pieces),
            },
        };
        let made = || format!("call_{}", clock::uuid().simple());
        let id = if self.id.is_empty() { made() } else { self.id };
        let named = !self.name.is_empty();
        named.then_some(ToolCall { id, name: self.name, arguments, signature: self.signature })
    }
}

/// A call of a draft.
pub(super) struct Call<'d, 'a> {
    draft: &'d mut Draft<'a>,
    index: usize,
}

impl Call<'_, '_> {
    fn begun(&mut self) -> Option<&mut Begun> {
        self.draft.calls.get_mut(self.index)
    }

    /// Whether an id is another's than this call's.
    pub(super) fn is_another(&self, id: &str) -> bool {
        let own = self.draft.calls.get(self.index).map_or("", |begun| &*begun.id);
        !id.is_empty() && !own.is_empty() && id != own
    }

    /// Whether its tool is known.
    pub(super) fn is_named(&self) -> bool {
        self.draft.calls.get(self.index).is_some_and(|begun| !begun.name.is_empty())
    }

    /// Its id and its tool, where they were not known yet.
    pub(super) fn named(mut self, id: Option<&str>, name: Option<&str>) -> Self {
        let index = self.index;
        let Some(begun) = self.begun() else { return self };
        if let Some(id) = id.filter(|_| begun.id.is_empty()) {
            id.clone_into(&mut begun.id);
        }
        if let Some(name) = name.filter(|name| begun.name.is_empty() && !name.is_empty()) {
            name.clone_into(&mut begun.name);
            (self.draft.deltas)(Delta::Call { index, name: name.to_owned() });
        }
        self
    }

    /// More of its arguments: a piece of text, or all of them as an object.
    pub(super) fn arguments(mut self, more: Option<&Value>) -> Self {
        let Some(begun) = self.begun() else { return self };
        match more {
            Some(Value::String(piece)) => begun.pieces.push_str(piece),
            Some(Value::Object(whole)) => begun.whole = Some(whole.clone()),
            None | Some(Value::Null) => {}
            Some(other) => begun.pieces.push_str(&other.to_string()),
        }
        self
    }

    /// All of its arguments, from a dialect in which calls come whole.
    pub(super) fn whole(mut self, all: Option<&Value>) -> Self {
        if let (Some(begun), None | Some(Value::Null)) = (self.begun(), all) {
            begun.whole = Some(Map::new());
        }
        self.arguments(all)
    }

    /// What the provider wants to have back with it.
    pub(super) fn signed(mut self, signature: Option<&str>) {
        if let (Some(begun), Some(signature)) = (self.begun(), signature) {
            begun.signature = Some(signature.to_owned());
        }
    }
}

/// A stream that is being read into an answer.
pub(super) struct Reading<'a> {
    frames: Frames,
    decode: Decode,
    draft: Draft<'a>,
}

impl<'a> Reading<'a> {
    /// At the beginning.
    pub(super) fn new(framing: Framing, decode: Decode, draft: Draft<'a>) -> Self {
        Self { frames: Frames::new(framing), decode, draft }
    }

    /// Takes bytes as they come.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Progress, CompletionError> {
        self.frames.push(bytes);
        while let Some(frame) = self.frames.next() {
            if (self.decode)(&frame?, &mut self.draft)? == Progress::Ended {
                return Ok(Progress::Ended);
            }
        }
        Ok(Progress::More)
    }

    /// The answer, when its last word has come.
    pub(super) fn answer(self) -> Result<Answer, CompletionError> {
        self.draft.finish()
    }

    /// The answer, when nothing more comes: because the stream is over, or for this reason. After
    /// the end was seen, a reason takes nothing away.
    pub(super) fn over(
        mut self,
        reason: Option<CompletionError>,
    ) -> Result<Answer, CompletionError> {
        if let Some(Ok(frame)) = self.frames.rest()
            && (frame == "[DONE]" || json(&frame).is_ok())
        {
            (self.decode)(&frame, &mut self.draft)?;
        }
        match reason {
            Some(reason) if self.draft.stop.is_none() => Err(reason),
            _ => self.draft.finish(),
        }
    }
}
