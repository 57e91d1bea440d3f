//! The platforms that can be connected, as clients see them.
//!
//! Never here: what a manifest means.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use hub_events::account::Tier;
use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use super::super::envelope::Success;
use super::super::problem::{Answer, Problem};
use crate::Hub;
use crate::platforms::Platform;

/// Something that can be done with a platform.
#[derive(Serialize, ToSchema)]
struct CapabilityBody {
    name: String,
    description: String,
    tool_name: String,
    operations: Vec<String>,
}

/// A platform.
#[derive(Serialize, ToSchema)]
struct PlatformBody {
    id: String,
    name: String,
    description: String,
    icon: String,
    features: Vec<String>,
    capabilities: Vec<CapabilityBody>,
    /// JSON Schema of what a connection is made of.
    #[schema(value_type = Object)]
    config_schema: Value,
    category: String,
    /// The smallest plan that has it.
    #[schema(value_type = String)]
    tier: Tier,
    /// Where its interface is documented.
    #[schema(value_type = Option<String>)]
    docs_url: Option<Url>,
    /// Whether it can be connected.
    available: bool,
    /// Why not.
    unavailable_reason: Option<String>,
}

/// All platforms.
#[derive(Serialize, ToSchema)]
pub(super) struct PlatformsBody {
    platforms: Vec<PlatformBody>,
}

fn body(platform: &Platform) -> PlatformBody {
    let manifest = platform.manifest();
    let open = || manifest.operations().filter(|of| of.closed().is_none());
    let capability = |of: crate::platforms::operation::Of<'_>| CapabilityBody {
        name: of.operation.id.clone(),
        description: of.operation.description.clone(),
        tool_name: of.name(),
        operations: vec![of.operation.id.clone()],
    };
    PlatformBody {
        id: manifest.id.clone(),
        name: manifest.name.clone(),
        description: manifest.description.clone(),
        icon: manifest.icon.clone().unwrap_or_else(|| manifest.id.clone()),
        features: open().map(|of| of.operation.id.replace('_', " ")).collect(),
        capabilities: open().map(capability).collect(),
        config_schema: platform.config_schema(),
        category: manifest.category.clone(),
        tier: manifest.tier,
        docs_url: manifest.docs.clone(),
        available: platform.closed().is_none(),
        unavailable_reason: platform.closed().map(str::to_owned),
    }
}

/// Lists every platform, and what a connection to each is made of.
#[utoipa::path(get, path = "/connections/platforms", tag = "connections",
    responses((status = 200, body = Success<PlatformsBody>)))]
pub(super) async fn list_platforms(hub: Data<Hub>) -> Answer {
    let platforms = hub.catalogue.all().iter().map(|platform| body(platform)).collect();
    Ok(HttpResponse::Ok().json(Success::of(PlatformsBody { platforms })))
}

/// The platform of this id, where it can be connected.
pub(super) fn find(hub: &Hub, id: &str) -> Result<Arc<Platform>, Problem> {
    let Some(platform) = hub.catalogue.get(id) else {
        let known = hub.catalogue.all();
        let known = python_list(known.iter().map(|platform| platform.id()));
        let detail = format!("Invalid platform: {id}. Available platforms: {known}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "platform_invalid", detail));
    };
    if let Some(why) = platform.closed() {
        let detail = format!("{} cannot be connected: {why}", platform.manifest().name);
        return Err(Problem::new(StatusCode::BAD_REQUEST, "platform_closed", detail));
    }
    Ok(platform)
}

/// Names as the original writes lists in its texts: `['a', 'b']`.
pub(super) fn python_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}
