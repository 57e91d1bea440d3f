//! A run as a stream of server-sent events: what each of its events says.
//!
//! Never here: following a stream; `http/follow.rs` does.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use hub_events::execution::{Event, Resolution};
use hub_events::fact::decode_as;
use hub_events::id::{AccountId, ExecutionId};
use hub_events::sealed::Sealed;
use hub_events::{Event as _, Recorded, Version};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::Hub;
use crate::http::caller::Caller;
use crate::http::envelope::Time;
use crate::http::follow::{Frame, Teller, Told, follow, last_seen};
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};

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
    let seen = last_seen(&request);
    if run.completed_at.is_some() && seen >= run.position {
        return Ok(HttpResponse::NoContent().finish());
    }
    let (account, id) = (run.account, run.id);
    Ok(follow(hub, id.stream(), (Version(0), seen), Runs { account, id }))
}

/// Tells what happens to a run.
struct Runs {
    account: AccountId,
    id: ExecutionId,
}

impl Teller for Runs {
    fn tell<'a>(
        &'a mut self,
        hub: &'a Hub,
        recorded: &'a Recorded,
    ) -> LocalBoxFuture<'a, Result<Told, Problem>> {
        Box::pin(async move {
            let event = decode_as::<Event>(recorded)?;
            let over =
                matches!(event, Event::Completed(_) | Event::Failed(_) | Event::Cancelled(_));
            let name = event.event_type().split_once('.').map_or("", |(_, name)| name);
            let mut data = self.content(hub, &event).await?;
            data.insert("execution_id".to_owned(), self.id.0.into());
            data.insert("at".to_owned(), Time(recorded.context.at).to_string().into());
            Ok(Told { frames: vec![Frame { name, data: data.into() }], over })
        })
    }
}

impl Runs {
    async fn open<T: DeserializeOwned + Into<Value>>(
        &self,
        hub: &Hub,
        sealed: &Sealed<T>,
    ) -> Result<Value, Problem> {
        Ok(hub.vault.open_sealed(self.account, sealed).await?.into())
    }

    /// What an event says, opened for the run's owner.
    async fn content(&self, hub: &Hub, event: &Event) -> Result<Map<String, Value>, Problem> {
        let content = match event {
            Event::Started(begun) => json!({
                "workflow_id": begun.workflow.0, "workflow_version": begun.workflow_version,
                "trigger_type": begun.trigger, "steps": begun.plan.len(),
                "input_data": self.open(hub, &begun.input).await?,
            }),
            Event::StepSkipped(skipped) => json!({ "step_number": skipped.step }),
            Event::StepStarted(started) => json!({
                "step_number": started.step, "attempt": started.attempt,
                "call_id": started.call, "effect_class": started.class,
                "input_data": self.open(hub, &started.arguments).await?,
            }),
            Event::StepDeferred(deferred) => json!({
                "step_number": deferred.step, "waits_until": Time(deferred.until).to_string(),
            }),
            Event::StepSucceeded(done) => json!({
                "step_number": done.step, "output_data": self.open(hub, &done.result).await?,
            }),
            Event::StepFailed(failed) => json!({
                "step_number": failed.step, "attempt": failed.attempt,
                "error_code": failed.code, "error_message": self.open(hub, &failed.error).await?,
                "retry_at": failed.retry_at.map(|at| Time(at).to_string()),
            }),
            Event::StepDoubted(doubted) => {
                let error = match &doubted.error {
                    Some(error) => self.open(hub, error).await?,
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
                    "output_data": self.open(hub, result).await?,
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
