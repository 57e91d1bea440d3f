//! What happened in an account, for its holder to see.
//!
//! Never here: what an event says; only that it happened, when, and who asked for it.

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, resource};
use hub_projections::timeline::{self, MomentView};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::caller::Caller;
use super::envelope::Time;
use super::page::Page;
use super::problem::Answer;
use crate::Hub;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/audit/timeline").route(get().to(list_moments)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(list_moments))]
pub(super) struct Api;

/// Something that happened.
#[derive(Serialize, ToSchema)]
struct MomentBody {
    /// Its place among all events; it grows, with gaps.
    position: u64,
    #[schema(value_type = String)]
    at: Time,
    /// To what: kind, hyphen, id.
    stream: String,
    /// What.
    event_type: String,
    /// Who asked for it: `hub`, or `account:` and its id.
    actor: String,
    /// The request or alarm that everything with this value came from.
    correlation_id: Uuid,
}

/// A page of what happened.
#[derive(Serialize, ToSchema)]
struct TimelineBody {
    success: bool,
    data: Vec<MomentBody>,
    /// For the next page, as `cursor`; null on the last one.
    next_cursor: Option<String>,
}

impl From<MomentView> for MomentBody {
    fn from(moment: MomentView) -> Self {
        Self {
            position: moment.position.0,
            at: Time(moment.at),
            stream: moment.stream.to_string(),
            event_type: moment.event_type,
            actor: moment.actor.to_string(),
            correlation_id: moment.correlation,
        }
    }
}

/// Lists what happened in the caller's account, newest first.
#[utoipa::path(get, path = "/audit/timeline", tag = "audit", security(("HTTPBearer" = [])),
    params(("limit" = Option<u32>, Query, description = "At most this many, 1 to 1000"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, body = TimelineBody), (status = 422)))]
async fn list_moments(hub: Data<Hub>, caller: Caller, page: Page) -> Answer {
    hub.read_your_writes().await?;
    let limit = page.limit.unwrap_or(100);
    // One more than asked for, to see whether there is another page.
    let mut moments = hub
        .views
        .read(|connection| timeline::page(connection, caller.account, page.before, limit + 1))?;
    let more = moments.len() > limit as usize;
    moments.truncate(limit as usize);
    let last = moments.last().filter(|_| more);
    let next_cursor = last.map(|moment| moment.position.to_string());
    let data = moments.into_iter().map(MomentBody::from).collect();
    Ok(HttpResponse::Ok().json(TimelineBody { success: true, data, next_cursor }))
}
