//! Connections: make, list, read, change, try out, delete; their history; the platforms that
//! can be connected.
//!
//! Never here: a secret in an answer. What is shown of one is a mask.

mod bodies;
mod gate;
mod platforms;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig, delete, get, post, put, resource};
use hub_events::connection::Status;
use hub_events::id::{AccountId, ConnectionId};
use hub_projections::connections as views;
use serde_json::{Map, Value};
use utoipa::OpenApi;

use super::body::Body;
use super::caller::Caller;
use super::envelope::{self, Success, Time};
use super::idempotency::{Earlier, Idempotency};
use super::page::Page;
use super::path::{Id, PathId};
use super::problem::{Answer, Problem};
use crate::Hub;
use crate::connections::probe::Accepted;
use crate::connections::{Change, ConnectionError, New};
use crate::platforms::{ConfigFault, Platform};

use bodies::{
    ChangedBody, ConnectionBody, CreateConnection, CreatedBody, TestConnection, TestResult,
    TestedBody, UpdateConnection, UsageBody,
};

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/connections")
                .route(get().to(list_connections))
                .route(post().to(create_connection)),
        )
        .service(resource("/connections/platforms").route(get().to(platforms::list_platforms)))
        .service(resource("/connections/test").route(post().to(test_new_connection)))
        .service(
            resource("/connections/{connection_id}")
                .route(get().to(get_connection))
                .route(put().to(update_connection))
                .route(delete().to(delete_connection)),
        )
        .service(resource("/connections/{connection_id}/test").route(post().to(test_connection)))
        .service(resource("/connections/{connection_id}/usage").route(get().to(list_uses)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(
    list_connections,
    create_connection,
    platforms::list_platforms,
    test_new_connection,
    get_connection,
    update_connection,
    delete_connection,
    test_connection,
    list_uses
))]
pub(super) struct Api;

impl PathId for ConnectionId {
    const PLACE: &'static str = "connection_id";
    fn of(number: i64) -> Self {
        Self(number)
    }
}

/// Lists the caller's connections, newest first.
#[utoipa::path(get, path = "/connections/", tag = "connections",
    security(("HTTPBearer" = [])),
    responses((status = 200, body = Success<Vec<ConnectionBody>>)))]
async fn list_connections(hub: Data<Hub>, caller: Caller) -> Answer {
    let mut listed = Vec::new();
    for view in hub.connections.list(caller.account).await? {
        let shown = hub.connections.shown(&view).await?;
        listed.push(ConnectionBody::of(view, shown));
    }
    Ok(HttpResponse::Ok().json(Success::of(listed)))
}

/// Reads a connection.
#[utoipa::path(get, path = "/connections/{connection_id}", tag = "connections",
    security(("HTTPBearer" = [])), params(("connection_id" = i64, Path)),
    responses((status = 200, body = Success<ConnectionBody>), (status = 404)))]
async fn get_connection(hub: Data<Hub>, caller: Caller, id: Id<ConnectionId>) -> Answer {
    let view = hub.connections.find(caller.account, id.0).await?;
    let shown = hub.connections.shown(&view).await?;
    Ok(HttpResponse::Ok().json(Success::of(ConnectionBody::of(view, shown))))
}

/// Makes a connection, once the platform has accepted it.
#[utoipa::path(post, path = "/connections/", tag = "connections",
    security(("HTTPBearer" = [])), request_body = CreateConnection,
    responses((status = 200, body = Success<CreatedBody>), (status = 400), (status = 402)))]
