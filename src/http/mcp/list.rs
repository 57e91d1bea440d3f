//! The list of tools, and whether each can be called.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use hub_events::account::Tier;
use hub_events::connection::Status;
use hub_events::id::{AccountId, ConnectionId};
use hub_projections::connections;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::Hub;
use crate::calls::has_platform;
use crate::http::caller::Caller;
use crate::http::envelope;
use crate::http::problem::{Answer, Problem, fault};
use crate::tools::{Card, Registered};

/// Whether a tool can be called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// It can.
    Available,
    /// Once its platform is connected.
    ConnectionRequired,
    /// With a larger plan.
    UpgradeRequired,
}

/// A tool.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToolBody {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    #[serde(rename = "inputSchema")]
    #[schema(value_type = Object)]
    pub input_schema: Value,
    /// Whether it can be called now.
    pub status: ToolStatus,
    /// Its name once more.
    pub id: String,
    /// Of the hub's own tools: where it stands in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Of the hub's own tools: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_available: Option<bool>,
    /// Of a platform's tools: the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Of a platform's tools: the connection through which a call goes that names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<i64>,
    /// Of a platform's tools: what of it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
}

impl ToolBody {
    /// What an account of this plan sees of a tool.
    pub(in crate::http) fn of(
        hub: &Hub,
        tier: Tier,
        tool: &Registered,
        connected: &Connected,
    ) -> Self {
        let Card { name, category, description, schema, platform, .. } = tool.card();
        let own = platform.is_none();
        let connection = platform.as_ref().and_then(|platform| connected.get(&**platform));
        let capability = platform.as_ref().map(|platform| {
            let bare = name.strip_prefix(&**platform).and_then(|rest| rest.strip_prefix('_'));
            bare.unwrap_or(name).to_owned()
        });
        Self {
            name: name.to_string(),
            description: description.to_string(),
            input_schema: schema.clone(),
            status: match (platform, connection) {
                (Some(platform), _) if !has_platform(hub, tier, platform) => {
                    ToolStatus::UpgradeRequired
                }
                (Some(_), None) => ToolStatus::ConnectionRequired,
                (Some(_), Some(_)) | (None, _) => ToolStatus::Available,
            },
            id: name.to_string(),
            category: own.then(|| category.to_string()),
            always_available: own.then_some(true),
            platform: platform.as_ref().map(ToString::to_string),
            connection_id: connection.map(|connection| connection.0),
            capability,
        }
    }
}

/// The platforms that an account has connected, each with its oldest active connection.
pub(in crate::http) type Connected = HashMap<String, ConnectionId>;

/// What an account has connected.
pub(in crate::http) fn connected(hub: &Hub, account: AccountId) -> Result<Connected, Problem> {
    let newest_first = hub.views.read(|views| connections::list(views, account))?;
    let active = newest_first.into_iter().filter(|known| known.status == Status::Active);
    Ok(active.map(|active| (active.platform, active.id)).collect())
}

/// The tools that an account can call now.
pub(super) async fn callable(hub: &Hub, caller: &Caller) -> Result<Vec<Arc<Registered>>, Problem> {
    hub.read_your_writes().await?;
    let connected = connected(hub, caller.account)?;
    let mut tools = hub.tools.all(caller.account);
    tools.retain(|tool| {
        tool.card().platform.as_deref().is_none_or(|platform| {
            connected.contains_key(platform) && has_platform(hub, caller.tier, platform)
        })
    });
    Ok(tools)
}

/// Tools.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToolsBody {
    /// The hub's own first, then those of platforms.
    pub tools: Vec<ToolBody>,
    /// How many.
    pub total: usize,
    /// The caller's account.
    pub user_id: i64,
}

/// Lists the tools that the caller can call; where asked, also those that it could.
#[utoipa::path(get, path = "/mcp/tools", tag = "mcp", security(("HTTPBearer" = [])), params(
    ("include_all" = Option<bool>, Query, description = "Also what must be connected first"),
    ("all" = Option<bool>, Query, description = "The same")),
    responses((status = 200, body = envelope::Success<ToolsBody>), (status = 422)))]
pub(super) async fn list_tools(hub: Data<Hub>, caller: Caller, request: HttpRequest) -> Answer {
    let everything = switches(request.query_string())?.contains(&Some(true));
    hub.read_your_writes().await?;
    let connected = connected(&hub, caller.account)?;
    let tools = hub.tools.all(caller.account);
    let tools = tools.iter().map(|tool| ToolBody::of(&hub, caller.tier, tool, &connected));
    let shown = |tool: &ToolBody| everything || tool.status == ToolStatus::Available;
    let tools: Vec<_> = tools.filter(shown).collect();
    let body = ToolsBody { total: tools.len(), tools, user_id: caller.account.0 };
    Ok(HttpResponse::Ok().json(envelope::Success::of(body)))
}

/// What `include_all` and `all` say, where they are there.
pub(in crate::http) fn switches(query: &str) -> Result<[Option<bool>; 2], Problem> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query);
    let pairs = pairs.map(Query::into_inner).unwrap_or_default();
    let ([mut include_all, mut all], mut faults) = ([None; 2], Vec::new());
    for (name, text) in &pairs {
        let switch = match &**name {
            "include_all" => &mut include_all,
            "all" => &mut all,
            _ => continue,
        };
        match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => *switch = Some(true),
            "false" | "0" | "no" | "off" | "f" | "n" => *switch = Some(false),
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                let input = Some(text.as_str().into());
                faults.push(fault(&["query", name], "bool_parsing", message, input));
            }
        }
    }
    if faults.is_empty() { Ok([include_all, all]) } else { Err(Problem::faults(faults)) }
}
