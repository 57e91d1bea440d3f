//! What a client can read: the account's conversations and runs.

use chrono::{DateTime, Utc};
use hub_events::Position;
use hub_events::conversation::AnswerContent;
use hub_events::id::{ConversationId, ExecutionId};
use hub_projections::conversations::{self, Body, MessageView, Role};
use hub_projections::executions;
use rmcp::model::{
    ErrorData, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::{Value, json};

use super::trouble;
use crate::Hub;
use crate::http::caller::Caller;
use crate::http::envelope::Time;
use crate::http::executions::{AttemptBody, ExecutionBody, Shown};
use crate::http::problem::Problem;

/// How many resources one page holds.
const PAGE: u32 = 50;

/// How many messages of a conversation are shown: the newest.
const MESSAGES: u32 = 200;

/// What the addresses of runs begin with.
const EXECUTIONS: &str = "hub://executions/";

/// What the addresses of conversations begin with.
const CONVERSATIONS: &str = "hub://conversations/";

const JSON: &str = "application/json";

/// A page of the account's conversations and runs, newest first, before a position.
pub(super) async fn list(
    hub: &Hub,
    caller: &Caller,
    before: Option<u64>,
) -> Result<ListResourcesResult, ErrorData> {
    let mut listed = listed(hub, caller, before.map(Position)).await.map_err(trouble)?;
    listed.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
    listed.truncate(PAGE as usize);
    let next = listed.last().filter(|_| listed.len() == PAGE as usize);
    let next = next.map(|(position, _)| position.to_string());
    let resources = listed.into_iter().map(|(_, resource)| resource).collect();
    let mut page = ListResourcesResult::with_all_items(resources);
    page.next_cursor = next;
    Ok(page)
}

/// As many of each kind as a page holds, each with its place among all.
async fn listed(
    hub: &Hub,
    caller: &Caller,
    before: Option<Position>,
) -> Result<Vec<(Position, Resource)>, Problem> {
    hub.read_your_writes().await?;
    let account = caller.account;
    let (runs, talks) = hub.views.read(|views| {
        let runs = executions::list(views, account, before, Some(PAGE))?;
        Ok((runs, conversations::list(views, account, before, Some(PAGE))?))
    })?;
    let mut listed = Vec::with_capacity(runs.len() + talks.len());
    for run in runs {
        let title = format!("Run {} of workflow {}", run.id, run.workflow);
        let name = format!("execution-{}", run.id);
        listed.push((run.began, resource(EXECUTIONS, run.id.0, name, title)));
    }
    for talk in talks {
        let title = match &talk.title {
            Some(title) => hub.vault.open_sealed(account, title).await?,
            None => format!("Conversation {}", talk.id),
        };
        let name = format!("conversation-{}", talk.id);
        listed.push((talk.active, resource(CONVERSATIONS, talk.id.0, name, title)));
    }
    Ok(listed)
}

fn resource(kind: &str, number: i64, name: String, title: String) -> Resource {
    Resource::new(format!("{kind}{number}"), name).with_title(title).with_mime_type(JSON)
}

/// How the addresses of resources are made.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = |kind: &str, place: &str, title: &str, about: &str| {
        let (uri, name) = (format!("{kind}{{{place}}}"), place.trim_end_matches("_id"));
        let template = ResourceTemplate::new(uri, name).with_title(title);
        template.with_description(about).with_mime_type(JSON)
    };
    ListResourceTemplatesResult::with_all_items(vec![
        template(
            EXECUTIONS,
            "execution_id",
            "A run of a workflow",
            "What it was given, where it stands, and every try of every step",
        ),
        template(
            CONVERSATIONS,
            "conversation_id",
            "A conversation",
            "Its newest messages, in order",
        ),
    ])
}

/// Reads a conversation or a run of the account.
pub(super) async fn read(
    hub: &Hub,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let number = |kind: &str| uri.strip_prefix(kind)?.parse().ok();
    let found = match (number(EXECUTIONS), number(CONVERSATIONS)) {
        (Some(run), _) => execution(hub, caller, ExecutionId(run)).await.map_err(trouble)?,
        (_, Some(talk)) => {
            conversation(hub, caller, ConversationId(talk)).await.map_err(trouble)?
        }
        (None, None) => None,
    };
    let missing =
        || ErrorData::resource_not_found("Resource not found", Some(json!({ "uri": uri })));
    let text = found.ok_or_else(missing)?.to_string();
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}

async fn execution(hub: &Hub, caller: &Caller, id: ExecutionId) -> Result<Option<Value>, Problem> {
    hub.read_your_writes().await?;
    let run = hub.views.read(|views| executions::get(views, id))?;
    let Some(run) = run.filter(|run| run.account == caller.account) else { return Ok(None) };
    let mut steps = Vec::new();
    for step in hub.views.read(|views| executions::steps(views, id))? {
        steps.push(AttemptBody::open(hub, &run, step).await?);
    }
    let execution = ExecutionBody::open(hub, run, Shown::Plain).await?;
    Ok(Some(json!({ "execution": execution, "steps": steps })))
}

async fn conversation(
    hub: &Hub,
    caller: &Caller,
    id: ConversationId,
) -> Result<Option<Value>, Problem> {
    hub.read_your_writes().await?;
    let account = caller.account;
    let talk = hub.views.read(|views| conversations::get(views, id))?;
    let Some(talk) = talk.filter(|talk| talk.account == account) else { return Ok(None) };
    let title = match &talk.title {
        Some(title) => Some(hub.vault.open_sealed(account, title).await?),
        None => None,
    };
    let newest = |views: &_| conversations::messages(views, id, None, Some(MESSAGES));
    let mut messages = Vec::new();
    for message in hub.views.read(newest)? {
        messages.push(said(hub, caller, message).await?);
    }
    let time = |at: DateTime<Utc>| Time(at).to_string();
    Ok(Some(json!({
        "id": id.0, "title": title, "created_at": time(talk.created_at),
        "updated_at": talk.updated_at.map(time), "messages": messages,
    })))
}

/// A message, opened for its account.
async fn said(hub: &Hub, caller: &Caller, message: MessageView) -> Result<Value, Problem> {
    let (vault, account) = (&hub.vault, caller.account);
    let content = match &message.body {
        Body::Said(words) => Some(vault.open_sealed(account, words).await?),
        Body::Answer { content: Some(answer), .. } => {
            let AnswerContent { text, .. } = vault.open_sealed(account, answer).await?;
            Some(text)
        }
        Body::Result(call) => match &call.result {
            Some(result) => Some(vault.open_sealed(account, result).await?.to_string()),
            None => None,
        },
        Body::Answer { content: None, .. } => None,
    };
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    Ok(json!({
        "id": message.id.0, "role": role, "content": content, "status": message.status,
        "created_at": Time(message.created_at).to_string(),
    }))
}
