//! The tools that the assistant can use (contract, sections 5.12 and 9).
//!
//! Never here: calling them.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::explain::relevant;
use crate::Hub;
use crate::http::caller::Caller;
use crate::http::envelope;
use crate::http::mcp::{ToolBody, connected, switches};
use crate::http::problem::Answer;

/// How many tools are found for a text.
const FOUND: usize = 20;

/// How many platforms are suggested.
const SUGGESTED: usize = 5;

/// The tools.
#[derive(Debug, Serialize, ToSchema)]
pub struct AvailableTools {
    /// The hub's own first, then those of platforms.
    pub tools: Vec<ToolBody>,
    /// How many.
    pub total: usize,
    /// What the list is.
    pub description: &'static str,
}

/// What the assistant can do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Capabilities {
    /// Always true.
    pub success: bool,
    /// The platforms that the account has connected.
    pub connected_apps: Vec<String>,
    /// How many tools of each category can be called now.
    pub tool_categories: BTreeMap<String, usize>,
    /// How many tools can be called now.
    pub total_tools: usize,
    /// What would help, in words.
    pub suggestions: Vec<String>,
}

/// What there is to be found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Discovered {
    /// Always true.
    pub success: bool,
    /// The platforms that the account has connected.
    pub connected_apps: Vec<String>,
    /// The tools that fit what was asked for, best first; all where nothing was.
    pub tools: Vec<ToolBody>,
    /// How many.
    pub total_tools: usize,
    /// How many tools of each category there are among them.
    pub tool_categories: BTreeMap<String, usize>,
    /// Platforms that are to be connected first, in words.
    pub suggestions: Vec<String>,
}

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    query: Option<String>,
}

/// Lists the tools; where both parameters are `false`, only those that can be called now.
#[utoipa::path(get, path = "/chat/tools", tag = "chat", security(("HTTPBearer" = [])), params(
    ("include_all" = Option<bool>, Query, description = "Also what must be connected first"),
    ("all" = Option<bool>, Query, description = "The same")),
    responses((status = 200, body = envelope::Success<AvailableTools>), (status = 422)))]
pub(super) async fn list_chat_tools(
    hub: Data<Hub>,
    caller: Caller,
    request: HttpRequest,
) -> Answer {
    let everything = switches(request.query_string())? != [Some(false); 2];
    hub.read_your_writes().await?;
    let connected = connected(&hub, caller.account)?;
    let mut tools = hub.tools.all(caller.account);
    tools.retain(|tool| {
        everything || tool.card().platform.as_ref().is_none_or(|it| connected.contains_key(&**it))
    });
    let tools: Vec<_> =
        tools.iter().map(|tool| ToolBody::of(&hub, caller.tier, tool, &connected)).collect();
    let description = match everything {
        true => "All tools, with what must be connected first",
        false => "The tools that can be called now",
    };
    let body = AvailableTools { total: tools.len(), tools, description };
    Ok(HttpResponse::Ok().json(envelope::Success::of(body)))
}

/// Tells what the assistant can do for the caller now.
#[utoipa::path(get, path = "/chat/tools/capabilities", tag = "chat",
    security(("HTTPBearer" = [])), responses((status = 200, body = Capabilities)))]
pub(super) async fn get_capabilities(hub: Data<Hub>, caller: Caller) -> Answer {
    hub.read_your_writes().await?;
    let connected = connected(&hub, caller.account)?;
    let (mut categories, mut unconnected) = (BTreeMap::new(), BTreeSet::new());
    for tool in hub.tools.all(caller.account) {
        let card = tool.card();
        match &card.platform {
            Some(platform) if !connected.contains_key(&**platform) => {
                unconnected.insert(platform.to_string());
            }
            _ => *categories.entry(card.category.to_string()).or_insert(0) += 1,
        }
    }
    let suggestions = match unconnected.len() {
        0 => Vec::new(),
        count => vec![format!("{count} more platforms can be connected under Connections")],
    };
    Ok(HttpResponse::Ok().json(Capabilities {
        success: true,
        connected_apps: connected.into_keys().collect::<BTreeSet<_>>().into_iter().collect(),
        total_tools: categories.values().sum(),
        tool_categories: categories,
        suggestions,
    }))
}

/// Finds tools by what they do, also those whose platforms are to be connected first.
#[utoipa::path(get, path = "/chat/tools/discover", tag = "chat", security(("HTTPBearer" = [])),
    params(("query" = Option<String>, Query, description = "What a tool shall do, in words")),
    responses((status = 200, body = Discovered)))]
pub(super) async fn discover_tools(
    hub: Data<Hub>,
    caller: Caller,
    wanted: Query<Wanted>,
) -> Answer {
    hub.read_your_writes().await?;
    let connected = connected(&hub, caller.account)?;
    let found = match wanted.query.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => {
            relevant(&hub, &caller, text, FOUND).into_iter().map(|(tool, _)| tool).collect()
        }
        None => hub.tools.all(caller.account),
    };
    let (mut categories, mut suggestions) = (BTreeMap::new(), Vec::new());
    for tool in &found {
        let card = tool.card();
        *categories.entry(card.category.to_string()).or_insert(0) += 1;
        if let Some(platform) = &card.platform
            && !connected.contains_key(&**platform)
        {
            let suggestion = format!("Connect {platform}");
            if suggestions.len() < SUGGESTED && !suggestions.contains(&suggestion) {
                suggestions.push(suggestion);
            }
        }
    }
    let tools: Vec<_> =
        found.iter().map(|tool| ToolBody::of(&hub, caller.tier, tool, &connected)).collect();
    Ok(HttpResponse::Ok().json(Discovered {
        success: true,
        connected_apps: connected.into_keys().collect::<BTreeSet<_>>().into_iter().collect(),
        total_tools: tools.len(),
        tools,
        tool_categories: categories,
        suggestions,
    }))
}
