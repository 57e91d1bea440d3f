//! Runs of workflows: begin, list, read, follow, stop, go on.

mod events;
mod view;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LINK, LOCATION};
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use actix_web::{HttpRequest, HttpResponse};
use hub_events::execution::{Command, Resolution, Started};
use hub_events::id::{ExecutionId, WorkflowId};
use hub_events::log::{self, AppendError};
use hub_projections::executions::{self, ExecutionView};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::body::Body;
use super::caller::Caller;
use super::envelope;
use super::idempotency::{Earlier, Idempotency};
use super::page::Page;
use super::path::{Id, Step};
use super::problem::{Answer, Problem};
use super::workflows;
use crate::Hub;
use crate::actors::{AskError, Tell};

pub use view::{AttemptBody, ExecutionBody, Shown};

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/workflows/executions").route(get().to(list_executions)))
        .service(resource("/workflows/executions/{execution_id}").route(get().to(get_execution)))
        .service(resource("/workflows/executions/{execution_id}/steps").route(get().to(list_steps)))
        .service(
            resource("/workflows/executions/{execution_id}/events")
                .route(get().to(events::follow_events)),
        )
        .service(
            resource("/workflows/executions/{execution_id}/cancel")
                .route(post().to(cancel_execution)),
        )
        .service(
            resource("/workflows/executions/{execution_id}/retry")
                .route(post().to(retry_execution)),
        )
        .service(
            resource("/workflows/executions/{execution_id}/steps/{step_number}/resolve")
                .route(post().to(resolve_step)),
        )
        .service(resource("/workflows/{workflow_id}/execute").route(post().to(execute_workflow)))
        .service(
            resource("/workflows/{workflow_id}/executions")
                .route(get().to(list_workflow_executions)),
        );
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(
    list_executions,
    list_workflow_executions,
    get_execution,
    list_steps,
    execute_workflow,
    cancel_execution,
    retry_execution,
    resolve_step,
    events::follow_events
))]
pub(super) struct Api;

/// What a run is given.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ExecuteWorkflow {
    /// What expressions see as `input`.
    #[serde(default)]
    #[schema(nullable = false)]
    pub input_data: Map<String, Value>,
}

/// What became of a step in doubt.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResolveStep {
    /// `done`: the call took effect; `repeat`: it did not, or may be made again.
    pub resolution: Said,
    /// With `done`: the step's result, which later steps see.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
}

/// What somebody says of a call in doubt.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It took effect.
    Done,
    /// It did not, or may be made again.
    Repeat,
}

/// The caller's run with this id.
async fn find(hub: &Hub, caller: &Caller, id: ExecutionId) -> Result<ExecutionView, Problem> {
    hub.read_your_writes().await?;
    let found = hub.views.read(|views| executions::get(views, id))?;
    found
        .filter(|run| run.account == caller.account)
        .ok_or_else(|| Problem::not_found("Workflow execution not found"))
}