async fn create_connection(
    hub: Data<Hub>,
    caller: Caller,
    once: Idempotency,
    body: Body<CreateConnection>,
) -> Answer {
    let id = match once.earlier(&hub).await? {
        Some(Earlier { stream, .. }) => ConnectionId(stream.number().unwrap_or_default()),
        None => {
            let CreateConnection { platform, name, config } = body.0;
            let config = config.within_limits()?;
            gate::allow(&hub, caller.tier, &platform)?;
            let platform = platforms::find(&hub, &platform)?;
            fit(&platform, &config)?;
            try_out(&hub, caller.account, &platform, &config).await.map_err(|reason| {
                let detail = format!("Connection test failed: {reason}");
                Problem::new(StatusCode::BAD_REQUEST, "connection_test_failed", detail)
            })?;
            let id = ConnectionId(hub.counters.next_id(ConnectionId::KIND).await?);
            let (account, status) = (caller.account, Status::Active);
            let new = New { id, account, name, status, config };
            let context = caller.context(&hub.clock);
            hub.connections.create(&platform, new, context, once.command()).await?
        }
    };
    let view = hub.connections.find(caller.account, id).await?;
    let name = hub.connections.shown(&view).await?.name;
    Ok(HttpResponse::Ok().json(Success::of(CreatedBody {
        id: view.id.0,
        platform: view.platform,
        name,
        status: view.status,
        created_at: Time(view.created_at),
    })))
}

/// What a connection shall be made of, as far as it can be judged without the platform.
fn fit(platform: &Platform, config: &Map<String, Value>) -> Result<(), Problem> {
    match platform.check(config) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(unfit(platform, &faults)),
    }
}

fn unfit(platform: &Platform, faults: &[ConfigFault]) -> Problem {
    let detail = match faults.iter().any(|fault| fault.missing && !fault.field.is_empty()) {
        true => {
            let required = platform.config_schema();
            let required = required.get("required").and_then(Value::as_array).cloned();
            let names = required.unwrap_or_default();
            let names = platforms::python_list(names.iter().filter_map(Value::as_str));
            format!("Invalid configuration. Required fields: {names}")
        }
        false => {
            let messages = faults.iter().map(|fault| fault.message.as_str());
            format!("Invalid configuration. {}", messages.collect::<Vec<_>>().join("; "))
        }
    };
    Problem::new(StatusCode::BAD_REQUEST, "config_invalid", detail)
}

/// Asks the platform whether it accepts a connection that is made of this.
async fn try_out(
    hub: &Hub,
    account: AccountId,
    platform: &Platform,
    config: &Map<String, Value>,
) -> Result<Accepted, String> {
    hub.probe.probe(account, platform, &platform.complete(config)).await
}

/// Tries out what a connection shall be made of. Nothing is kept.
#[utoipa::path(post, path = "/connections/test", tag = "connections",
    security(("HTTPBearer" = [])), request_body = TestConnection,
    responses((status = 200, body = TestResult)))]
async fn test_new_connection(hub: Data<Hub>, caller: Caller, body: Body<TestConnection>) -> Answer {
    let TestConnection { platform, config } = body.0;
    let config = config.within_limits()?;
    let outcome = match gate::refused(&hub, caller.tier, &platform) {
        Some(refused) => Err(refused.message()),
        None => test_of(&hub, caller.account, &platform, &config).await,
    };
    Ok(HttpResponse::Ok().json(TestResult::of(outcome)))
}

async fn test_of(
    hub: &Hub,
    account: AccountId,
    platform: &str,
    config: &Map<String, Value>,
) -> Result<Accepted, String> {
    let known = hub.catalogue.get(platform);
    let known = known.ok_or_else(|| format!("Unsupported platform: {platform}"))?;
    if let Some(why) = known.closed() {
        return Err(why.to_owned());
    }
    match known.check(config) {
        faults if faults.is_empty() => try_out(hub, account, &known, config).await,
        faults => Err(ConnectionError::Invalid(faults).to_string()),
    }
}

/// Tries a connection out and puts down what came of it.
#[utoipa::path(post, path = "/connections/{connection_id}/test", tag = "connections",
    security(("HTTPBearer" = [])), params(("connection_id" = i64, Path)),
    responses((status = 200, body = Success<TestedBody>), (status = 404)))]
