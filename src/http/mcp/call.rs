//! Calling a tool by name, and waiting for what comes of it.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hub_events::call::Via;
use hub_events::id::CallId;
use hub_projections::calls;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::calls::find;
use super::view::{CallBody, CalledBody, failed};
use crate::Hub;
use crate::calls::{CallError, NotMade, Ready, Restriction, Wanted, look, settle};
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::executions::Preference;
use crate::http::idempotency::{Earlier, Idempotency};
use crate::http::problem::{Answer, Problem, fault};
use crate::tools::Fault;

/// A tool and what it is called with.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CallTool {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
}

/// A call that was looked at: it can be made, or the answer is known without it.
pub(super) enum Looked {
    Ready(Box<Ready>),
    Declined(CalledBody),
}

/// Looks at a call. Arguments that do not fit the schema are a fault of the request; a missing
/// tool or connection is told as the original told it, in the answer.
pub(super) async fn look_at(
    hub: &Hub,
    caller: &Caller,
    asked: CallTool,
) -> Result<Looked, Problem> {
    let CallTool { name: tool, arguments } = asked;
    let name = tool.clone();
    let wanted =
        Wanted { account: caller.account, tier: caller.tier, tool, arguments, via: Via::Http };
    match look(hub, wanted).await {
        Ok(ready) => Ok(Looked::Ready(Box::new(ready))),
        Err(error @ NotMade::Unknown(_)) => {
            Ok(Looked::Declined(CalledBody::not_made(error.to_string())))
        }
        Err(NotMade::Failed(failure)) => {
            Ok(Looked::Declined(CalledBody::declined(name, failed(failure.code, &failure.message))))
        }
        Err(NotMade::Plan(restriction)) => {
            Ok(Looked::Declined(CalledBody::declined(name, upgrade(&restriction))))
        }
        Err(NotMade::Faults(faults)) => {
            Err(Problem::faults(faults.into_iter().map(in_arguments).collect()))
        }
        Err(NotMade::Vault(error)) => Err(error.into()),
    }
}

/// What the plan does not have, as the tool's own result (contract, section 1.7).
fn upgrade(restriction: &Restriction) -> Value {
    let Restriction { message, feature, tier } = restriction;
    match feature {
        None => json!({ "success": false, "error": message, "result": null }),
        Some(feature) => json!({
            "success": false, "error": message, "upgrade_required": true,
            "required_feature": feature, "current_tier": tier.as_str(), "result": null,
        }),
    }
}

/// A fault of arguments, in its place in the body.
fn in_arguments(Fault { pointer, message }: Fault) -> Value {
    let within = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let loc = ["body", "arguments"].into_iter().map(str::to_owned).chain(within);
    let loc: Vec<_> = loc.collect();
    let loc: Vec<_> = loc.iter().map(String::as_str).collect();
    fault(&loc, "value_error", &message, None)
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Ask(error) => error.into(),
            CallError::Accident(error) => error.into(),
        }
    }
}

/// Calls a tool and answers with its result, or, where it takes longer than the hub waits, with
/// the call's id.
#[utoipa::path(post, path = "/mcp/call", tag = "mcp", security(("HTTPBearer" = [])),
    params(("Prefer" = Option<String>, Header,
        description = "`respond-async`, or `wait=<seconds>`")),
    request_body = CallTool,
    responses((status = 200, body = CalledBody), (status = 202, body = CalledBody),
        (status = 422), (status = 429)))]
pub(super) async fn call_tool(
    hub: Data<Hub>,
    caller: Caller,
    request: HttpRequest,
    once: Idempotency,
    body: Body<CallTool>,
) -> Answer {
    let preference = Preference::of(&request, hub.config.runs.wait_s.into());
    let wait = preference.wait();
    let id = match once.earlier(&hub).await? {
        Some(Earlier { stream, .. }) => {
            let earlier =
                CallId::of(&stream).ok_or_else(|| Problem::not_found("Call not found"))?;
            settle(&hub, earlier, Instant::now() + wait).await?;
            earlier
        }
        None => match look_at(&hub, &caller, body.0).await? {
            Looked::Declined(answer) => return Ok(HttpResponse::Ok().json(answer)),
            Looked::Ready(ready) => {
                let context = caller.context(&hub.clock);
                ready.make(&hub, context, once.command(), wait).await?
            }
        },
    };
    let call = CallBody::open(&hub, find(&hub, &caller, id).await?).await?;
    let over = !matches!(call.status, calls::Status::Running | calls::Status::Waiting);
    let mut answer = HttpResponse::Ok();
    if !over {
        answer.insert_header((LOCATION, format!("/mcp/calls/{id}")));
        if matches!(preference, Preference::Async) {
            answer.status(StatusCode::ACCEPTED);
            let applied = HeaderName::from_static("preference-applied");
            answer.insert_header((applied, "respond-async"));
        }
    }
    Ok(answer.json(CalledBody::of(call)))
}
