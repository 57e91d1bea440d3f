//! What a client can call: the account's tools, and its active workflows.

use std::sync::Arc;

use hub_events::Class;
use hub_events::id::WorkflowId;
use hub_events::workflow::{Content, Status};
use hub_projections::workflows;
use rmcp::model::{ErrorData, JsonObject, ListToolsResult, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::trouble;
use crate::Hub;
use crate::http::caller::Caller;
use crate::http::mcp::list::callable;
use crate::http::problem::Problem;
use crate::tools::{Card, Registered};

/// How many tools one page holds.
const PAGE: usize = 100;

/// What the names of workflows begin with.
const WORKFLOW: &str = "workflow_";

/// How much of a workflow's name stands in its tool's.
const SLUG: usize = 48;

/// A page of tools, from the `from`th on.
pub(super) async fn list(
    hub: &Hub,
    caller: &Caller,
    from: Option<u64>,
) -> Result<ListToolsResult, ErrorData> {
    let tools = callable(hub, caller).await.map_err(trouble)?;
    let mut tools: Vec<_> = tools.iter().map(described).collect();
    tools.extend(active_workflows(hub, caller).await.map_err(trouble)?);
    let from = from.and_then(|from| usize::try_from(from).ok()).unwrap_or_default();
    let next = from.saturating_add(PAGE);
    let more = tools.len() > next;
    let mut page =
        ListToolsResult::with_all_items(tools.into_iter().skip(from).take(PAGE).collect());
    page.next_cursor = more.then(|| next.to_string());
    Ok(page)
}

/// A tool of the registry as clients of the protocol see it.
fn described(tool: &Arc<Registered>) -> Tool {
    let Card { name, description, schema, platform, destructive, .. } = tool.card();
    let hints = ToolAnnotations::new().destructive(*destructive);
    // What a platform's operation does is the same whatever its arguments are.
    let hints = match platform.is_some().then(|| tool.class(&Value::Object(Map::new()))) {
        Some(Class::Read) => hints.read_only(true),
        Some(Class::Idempotent) => hints.idempotent(true),
        Some(Class::Keyed | Class::AtMostOnce) | None => hints,
    };
    Tool::new(name.to_string(), description.to_string(), object(schema.clone()))
        .with_annotations(hints)
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The account's active workflows, newest first.
async fn active_workflows(hub: &Hub, caller: &Caller) -> Result<Vec<Tool>, Problem> {
    hub.read_your_writes().await?;
    let mut tools = Vec::new();
    for view in hub.views.read(|views| workflows::list(views, caller.account))? {
        if view.definition.status == Status::Active {
            let content = hub.vault.open_sealed(caller.account, &view.definition.content).await?;
            tools.push(workflow(view.id, content));
        }
    }
    Ok(tools)
}

/// A workflow as a tool: a call runs it.
fn workflow(id: WorkflowId, content: Content) -> Tool {
    let Content { name, description, variables, .. } = content;
    let about = match description.filter(|text| !text.trim().is_empty()) {
        Some(text) => format!("Runs the workflow \"{name}\": {text}"),
        None => format!("Runs the workflow \"{name}\"."),
    };
    Tool::new(format!("{WORKFLOW}{id}_{}", slug(&name)), about, input_schema(variables))
        .with_title(name)
}

/// The workflow that a tool's name stands for. What follows its number may change, as the
/// workflow's name does.
pub(super) fn workflow_of(tool: &str) -> Option<WorkflowId> {
    let rest = tool.strip_prefix(WORKFLOW)?;
    let number = rest.split_once('_').map_or(rest, |(number, _)| number);
    number.parse().ok().map(WorkflowId)
}

/// A name in the letters that names of tools have.
fn slug(name: &str) -> String {
    let plain =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    let plain: String = plain.collect();
    let joined = plain.split_whitespace().collect::<Vec<_>>().join("_");
    joined.chars().take(SLUG).collect()
}

/// What a run of a workflow can be given: its variables, each with what is said of it.
fn input_schema(variables: Option<Map<String, Value>>) -> JsonObject {
    const SAID: [&str; 4] = ["type", "description", "default", "enum"];
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, definition) in variables.into_iter().flatten() {
        let mut property = Map::new();
        for said in SAID {
            if let Some(value) = definition.get(said).filter(|value| fits(said, value)) {
                property.insert(said.to_owned(), value.clone());
            }
        }
        if definition.get("required") == Some(&Value::Bool(true))
            && !property.contains_key("default")
        {
            required.push(Value::from(name.as_str()));
        }
        properties.insert(name, property.into());
    }
    let mut schema = object(json!({ "type": "object", "properties": properties }));
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Whether what a definition says can stand in a JSON Schema.
fn fits(said: &str, value: &Value) -> bool {
    const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];
    match said {
        "type" => value.as_str().is_some_and(|kind| TYPES.contains(&kind)),
        "description" => value.is_string(),
        "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_workflows_tool_is_found_by_its_number_whatever_it_is_called() {
        let named = |name: &str| format!("{WORKFLOW}17_{}", slug(name));
        for (name, tool) in [
            ("Send the weekly report!", "workflow_17_send_the_weekly_report"),
            ("Übersicht", "workflow_17_bersicht"),
            ("", "workflow_17_"),
        ] {
            assert_eq!(named(name), tool);
            assert_eq!(workflow_of(tool), Some(WorkflowId(17)));
        }
        assert!(named(&"long ".repeat(100)).len() <= 64);
        assert_eq!(workflow_of("workflow_17"), Some(WorkflowId(17)));
        for other in ["workflow_", "workflow_x_17", "http_request"] {
            assert_eq!(workflow_of(other), None, "{other}");
        }
    }

    #[test]
    fn variables_become_a_schema() {
        let variables = json!({
            "to": { "type": "string", "description": "Who gets it", "required": true },
            "copies": { "type": "integer", "default": 1, "required": true },
            "odd": { "type": "date", "enum": [] },
            "plain": "text",
        });
        let schema = input_schema(variables.as_object().cloned());
        let expected = json!({
            "type": "object",
            "properties": {
                "to": { "type": "string", "description": "Who gets it" },
                "copies": { "type": "integer", "default": 1 },
                "odd": {},
                "plain": {},
            },
            "required": ["to"],
        });
        assert_eq!(Value::Object(schema.clone()), expected);
        assert!(jsonschema::validator_for(&Value::Object(schema)).is_ok());
        assert_eq!(input_schema(None).get("properties"), Some(&json!({})));
    }
}
