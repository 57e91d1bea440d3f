//! What is told of each event of a conversation, and of an answer in the making.
//!
//! The names of frames are those of the contract, section 9; beside them `proposal` (a call waits
//! for a person), `tool_progress`, and of whole conversations `message`, `title` and `deleted`.
//! Never here: which frames a client has seen.

use std::collections::HashMap;

use futures_util::future::LocalBoxFuture;
use hub_events::conversation::{Answered, Event, RequestedCall, TurnCompleted, Verdict};
use hub_events::fact::decode_as;
use hub_events::id::{AccountId, CallId, ConversationId, MessageId};
use hub_events::sealed::Sealed;
use hub_events::{Position, Recorded};
use hub_projections::conversations;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Hub;
use crate::feed::Signal;
use crate::http::chat::rest::Turn;
use crate::http::chat::view::MessageBody;
use crate::http::envelope::Time;
use crate::http::follow::{Frame, Teller, Told};
use crate::http::problem::Problem;

/// How much of a result its summary shows, in bytes.
const SUMMARY: usize = 300;

/// Tells a conversation, or one turn of it.
pub(super) struct Talk {
    account: AccountId,
    conversation: ConversationId,
    /// The only turn that is told.
    only: Option<(MessageId, Turn)>,
    /// The turn under way.
    under_way: Option<MessageId>,
    /// The calls that were asked for: their turns, tools and arguments.
    calls: HashMap<CallId, Asked>,
}

struct Asked {
    turn: MessageId,
    tool: String,
    arguments: Sealed<Value>,
}

/// One frame; its data names its type too.
fn frame(name: &'static str, mut data: Value) -> Frame {
    if let Some(members) = data.as_object_mut() {
        members.insert("type".to_owned(), name.into());
    }
    Frame { name, data }
}

impl Talk {
    /// Tells a conversation; with a message, the turn of that message alone.
    pub(super) fn of(
        account: AccountId,
        conversation: ConversationId,
        only: Option<MessageId>,
    ) -> Self {
        let only = only.map(|message| (message, Turn::of(message)));
        Self { account, conversation, only, under_way: None, calls: HashMap::new() }
    }

    /// Whether something of this turn is told; what is of no turn is told with the whole
    /// conversation.
    fn tells(&self, turn: Option<MessageId>) -> bool {
        self.only.as_ref().is_none_or(|(only, _)| Some(*only) == turn)
    }

    fn turn_of(&self, event: &Event) -> Option<MessageId> {
        match event {
            Event::TurnStarted(it) => Some(it.turn),
            Event::Answered(it) => Some(it.turn),
            Event::CompletionFailed(it) => Some(it.turn),
            Event::Summarised(it) => Some(it.turn),
            Event::SummaryFailed(it) => Some(it.turn),
            Event::TurnLimited(it) => Some(it.turn),
            Event::TurnCompleted(it) => Some(it.turn),
            Event::TurnFailed(it) => Some(it.turn),
            Event::TurnCancelled(it) => Some(it.turn),
            Event::CallApproved(it) => self.turn_of_call(it.call),
            Event::CallDeclined(it) => self.turn_of_call(it.call),
            Event::CallExpired(it) => self.turn_of_call(it.call),
            Event::CallSucceeded(it) => self.turn_of_call(it.call),
            Event::CallFailed(it) => self.turn_of_call(it.call),
            Event::CallDoubted(it) => self.turn_of_call(it.call),
            Event::CallResolved(it) => self.turn_of_call(it.call),
            Event::Opened(_)
            | Event::Titled(_)
            | Event::Deleted(_)
            | Event::MessagePosted(_)
            | Event::BranchSelected(_) => None,
        }
    }

    fn turn_of_call(&self, call: CallId) -> Option<MessageId> {
        self.calls.get(&call).map(|asked| asked.turn)
    }