async fn test_connection(hub: Data<Hub>, caller: Caller, id: Id<ConnectionId>) -> Answer {
    let (account, id) = (caller.account, id.0);
    let outcome = match hub.connections.open(account, id).await {
        Ok(opened) => hub.probe.probe(account, &opened.platform, &opened.config).await,
        Err(ConnectionError::Refused(refusal)) if refusal.code == "platform_unknown" => {
            Err(refusal.detail.into_owned())
        }
        Err(error) => return Err(error.into()),
    };
    let told = outcome.as_ref().map(drop).map_err(Clone::clone);
    hub.connections.record_test(account, id, told, caller.context(&hub.clock)).await?;
    let view = hub.connections.find(account, id).await?;
    let (status, test_result) = (view.status, TestResult::of(outcome));
    let body = TestedBody { connection_id: id.0, status, test_result };
    Ok(HttpResponse::Ok().json(Success::of(body)))
}

/// Changes a connection: all of it. A secret that is given as the mask by which it is shown
/// stays what it is.
#[utoipa::path(put, path = "/connections/{connection_id}", tag = "connections",
    security(("HTTPBearer" = [])), params(("connection_id" = i64, Path)),
    request_body = UpdateConnection,
    responses((status = 200, body = Success<ChangedBody>), (status = 400), (status = 404)))]
async fn update_connection(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConnectionId>,
    body: Body<UpdateConnection>,
) -> Answer {
    let (account, id) = (caller.account, id.0);
    let UpdateConnection { name, status, config } = body.0;
    let before = hub.connections.find(account, id).await?;
    let change = Change { name: name.clone(), status, config: config.within_limits()? };
    let changed = hub.connections.change(account, id, change, caller.context(&hub.clock)).await;
    match (changed, hub.catalogue.get(&before.platform)) {
        (Err(ConnectionError::Invalid(faults)), Some(platform)) => {
            return Err(unfit(&platform, &faults));
        }
        (changed, _) => changed?,
    }
    let view = hub.connections.find(account, id).await?;
    Ok(HttpResponse::Ok().json(Success::of(ChangedBody {
        id: id.0,
        platform: view.platform,
        name,
        status: view.status,
        updated_at: view.updated_at.map(Time),
    })))
}

/// Deletes a connection and forgets its secrets. Its history stays.
#[utoipa::path(delete, path = "/connections/{connection_id}", tag = "connections",
    security(("HTTPBearer" = [])), params(("connection_id" = i64, Path)),
    responses((status = 200, body = envelope::Done), (status = 404)))]
async fn delete_connection(hub: Data<Hub>, caller: Caller, id: Id<ConnectionId>) -> Answer {
    let context = caller.context(&hub.clock);
    hub.connections.delete(caller.account, id.0, context).await?;
    Ok(HttpResponse::Ok().json(envelope::Done::of("Connection deleted successfully")))
}

/// Lists what happened to a connection and what went through it, newest first; also of one that
/// is deleted.
#[utoipa::path(get, path = "/connections/{connection_id}/usage", tag = "connections",
    security(("HTTPBearer" = [])), params(("connection_id" = i64, Path),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 1000"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, body = UsageBody), (status = 404), (status = 422)))]
async fn list_uses(hub: Data<Hub>, caller: Caller, id: Id<ConnectionId>, page: Page) -> Answer {
    hub.read_your_writes().await?;
    let limit = page.limit.unwrap_or(100);
    let (owner, mut uses) = hub.views.read(|connection| {
        let owner = views::owner(connection, id.0)?;
        // One more than asked for, to see whether there is another page.
        Ok((owner, views::usage(connection, id.0, page.before, limit + 1)?))
    })?;
    if owner != Some(caller.account) {
        return Err(Problem::not_found("Connection not found"));
    }
    let more = uses.len() > limit as usize;
    uses.truncate(limit as usize);
    Ok(HttpResponse::Ok().json(UsageBody::of(uses, more)))
}

#[cfg(test)]
mod tests;
