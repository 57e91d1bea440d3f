//! Calls as things: listed, read, stopped, and settled where they are in doubt.

use actix_web::http::header::LINK;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hub_events::call::Command;
use hub_events::execution::Resolution;
use hub_events::id::CallId;
use hub_events::log::AppendError;
use hub_projections::calls::{self, CallView};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::view::CallBody;
use crate::Hub;
use crate::actors::{AskError, Tell};
use crate::calls::settle;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::envelope;
use crate::http::executions::{Preference, Said};
use crate::http::idempotency::Idempotency;
use crate::http::page::Page;
use crate::http::path::Named;
use crate::http::problem::{Answer, Problem};

/// How many calls are listed where the client does not say.
const LISTED: u32 = 100;

/// What became of a call in doubt.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResolveCall {
    /// `done`: it took effect; `repeat`: it did not, or may be made again, and is.
    pub resolution: Said,
    /// With `done`: the call's result.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
}

/// The caller's call with this id.
pub(super) async fn find(hub: &Hub, caller: &Caller, id: CallId) -> Result<CallView, Problem> {
    hub.read_your_writes().await?;
    let found = hub.views.read(|views| calls::get(views, id))?;
    found
        .filter(|call| call.account == caller.account)
        .ok_or_else(|| Problem::not_found("Call not found"))
}

/// Lists the caller's direct calls, newest first.
#[utoipa::path(get, path = "/mcp/calls", tag = "mcp", security(("HTTPBearer" = [])), params(
    ("limit" = Option<u32>, Query, description = "At most this many, 100 where none is given"),
    ("cursor" = Option<String>, Query,
        description = "Only what is before it; `Link` leads to the next page")),
    responses((status = 200, body = envelope::Success<Vec<CallBody>>), (status = 422)))]
pub(super) async fn list_calls(
    hub: Data<Hub>,
    caller: Caller,
    page: Page,
    request: HttpRequest,
) -> Answer {
    hub.read_your_writes().await?;
    let limit = page.limit.unwrap_or(LISTED);
    let listed = hub.views.read(|views| calls::list(views, caller.account, page.before, limit))?;
    let mut answer = HttpResponse::Ok();
    if let Some(last) = listed.last().filter(|_| listed.len() == limit as usize) {
        let path = request.path();
        let next = format!("<{path}?limit={limit}&cursor={}>; rel=\"next\"", last.began);
        answer.insert_header((LINK, next));
    }
    let mut bodies = Vec::with_capacity(listed.len());
    for call in listed {
        bodies.push(CallBody::open(&hub, call).await?);
    }
    Ok(answer.json(envelope::Success::of(bodies)))
}

/// Reads a call.
#[utoipa::path(get, path = "/mcp/calls/{call_id}", tag = "mcp", security(("HTTPBearer" = [])),
    params(("call_id" = String, Path)),
    responses((status = 200, body = envelope::Success<CallBody>), (status = 404)))]
pub(super) async fn get_call(hub: Data<Hub>, caller: Caller, id: Named<CallId>) -> Answer {
    let call = CallBody::open(&hub, find(&hub, &caller, id.0).await?).await?;
    Ok(HttpResponse::Ok().json(envelope::Success::of(call)))
}

/// Stops a call. One that must not be repeated and was under way is in doubt then.
#[utoipa::path(post, path = "/mcp/calls/{call_id}/cancel", tag = "mcp",
    security(("HTTPBearer" = [])), params(("call_id" = String, Path)),
    responses((status = 200, body = envelope::Said<CallBody>), (status = 404), (status = 409)))]
pub(super) async fn cancel_call(
    hub: Data<Hub>,
    caller: Caller,
    id: Named<CallId>,
    once: Idempotency,
) -> Answer {
    tell(&hub, &caller, id.0, &once, Command::Cancel).await?;
    shown(&hub, &caller, id.0, "Call cancelled").await
}

/// Settles a call in doubt: done with a result, or to be repeated, which is waited for.
#[utoipa::path(post, path = "/mcp/calls/{call_id}/resolve", tag = "mcp",
    security(("HTTPBearer" = [])), params(("call_id" = String, Path)),
    request_body = ResolveCall,
    responses((status = 200, body = envelope::Said<CallBody>), (status = 404), (status = 409)))]
pub(super) async fn resolve_call(
    hub: Data<Hub>,
    caller: Caller,
    id: Named<CallId>,
    request: HttpRequest,
    once: Idempotency,
    body: Body<ResolveCall>,
) -> Answer {
    let resolution = match body.0.resolution {
        Said::Repeat => Resolution::Repeat,
        Said::Done => {
            let result = body.0.result.unwrap_or_else(|| Value::Object(Map::new()));
            Resolution::Done(hub.vault.seal(caller.account, &result).await?)
        }
    };
    tell(&hub, &caller, id.0, &once, Command::Resolve { resolution }).await?;
    let wait = Preference::of(&request, hub.config.runs.wait_s.into()).wait();
    settle(&hub, id.0, Instant::now() + wait).await?;
    shown(&hub, &caller, id.0, "Call resolved").await
}

/// Has the caller's call carry out a command.
async fn tell(
    hub: &Hub,
    caller: &Caller,
    id: CallId,
    once: &Idempotency,
    command: Command,
) -> Result<(), Problem> {
    find(hub, caller, id).await?;
    if once.earlier(hub).await?.is_some() {
        return Ok(());
    }
    let context = caller.context(&hub.clock);
    let tell = Tell { command, context, once: once.command(), fresh: false };
    match hub.actors.calls.ask(&id.stream(), tell).await {
        Ok(_) | Err(AskError::Append(AppendError::Duplicate(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn shown(hub: &Hub, caller: &Caller, id: CallId, said: &'static str) -> Answer {
    let call = CallBody::open(hub, find(hub, caller, id).await?).await?;
    Ok(HttpResponse::Ok().json(envelope::Said::of(said, call)))
}