/// Begins a run and answers when it is over, or when the wait is.
#[utoipa::path(post, path = "/workflows/{workflow_id}/execute", tag = "workflows",
    security(("HTTPBearer" = [])), params(("workflow_id" = i64, Path),
    ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>`")),
    request_body = ExecuteWorkflow,
    responses((status = 200, body = envelope::Success<ExecutionBody>),
        (status = 202, body = envelope::Success<ExecutionBody>), (status = 404), (status = 429)))]
pub(super) async fn execute_workflow(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<WorkflowId>,
    request: HttpRequest,
    once: Idempotency,
    body: Body<ExecuteWorkflow>,
) -> Answer {
    let run = match once.earlier(&hub).await? {
        Some(Earlier { stream, .. }) => ExecutionId(stream.number().unwrap_or_default()),
        None => begin(&hub, &caller, id.0, once.command(), body.0.input_data).await?,
    };
    let preference = Preference::of(&request, hub.config.runs.wait_s.into());
    if let Preference::Wait(wait) = preference {
        settle(&hub, run, wait).await?;
    }
    let view = find(&hub, &caller, run).await?;
    let (status, applied) = match preference {
        Preference::Async => (StatusCode::ACCEPTED, Some("respond-async")),
        Preference::Wait(_) => (StatusCode::OK, None),
    };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((LOCATION, format!("/workflows/executions/{run}")));
    if let Some(applied) = applied {
        answer.insert_header((HeaderName::from_static("preference-applied"), applied));
    }
    let body = ExecutionBody::open(&hub, view, Shown::WithTrigger).await?;
    Ok(answer.json(envelope::Success::of(body)))
}

/// How a client wants to be answered (RFC 7240).
#[derive(Clone, Copy, Debug)]
pub(super) enum Preference {
    /// At once.
    Async,
    /// When it is over, or after this time.
    Wait(Duration),
}

impl Preference {
    /// How long the answer may be waited for.
    pub(super) fn wait(self) -> Duration {
        match self {
            Self::Async => Duration::ZERO,
            Self::Wait(wait) => wait,
        }
    }

    pub(super) fn of(request: &HttpRequest, longest_s: u64) -> Self {
        let headers = request.headers().get_all("prefer");
        let preferences = headers.filter_map(|value| value.to_str().ok());
        let mut wait = longest_s;
        for preference in preferences.flat_map(|value| value.split([',', ';'])).map(str::trim) {
            if preference.eq_ignore_ascii_case("respond-async") {
                return Self::Async;
            }
            let seconds = preference.split_once('=').filter(|(name, _)| *name == "wait");
            if let Some(seconds) = seconds.and_then(|(_, seconds)| seconds.parse::<u64>().ok()) {
                wait = seconds.min(longest_s);
            }
        }
        Self::Wait(Duration::from_secs(wait))
    }
}

/// Begins a run of a workflow.
pub(super) async fn begin(
    hub: &Hub,
    caller: &Caller,
    workflow: WorkflowId,
    once: Option<log::Command>,
    input: Map<String, Value>,
) -> Result<ExecutionId, Problem> {
    let view = workflows::find(hub, caller, workflow).await?;
    let pinned = (view.id, view.version);
    let plan = hub.outside.plans.find(caller.account, pinned, &hub.outside).await?;
    let now = hub.clock.now();
    let counted = hub.limits.room_for_run(caller.account, caller.tier, now).await?;
    let run = ExecutionId(hub.counters.next_id(ExecutionId::KIND).await?);
    let started = Started {
        execution: run,
        account: caller.account,
        workflow: view.id,
        workflow_version: view.version,
        trigger: "manual".to_owned(),
        plan: plan.planned(),
        input: hub.vault.seal(caller.account, &input).await?,
    };
    let tell = Tell {
        command: Command::Begin(started),
        context: caller.context(&hub.clock),
        once,
        fresh: true,
    };
    match hub.actors.executions.ask(&run.stream(), tell).await {
        Ok(_) => {
            if let Some(counted) = counted {
                counted.began();
            }
            Ok(run)
        }
        // Another request with the same key was quicker.
        Err(AskError::Append(AppendError::Duplicate(before))) => {
            Ok(ExecutionId(before.stream.number().unwrap_or_default()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until a run is over, or waits for a person, or the time is up.
pub(super) async fn settle(hub: &Hub, run: ExecutionId, wait: Duration) -> Result<(), Problem> {
    let stream = run.stream();
    match tokio::time::timeout(wait, hub.actors.executions.settled(&stream)).await {
        Ok(settled) => Ok(settled.map(drop)?),
        Err(_) => Ok(()),
    }
}

/// Lists the caller's runs, newest first.
#[utoipa::path(get, path = "/workflows/executions", tag = "workflows",
    security(("HTTPBearer" = [])), params(
        ("limit" = Option<u32>, Query, description = "At most this many; all where none is given"),
        ("cursor" = Option<String>, Query, description = "Only what is before it; `Link` leads to the next page")),
    responses((status = 200, body = envelope::Success<Vec<ExecutionBody>>)))]
pub(super) async fn list_executions(
    hub: Data<Hub>,
    caller: Caller,
    page: Page,
    request: HttpRequest,
) -> Answer {
    hub.read_your_writes().await?;
    let account = caller.account;
    let runs = hub.views.read(|views| executions::list(views, account, page.before, page.limit))?;
    listed(&hub, request.path(), page, runs).await
}

/// Lists the runs of one workflow, newest first.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions", tag = "workflows",
    security(("HTTPBearer" = [])), params(("workflow_id" = i64, Path),
        ("limit" = Option<u32>, Query, description = "At most this many; all where none is given"),
        ("cursor" = Option<String>, Query, description = "Only what is before it; `Link` leads to the next page")),
    responses((status = 200, body = envelope::Success<Vec<ExecutionBody>>), (status = 404)))]
pub(super) async fn list_workflow_executions(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<WorkflowId>,
    page: Page,
    request: HttpRequest,
) -> Answer {
    let workflow = workflows::find(&hub, &caller, id.0).await?;
    let (account, id) = (caller.account, workflow.id);
    let runs = hub
        .views
        .read(|views| executions::list_of_workflow(views, account, id, page.before, page.limit))?;
    listed(&hub, request.path(), page, runs).await
}

/// A list of runs. Where it is a full page, a `Link` leads to the next (RFC 8288).
async fn listed(hub: &Hub, path: &str, page: Page, runs: Vec<ExecutionView>) -> Answer {
    let mut answer = HttpResponse::Ok();
    if let (Some(limit), Some(last)) = (page.limit, runs.last())
        && runs.len() == limit as usize
    {
        let next = format!("<{path}?limit={limit}&cursor={}>; rel=\"next\"", last.began);
        answer.insert_header((LINK, next));
    }
    let mut bodies = Vec::with_capacity(runs.len());
    for run in runs {
        bodies.push(ExecutionBody::open(hub, run, Shown::Plain).await?);
    }
    Ok(answer.json(envelope::Success::of(bodies)))
}

/// Reads a run.
#[utoipa::path(get, path = "/workflows/executions/{execution_id}", tag = "workflows",
    security(("HTTPBearer" = [])), params(("execution_id" = i64, Path)),
    responses((status = 200, body = envelope::Success<ExecutionBody>), (status = 404)))]
pub(super) async fn get_execution(hub: Data<Hub>, caller: Caller, id: Id<ExecutionId>) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    let body = ExecutionBody::open(&hub, view, Shown::Plain).await?;
    Ok(HttpResponse::Ok().json(envelope::Success::of(body)))
}

/// Lists every try of every step of a run, in the order in which they began.
#[utoipa::path(get, path = "/workflows/executions/{execution_id}/steps", tag = "workflows",
    security(("HTTPBearer" = [])), params(("execution_id" = i64, Path)),
    responses((status = 200, body = envelope::Success<Vec<AttemptBody>>), (status = 404)))]
pub(super) async fn list_steps(hub: Data<Hub>, caller: Caller, id: Id<ExecutionId>) -> Answer {
    let run = find(&hub, &caller, id.0).await?;
    let mut bodies = Vec::new();
    for step in hub.views.read(|views| executions::steps(views, run.id))? {
        bodies.push(AttemptBody::open(&hub, &run, step).await?);
    }
    Ok(HttpResponse::Ok().json(envelope::Success::of(bodies)))
}

/// Stops a run: no further step begins, and what is under way is dropped.
#[utoipa::path(post, path = "/workflows/executions/{execution_id}/cancel", tag = "workflows",
    security(("HTTPBearer" = [])), params(("execution_id" = i64, Path)),
    responses((status = 200, body = envelope::Said<ExecutionBody>), (status = 404), (status = 409)))]
pub(super) async fn cancel_execution(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ExecutionId>,
    once: Idempotency,
) -> Answer {
    tell(&hub, &caller, id.0, &once, Command::Cancel, "Execution cancelled").await
}

/// Has a failed or cancelled run go on from the step where it stopped, keeping what is done.
#[utoipa::path(post, path = "/workflows/executions/{execution_id}/retry", tag = "workflows",
    security(("HTTPBearer" = [])), params(("execution_id" = i64, Path)),
    responses((status = 200, body = envelope::Said<ExecutionBody>), (status = 404), (status = 409)))]
pub(super) async fn retry_execution(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ExecutionId>,
    once: Idempotency,
) -> Answer {
    tell(&hub, &caller, id.0, &once, Command::Retry, "Execution goes on").await
}

/// Settles a step in doubt: done with a result, or to be repeated.
#[utoipa::path(post, path = "/workflows/executions/{execution_id}/steps/{step_number}/resolve",
    tag = "workflows", security(("HTTPBearer" = [])),
    params(("execution_id" = i64, Path), ("step_number" = u32, Path)),
    request_body = ResolveStep,
    responses((status = 200, body = envelope::Said<ExecutionBody>), (status = 404), (status = 409)))]
pub(super) async fn resolve_step(
    hub: Data<Hub>,
    caller: Caller,
    step: Step<ExecutionId>,
    once: Idempotency,
    body: Body<ResolveStep>,
) -> Answer {
    let resolution = match body.0.resolution {
        Said::Repeat => Resolution::Repeat,
        Said::Done => {
            let result = body.0.result.unwrap_or_else(|| Value::Object(Map::new()));
            Resolution::Done(hub.vault.seal(caller.account, &result).await?)
        }
    };
    let command = Command::ResolveStep { step: step.number, resolution };
    tell(&hub, &caller, step.id, &once, command, "Step resolved").await
}

/// Has the caller's run carry out a command, and shows the run as it is then.
async fn tell(
    hub: &Hub,
    caller: &Caller,
    id: ExecutionId,
    once: &Idempotency,
    command: Command,
    said: &'static str,
) -> Answer {
    let run = find(hub, caller, id).await?;
    if once.earlier(hub).await?.is_none() {
        let context = caller.context(&hub.clock);
        let tell = Tell { command, context, once: once.command(), fresh: false };
        match hub.actors.executions.ask(&run.id.stream(), tell).await {
            Ok(_) | Err(AskError::Append(AppendError::Duplicate(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let view = find(hub, caller, id).await?;
    let body = ExecutionBody::open(hub, view, Shown::Plain).await?;
    Ok(HttpResponse::Ok().json(envelope::Said::of(said, body)))
}
