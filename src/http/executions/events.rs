//! A run as a stream of server-sent events: first what is on record, then what happens.
//!
//! Each event's id is its position, so a client that comes back with `Last-Event-ID` misses
//! nothing and sees nothing twice, also after a restart of the hub.

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use hub_events::execution::{Event, Resolution};
use hub_events::fact::decode_as;
use hub_events::id::{AccountId, ExecutionId};
use hub_events::sealed::Sealed;
use hub_events::{Event as _, Position, Recorded, Version};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::Hub;
use crate::feed::Signal;
use crate::http::caller::Caller;
use crate::http::envelope::Time;
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};

/// How often a silent stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many events are read at a time.
const PAGE: usize = 200;

/// Follows a run until it is over.
#[utoipa::path(get, path = "/workflows/executions/{execution_id}/events", tag = "workflows",
    security(("HTTPBearer" = [])), params(("execution_id" = i64, Path),
    ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 204, description = "The run is over and was seen to its end"), (status = 404)))]
pub(in crate::http) async fn follow_events(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ExecutionId>,
    request: HttpRequest,
) -> Answer {
    let run = super::find(&hub, &caller, id.0).await?;
    let seen = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let seen = Position(seen.and_then(|value| value.trim().parse().ok()).unwrap_or_default());
    if run.completed_at.is_some() && seen >= run.position {
        return Ok(HttpResponse::NoContent().finish());
    }
    let signals = hub.feed.listen(&run.id.stream());
    let follower =
        Follower { hub, account: run.account, id: run.id, seen, at: Version(0), signals };
    let body = stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok((bytes, over)) => Some((Ok(bytes), (!over).then_some(follower))),
            Err(problem) => Some((Err(problem), None)),
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

struct Follower {
    hub: Data<Hub>,
    account: AccountId,
    id: ExecutionId,
    /// The last event that the client saw.
    seen: Position,
    /// How far the stream was read.
    at: Version,
    /// Listened to since before the first read, so that nothing is missed in between.
    signals: Receiver<Signal>,
}

impl Follower {
    /// The next piece of the answer, and whether it is the last.
    async fn next(&mut self) -> Result<(Bytes, bool), Problem> {
        loop {
            let page = self.hub.log.read_stream(&self.id.stream(), self.at, PAGE).await?;
            let mut text = String::new();
            let mut over = false;
            for recorded in &page {
                self.at = recorded.version;
                let event = decode_as::<Event>(recorded)?;
                over =
                    matches!(event, Event::Completed(_) | Event::Failed(_) | Event::Cancelled(_));
                if recorded.position > self.seen {
                    self.seen = recorded.position;
                    text.push_str(&self.written(recorded, &event).await?);
                }
            }
            if !text.is_empty() || over {
                return Ok((text.into(), over));
            }
            if page.len() < PAGE && self.is_silent().await {
                return Ok((Bytes::from_static(b": still here\n\n"), false));
            }
        }
    }

    /// Waits for the stream to move; answers whether it did not for a while.
    async fn is_silent(&mut self) -> bool {
        match tokio::time::timeout(HEARTBEAT, self.signals.recv()).await {
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => false,
            Ok(Err(RecvError::Closed)) => {
                self.signals = self.hub.feed.listen(&self.id.stream());
                false
            }
            Err(_) => true,
        }
    }

    /// An event as it goes over the wire.
    async fn written(&self, recorded: &Recorded, event: &Event) -> Result<String, Problem> {
        let name = event.event_type().split_once('.').map_or("", |(_, name)| name);
        let mut data = self.content(event).await?;
        data.insert("execution_id".to_owned(), self.id.0.into());
        data.insert("at".to_owned(), Time(recorded.context.at).to_string().into());
        let data = Value::Object(data);
        Ok(format!("id: {}\nevent: {name}\ndata: {data}\n\n", recorded.position))
    }

    async fn open<T: DeserializeOwned + Into<Value>>(
        &self,
        sealed: &Sealed<T>,
    ) -> Result<Value, Problem> {
        Ok(self.hub.vault.open_sealed(self.account, sealed).await?.into())
    }

    /// What an event says, opened for the run's owner.
    async fn content(&self, event: &Event) -> Result<Map<String, Value>, Problem> {
        let content = match event {
            Event::Started(begun) => json!({
                "workflow_id": begun.workflow.0, "workflow_version": begun.workflow_version,
                "trigger_type": begun.trigger, "steps": begun.plan.len(),
                "input_data": self.open(&begun.input).await?,
            }),
            Event::StepSkipped(skipped) => json!({ "step_number": skipped.step }),
            Event::StepStarted(started) => json!({
                "step_number": started.step, "attempt": started.attempt,
                "call_id": started.call, "effect_class": started.class,
                "input_data": self.open(&started.arguments).await?,
            }),
            Event::StepDeferred(deferred) => json!({
                "step_number": deferred.step, "waits_until": Time(deferred.until).to_string(),
            }),
            Event::StepSucceeded(done) => json!({
                "step_number": done.step, "output_data": self.open(&done.result).await?,
            }),
            Event::StepFailed(failed) => json!({
                "step_number": failed.step, "attempt": failed.attempt,
                "error_code": failed.code, "error_message": self.open(&failed.error).await?,
                "retry_at": failed.retry_at.map(|at| Time(at).to_string()),
            }),
            Event::StepDoubted(doubted) => {
                let error = match &doubted.error {
                    Some(error) => self.open(error).await?,
                    None => Value::Null,
                };
                json!({ "step_number": doubted.step, "doubt": doubted.doubt, "error_message": error })
            }
            Event::StepResolved(resolved) => match &resolved.resolution {
                Resolution::Repeat => {
                    json!({ "step_number": resolved.step, "resolution": "repeat" })
                }
                Resolution::Done(result) => json!({
                    "step_number": resolved.step, "resolution": "done",
                    "output_data": self.open(result).await?,
                }),
            },
            Event::Failed(failed) => json!({ "step_number": failed.step }),
            Event::Retried(retried) => json!({ "step_number": retried.step }),
            Event::Completed(_) | Event::Cancelled(_) => json!({}),
        };
        Ok(match content {
            Value::Object(content) => content,
            _ => Map::new(),
        })
    }
}
