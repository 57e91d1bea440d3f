//! A client calls: a tool, which is a direct call, or a workflow, which is a run.
//!
//! A client that cancels (in the newer revision, by closing its stream) stops the call or the
//! run. One whose session breaks off does not.

use std::time::Duration;

use hub_events::call::Via;
use hub_events::execution;
use hub_events::id::{CallId, ExecutionId, StreamId, WorkflowId};
use hub_events::{Context, call};
use hub_projections::calls::Status as CallStatus;
use hub_projections::executions;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, ErrorData, ProgressNotificationParam,
};
use rmcp::service::RequestContext;
use serde_json::{Map, Value};
use tokio::sync::broadcast::error::RecvError;

use super::tools::workflow_of;
use super::trouble;
use crate::Hub;
use crate::actors::Tell;
use crate::calls::{NotMade, Ready, Wanted, look};
use crate::feed::{Signal, Step};
use crate::http::caller::Caller;
use crate::http::executions::{ExecutionBody, Shown, begin, settle};
use crate::http::mcp::calls::find;
use crate::http::mcp::view::CallBody;
use crate::http::problem::Problem;
use crate::tools::Fault;

/// How long a call is waited for; one that takes longer goes on and can be looked up.
const LONGEST: Duration = Duration::from_secs(600);

/// Calls a tool or runs a workflow.
pub(super) async fn call(
    hub: &Hub,
    caller: &Caller,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let CallToolRequestParams { name, arguments, .. } = request;
    let arguments = arguments.unwrap_or_default();
    if let Some(workflow) = workflow_of(&name) {
        return run(hub, caller, workflow, arguments, context).await;
    }
    let Caller { account, tier, .. } = *caller;
    let tool = name.into_owned();
    match look(hub, Wanted { account, tier, tool, arguments, via: Via::Mcp }).await {
        Ok(ready) => make(hub, caller, ready, context).await,
        Err(error @ NotMade::Unknown(_)) => Err(ErrorData::invalid_params(error.to_string(), None)),
        Err(NotMade::Faults(faults)) => Ok(failed(&words(&faults))),
        Err(error @ (NotMade::Plan(_) | NotMade::Failed(_))) => Ok(failed(&error.to_string())),
        Err(NotMade::Vault(error)) => Err(trouble(error.into())),
    }
}

/// A failure that the model is shown, so that it can do better.
fn failed(message: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}

fn words(faults: &[Fault]) -> String {
    let said = |Fault { pointer, message }: &Fault| match &**pointer {
        "" => message.clone(),
        _ => format!("{pointer}: {message}"),
    };
    faults.iter().map(said).collect::<Vec<_>>().join("; ")
}

/// Makes a call that was looked at.
async fn make(
    hub: &Hub,
    caller: &Caller,
    ready: Ready,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let id = ready.id();
    let made = ready.make(hub, caller.context(&hub.clock), None, LONGEST);
    let stop = stop_call(hub, id, caller.context(&hub.clock));
    let Some(made) = followed(hub, &id.stream(), made, context).await else {
        stop.await;
        return Ok(failed("The call was cancelled"));
    };
    let id = made.map_err(|error| trouble(error.into()))?;
    let call = async { CallBody::open(hub, find(hub, caller, id).await?).await };
    Ok(shown(call.await.map_err(trouble)?))
}

/// What the model is shown of a call.
fn shown(call: CallBody) -> CallToolResult {
    if let Some(told) = call.without_result() {
        return match call.status {
            CallStatus::Running | CallStatus::Waiting => {
                CallToolResult::success(vec![ContentBlock::text(told)])
            }
            _ => failed(&told),
        };
    }
    match (call.status, call.result) {
        (CallStatus::Failed, Some(result)) => CallToolResult::structured_error(result),
        (CallStatus::Failed, None) => failed(&call.error_message.unwrap_or_default()),
        (_, result) => CallToolResult::structured(result.unwrap_or_default()),
    }
}

/// Runs a workflow to its end.
async fn run(
    hub: &Hub,
    caller: &Caller,
    workflow: WorkflowId,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let run = match begin(hub, caller, workflow, None, input).await {
        Ok(run) => run,
        Err(problem) if problem.is_accident() => return Err(trouble(problem)),
        Err(problem) => return Ok(failed(&problem.words())),
    };
    let settled = settle(hub, run, LONGEST);
    if followed(hub, &run.stream(), settled, context).await.is_none() {
        stop_run(hub, run, caller.context(&hub.clock)).await;
        return Ok(failed("The run was cancelled"));
    }
    let body = ended(hub, run).await.map_err(trouble)?;
    let failed = matches!(body.status, "failed" | "cancelled" | "in_doubt");
    let body = serde_json::to_value(body).map_err(|error| trouble(error.into()))?;
    Ok(if failed {
        CallToolResult::structured_error(body)
    } else {
        CallToolResult::structured(body)
    })
}

async fn ended(hub: &Hub, run: ExecutionId) -> Result<ExecutionBody, Problem> {
    hub.read_your_writes().await?;
    let view = hub.views.read(|views| executions::get(views, run))?;
    let view = view.ok_or_else(|| Problem::not_found("Workflow execution not found"))?;
    ExecutionBody::open(hub, view, Shown::Plain).await
}

async fn stop_call(hub: &Hub, call: CallId, context: Context) {
    let tell = Tell { command: call::Command::Cancel, context, once: None, fresh: false };
    // One that is over, or was never put on record, needs no stopping.
    let _ = hub.actors.calls.ask(&call.stream(), tell).await;
}

async fn stop_run(hub: &Hub, run: ExecutionId, context: Context) {
    let tell = Tell { command: execution::Command::Cancel, context, once: None, fresh: false };
    let _ = hub.actors.executions.ask(&run.stream(), tell).await;
}

/// Waits for what is under way in a stream, and passes on what is told of it meanwhile, where
/// the client asked for that. None where the client cancelled.
async fn followed<T>(
    hub: &Hub,
    stream: &StreamId,
    under_way: impl Future<Output = T>,
    context: &RequestContext<RoleServer>,
) -> Option<T> {
    let token = context.meta.get_progress_token();
    let mut signals = hub.feed.listen(stream);
    let mut under_way = std::pin::pin!(under_way);
    let mut told = 0.0;
    loop {
        let signal = tokio::select! {
            biased;
            () = context.ct.cancelled() => return None,
            signal = signals.recv() => signal,
            done = &mut under_way => return Some(done),
        };
        let Some(token) = &token else { continue };
        match signal {
            Ok(Signal::Progress(_, Step { message, fraction })) => {
                // What is told must grow, whether or not the tool knows how far it has come.
                told = fraction.unwrap_or(told + 0.001).max(told + 0.001);
                let progress = ProgressNotificationParam::new(token.clone(), told);
                let progress = match fraction {
                    Some(_) => progress.with_total(1.0),
                    None => progress,
                };
                // A client that has gone hears nothing.
                let _ = context.peer.notify_progress(progress.with_message(&*message)).await;
            }
            Err(RecvError::Closed) => return Some(under_way.await),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
    }
}