    /// Keeps what later events and signals are told by.
    fn keep(&mut self, event: &Event) {
        match event {
            Event::TurnStarted(started) => self.under_way = Some(started.turn),
            Event::TurnCompleted(_) | Event::TurnFailed(_) | Event::TurnCancelled(_)
                if self.under_way == self.turn_of(event) =>
            {
                self.under_way = None;
            }
            Event::Answered(Answered { turn, calls, .. }) => {
                for RequestedCall { call, tool, arguments, .. } in calls {
                    let (tool, arguments) = (tool.clone(), arguments.clone());
                    self.calls.insert(*call, Asked { turn: *turn, tool, arguments });
                }
            }
            _ => {}
        }
    }

    async fn open<T: DeserializeOwned>(&self, hub: &Hub, sealed: &Sealed<T>) -> Result<T, Problem> {
        Ok(hub.vault.open_sealed(self.account, sealed).await?)
    }

    fn tool(&self, call: CallId) -> &str {
        self.calls.get(&call).map_or("", |asked| &asked.tool)
    }

    async fn start(&self, hub: &Hub, call: CallId) -> Result<Frame, Problem> {
        let arguments = match self.calls.get(&call) {
            Some(asked) => self.open(hub, &asked.arguments).await?,
            None => Value::Null,
        };
        let data = json!({ "tool": self.tool(call), "args": arguments, "call_id": call });
        Ok(frame("tool_start", data))
    }

    fn result(&self, call: CallId, success: bool, summary: &str, result: Value) -> Frame {
        let end = summary.floor_char_boundary(SUMMARY);
        let cut = summary.get(..end).filter(|_| end < summary.len());
        let summary = cut.map_or_else(|| summary.to_owned(), |cut| format!("{cut}…"));
        let tool = self.tool(call);
        frame(
            "tool_result",
            json!({
                "tool": tool, "success": success, "summary": summary, "result": result,
                "call_id": call,
            }),
        )
    }

    async fn answered(&self, hub: &Hub, answered: &Answered) -> Result<Vec<Frame>, Problem> {
        let mut frames = Vec::new();
        let answer = self.open(hub, &answered.answer).await?;
        if !answer.text.is_empty() {
            let data = json!({ "content": answer.text, "round": answered.round });
            frames.push(frame("content", data));
        }
        for asked in &answered.calls {
            let call = asked.call;
            match &asked.verdict {
                Verdict::Ready { .. } => frames.push(self.start(hub, call).await?),
                Verdict::NeedsApproval { expires_at, .. } => {
                    let arguments = self.open(hub, &asked.arguments).await?;
                    let data = json!({
                        "proposal_id": call, "tool": asked.tool, "args": arguments,
                        "arguments_hash": asked.arguments_hash,
                        "expires_at": Time(*expires_at).to_string(),
                    });
                    frames.push(frame("proposal", data));
                }
                Verdict::Rejected { error } => {
                    let error = self.open(hub, error).await?;
                    frames.push(self.start(hub, call).await?);
                    frames.push(self.result(call, false, &error, Value::Null));
                }
                Verdict::Withheld { .. } => {
                    let summary = "The limits of this turn are reached";
                    frames.push(self.result(call, false, summary, Value::Null));
                }
            }
        }
        Ok(frames)
    }

    /// The end of a turn as the reading side has it.
    async fn done(
        &self,
        hub: &Hub,
        completed: &TurnCompleted,
        at: Position,
    ) -> Result<Vec<Frame>, Problem> {
        hub.views.wait_for(at).await?;
        let (conversation, reply) = (self.conversation, completed.message);
        let view = hub.views.read(|views| conversations::message(views, conversation, reply))?;
        let id = reply.0;
        let data = match view {
            Some(view) => {
                let body = MessageBody::open(hub, self.account, &view).await?;
                json!({
                    "message_id": id, "content": body.content, "tokens_used": body.tokens_used,
                    "tools_called": body.tools_called, "limit_reached": body.limit_reached,
                })
            }
            None => json!({ "message_id": id, "tokens_used": null, "tools_called": [] }),
        };
        Ok(vec![frame("done", data), saved(reply)])
    }

