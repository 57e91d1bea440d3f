//! What a client can read: the account's runs.

use hub_events::Position;
use hub_events::id::ExecutionId;
use hub_projections::executions::{self, ExecutionView};
use rmcp::model::{
    ErrorData, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;

use super::trouble;
use crate::Hub;
use crate::http::caller::Caller;
use crate::http::executions::{AttemptBody, ExecutionBody, Shown};
use crate::http::problem::Problem;

/// How many resources one page holds.
const PAGE: u32 = 50;

/// What the addresses of runs begin with.
const EXECUTIONS: &str = "hub://executions/";

const JSON: &str = "application/json";

/// A page of the account's runs, newest first, before a position.
pub(super) async fn list(
    hub: &Hub,
    caller: &Caller,
    before: Option<u64>,
) -> Result<ListResourcesResult, ErrorData> {
    let runs = listed(hub, caller, before.map(Position)).await.map_err(trouble)?;
    let next = runs.last().filter(|_| runs.len() == PAGE as usize);
    let next = next.map(|run| run.began.to_string());
    let resource = |run: &ExecutionView| {
        Resource::new(format!("{EXECUTIONS}{}", run.id), format!("execution-{}", run.id))
            .with_title(format!("Run {} of workflow {}", run.id, run.workflow))
            .with_mime_type(JSON)
    };
    let mut page = ListResourcesResult::with_all_items(runs.iter().map(resource).collect());
    page.next_cursor = next;
    Ok(page)
}

async fn listed(
    hub: &Hub,
    caller: &Caller,
    before: Option<Position>,
) -> Result<Vec<ExecutionView>, Problem> {
    hub.read_your_writes().await?;
    let account = caller.account;
    Ok(hub.views.read(|views| executions::list(views, account, before, Some(PAGE)))?)
}

/// How the addresses of resources are made.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let runs = ResourceTemplate::new(format!("{EXECUTIONS}{{execution_id}}"), "execution")
        .with_title("A run of a workflow")
        .with_description("What it was given, where it stands, and every try of every step")
        .with_mime_type(JSON);
    ListResourceTemplatesResult::with_all_items(vec![runs])
}

/// Reads a run of the account.
pub(super) async fn read(
    hub: &Hub,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let number = uri.strip_prefix(EXECUTIONS).and_then(|number| number.parse().ok());
    let found = match number {
        Some(number) => opened(hub, caller, ExecutionId(number)).await.map_err(trouble)?,
        None => None,
    };
    let missing =
        || ErrorData::resource_not_found("Resource not found", Some(json!({ "uri": uri })));
    let text = found.ok_or_else(missing)?;
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}

async fn opened(hub: &Hub, caller: &Caller, id: ExecutionId) -> Result<Option<String>, Problem> {
    hub.read_your_writes().await?;
    let run = hub.views.read(|views| executions::get(views, id))?;
    let Some(run) = run.filter(|run| run.account == caller.account) else { return Ok(None) };
    let mut steps = Vec::new();
    for step in hub.views.read(|views| executions::steps(views, id))? {
        steps.push(AttemptBody::open(hub, &run, step).await?);
    }
    let execution = ExecutionBody::open(hub, run, Shown::Plain).await?;
    Ok(Some(json!({ "execution": execution, "steps": steps }).to_string()))
}
