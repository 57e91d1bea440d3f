//! Why the assistant would do what: what somebody wants, which tools fit, whether a call's
//! arguments do (contract, sections 5.15 to 5.17).
//!
//! Never here: a model, or a call.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use hub_events::id::ConversationId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::conversations::find;
use super::send::SendMessage;
use crate::Hub;
use crate::chat::intent::{self, Kind};
use crate::chat::validate::{Validation, validate};
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};
use crate::tools::Registered;

/// How many tools are suggested, and how many are listed.
const SUGGESTED: usize = 5;
const LISTED: usize = 10;

/// How well a tool must fit at least, from 0 to 1.
const LEAST: f32 = 0.2;

/// A call to be looked at.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ValidateTool {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    #[schema(nullable = false)]
    pub arguments: Map<String, Value>,
}

/// What came of looking at a call.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidatedTool {
    /// Whether the arguments fit.
    pub valid: bool,
    /// Everything that is wrong.
    pub errors: Vec<String>,
    /// The arguments with slips mended; null where they do not fit.
    #[schema(value_type = Option<Object>)]
    pub corrected_arguments: Option<Value>,
    /// What the tool does.
    pub tool_description: String,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    pub tool_schema: Value,
}

/// What somebody wants.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedIntent {
    /// The message.
    pub user_input: String,
    /// `chat`, `action`, `query`, `analysis` or `automation`.
    #[schema(value_type = String)]
    pub intent_type: Kind,
    /// How surely, from 0 to 1.
    pub confidence: f32,
    /// Whether it takes tools.
    pub requires_tools: bool,
    /// Tools that fit, best first.
    pub suggested_tools: Vec<String>,
    /// How it was told.
    pub explanation: String,
    /// What to do about it.
    pub recommendation: &'static str,
}

/// Which tools fit a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedTools {
    /// The message.
    pub user_input: String,
    /// The tools, best first.
    pub relevant_tools: Vec<RelevantTool>,
    /// How many.
    pub total_tools_found: usize,
    /// How they were found.
    pub explanation: String,
}

/// A tool that fits a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelevantTool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// How well it fits, from 0 to 1.
    pub relevance_score: f32,
    /// The platform whose connection it needs; `universal` where it needs none.
    pub platform: String,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    pub schema: Value,
}

impl RelevantTool {
    fn of((tool, relevance_score): (Arc<Registered>, f32)) -> Self {
        let card = tool.card();
        Self {
            name: card.name.to_string(),
            description: card.description.to_string(),
            relevance_score,
            platform: card.platform.as_deref().unwrap_or("universal").to_owned(),
            schema: card.schema.clone(),
        }
    }
}

/// The tools that fit a text, best first.
pub(super) fn relevant(
    hub: &Hub,
    caller: &Caller,
    text: &str,
    most: usize,
) -> Vec<(Arc<Registered>, f32)> {
    let shelf = hub.outside.offers.shelf(caller.account, &hub.tools);
    let hits = shelf.search(text, most).into_iter().filter(|(_, score)| *score >= LEAST);
    hits.map(|(tool, score)| (Arc::clone(tool), score)).collect()
}

/// Looks at the arguments of a call before it is made.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/validate-tool", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path)),
    request_body = ValidateTool,
    responses((status = 200, body = ValidatedTool), (status = 404), (status = 422)))]
pub(super) async fn validate_tool(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    body: Body<ValidateTool>,
) -> Answer {
    find(&hub, &caller, id.0).await?;
    let ValidateTool { tool: name, arguments } = body.0;
    let tool = hub.tools.find(caller.account, &name).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not_found", format!("Tool {name} not found"))
    })?;
    let Validation { errors, corrected_arguments } = validate(&tool, &Value::Object(arguments));
    Ok(HttpResponse::Ok().json(ValidatedTool {
        valid: errors.is_empty(),
        errors,
        corrected_arguments,
        tool_description: tool.card().description.to_string(),
        tool_schema: tool.card().schema.clone(),
    }))
}

/// Tells what a message asks for, and by which words.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/explain-intent", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path)),
    request_body = SendMessage,
    responses((status = 200, body = ExplainedIntent), (status = 404), (status = 422)))]
pub(super) async fn explain_intent(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    body: Body<SendMessage>,
) -> Answer {
    find(&hub, &caller, id.0).await?;
    let user_input = body.0.content;
    let intent = intent::classify(&user_input);
    let suggested = match intent.requires_tools {
        true => relevant(&hub, &caller, &user_input, SUGGESTED),
        false => Vec::new(),
    };
    Ok(HttpResponse::Ok().json(ExplainedIntent {
        user_input,
        intent_type: intent.kind,
        confidence: intent.confidence,
        requires_tools: intent.requires_tools,
        suggested_tools: suggested.iter().map(|(tool, _)| tool.card().name.to_string()).collect(),
        explanation: intent.explanation(),
        recommendation: intent.recommendation(),
    }))
}

/// Tells which tools fit a message, and how well.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/explain-tools", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path)),
    request_body = SendMessage,
    responses((status = 200, body = ExplainedTools), (status = 404), (status = 422)))]
pub(super) async fn explain_tools(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    body: Body<SendMessage>,
) -> Answer {
    find(&hub, &caller, id.0).await?;
    let user_input = body.0.content;
    let found = relevant(&hub, &caller, &user_input, LISTED);
    let explanation = match found.len() {
        0 => "No tool's name or description fits the message.".to_owned(),
        count => format!("{count} tools fit the message by their names and descriptions."),
    };
    let relevant_tools: Vec<_> = found.into_iter().map(RelevantTool::of).collect();
    let total_tools_found = relevant_tools.len();
    let body = ExplainedTools { user_input, relevant_tools, total_tools_found, explanation };
    Ok(HttpResponse::Ok().json(body))
}