    async fn frames(
        &self,
        hub: &Hub,
        event: &Event,
        recorded: &Recorded,
    ) -> Result<Vec<Frame>, Problem> {
        let one = match event {
            Event::Answered(it) => return self.answered(hub, it).await,
            Event::TurnCompleted(it) => return self.done(hub, it, recorded.position).await,
            Event::TurnStarted(it) => {
                frame("thinking", json!({ "message_id": it.reply, "turn_id": it.turn }))
            }
            Event::CompletionFailed(it) => frame(
                "thinking",
                json!({
                    "error_code": it.code, "error": self.open(hub, &it.error).await?,
                    "retry_at": it.retry_at.map(|at| Time(at).to_string()),
                    "next_provider": it.next.as_ref().map(|next| &next.provider),
                }),
            ),
            Event::Summarised(it) => frame("thinking", json!({ "summarised_up_to": it.up_to })),
            Event::TurnLimited(it) => frame("thinking", json!({ "limit_reached": it.note })),
            Event::CallApproved(it) => self.start(hub, it.call).await?,
            Event::CallSucceeded(it) => {
                let result = self.open(hub, &it.result).await?;
                self.result(it.call, true, &result.to_string(), result)
            }
            Event::CallFailed(it) if it.retry_at.is_none() => {
                let error = self.open(hub, &it.error).await?;
                self.result(it.call, false, &error, Value::Null)
            }
            Event::CallDoubted(it) => {
                let summary = "It is not known whether this call took effect";
                self.result(it.call, false, summary, Value::Null)
            }
            Event::CallDeclined(it) => {
                self.result(it.call, false, "A person declined this call", Value::Null)
            }
            Event::CallExpired(it) => {
                let summary = "Nobody approved this call in time";
                self.result(it.call, false, summary, Value::Null)
            }
            Event::TurnFailed(it) => {
                let error = self.open(hub, &it.error).await?;
                let data = json!({ "error": error, "error_code": it.code });
                return Ok(vec![frame("error", data), saved(it.message)]);
            }
            Event::TurnCancelled(it) => {
                let error = "The turn was cancelled";
                let data = json!({ "error": error, "error_code": "cancelled" });
                return Ok(vec![frame("error", data), saved(it.message)]);
            }
            Event::MessagePosted(it) => {
                let content = self.open(hub, &it.content).await?;
                frame("message", json!({ "message_id": it.message, "content": content }))
            }
            Event::Titled(it) => {
                frame("title", json!({ "title": self.open(hub, &it.title).await? }))
            }
            Event::Deleted(_) => frame("deleted", json!({})),
            Event::Opened(_)
            | Event::BranchSelected(_)
            | Event::SummaryFailed(_)
            | Event::CallFailed(_)
            | Event::CallResolved(_) => return Ok(Vec::new()),
        };
        Ok(vec![one])
    }
}

fn saved(message: MessageId) -> Frame {
    frame("message_saved", json!({ "message_id": message }))
}

impl Teller for Talk {
    fn tell<'a>(
        &'a mut self,
        hub: &'a Hub,
        recorded: &'a Recorded,
    ) -> LocalBoxFuture<'a, Result<Told, Problem>> {
        Box::pin(async move {
            let event = decode_as::<Event>(recorded)?;
            self.keep(&event);
            let over = match &mut self.only {
                Some((_, turn)) => {
                    turn.take(&event);
                    turn.over()
                }
                None => matches!(event, Event::Deleted(_)),
            };
            let frames = match self.tells(self.turn_of(&event)) {
                true => self.frames(hub, &event, recorded).await?,
                false => Vec::new(),
            };
            Ok(Told { frames, over })
        })
    }

    fn show(&mut self, signal: &Signal) -> Option<Frame> {
        match signal {
            Signal::Appended(_) => None,
            Signal::Words(_) | Signal::Reasoning(_) if !self.tells(self.under_way) => None,
            Signal::Words(words) => Some(frame("content_delta", json!({ "delta": &**words }))),
            Signal::Reasoning(thought) => {
                Some(frame("reasoning_delta", json!({ "delta": &**thought })))
            }
            Signal::Progress(call, step) => self.tells(self.turn_of_call(*call)).then(|| {
                let data = json!({
                    "call_id": call, "tool": self.tool(*call), "message": &*step.message,
                    "progress": step.fraction,
                });
                frame("tool_progress", data)
            }),
        }
    }
}
