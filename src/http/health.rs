//! Whether the hub lives, whether it is ready, what it measures, what it is.
//!
//! Open to all. Never here: reasons in more than general words.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, ServiceConfig, get, resource};
use hub_events::account::Tier;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::auth::TierName;
use super::envelope::Time;
use super::problem::{Answer, Problem};
use crate::Hub;

/// The version of the API that this hub speaks.
pub(super) const API_VERSION: &str = "1.0.0";

/// Positions by which views may be behind before the hub is not ready: what a busy log writes
/// in about a second.
const FAR_BEHIND: u64 = 20_000;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/").route(get().to(get_root)))
        .service(resource("/health").route(get().to(get_health)))
        .service(resource("/ready").route(get().to(get_ready)))
        .service(resource("/metrics").route(get().to(get_metrics)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(get_root, get_health, get_ready, get_metrics))]
pub(super) struct Api;

/// What this is.
#[derive(Serialize, ToSchema)]
struct RootBody {
    name: &'static str,
    /// Of the API.
    version: &'static str,
    description: &'static str,
    status: &'static str,
    #[schema(value_type = Vec<TierName>)]
    pricing_tiers: [Tier; 5],
}

/// How it is.
#[derive(Serialize, ToSchema)]
struct HealthBody {
    /// `healthy`, or `degraded` while something is missing.
    status: &'static str,
    #[schema(value_type = String)]
    timestamp: Time,
    environment: &'static str,
    /// Of this build.
    version: &'static str,
    checks: Checks,
}

/// How its parts are: `ok`, or what is wrong in general words.
#[derive(Clone, Copy, Serialize, ToSchema)]
struct Checks {
    log: &'static str,
    views: &'static str,
}

const OK: &str = "ok";

impl Checks {
    fn of(hub: &Hub) -> Self {
        let behind = hub.log.head().0.saturating_sub(hub.views.applied().0);
        let log = if hub.log.refusing().is_some() { "takes no new events" } else { OK };
        let views = match hub.views.stopped() {
            Some(_) => "stopped",
            None if !hub.views.caught_up() => "catching up",
            None if behind > FAR_BEHIND => "far behind",
            None => OK,
        };
        Self { log, views }
    }

    fn all_ok(self) -> bool {
        self.log == OK && self.views == OK
    }
}

/// Says what this is.
#[utoipa::path(get, path = "/", tag = "health", responses((status = 200, body = RootBody)))]
async fn get_root() -> HttpResponse {
    let caching = (CACHE_CONTROL, "public, max-age=60, stale-while-revalidate=120");
    HttpResponse::Ok().insert_header(caching).json(RootBody {
        name: "Arrotech Hub",
        version: API_VERSION,
        description: env!("CARGO_PKG_DESCRIPTION"),
        status: "running",
        pricing_tiers: Tier::ALL,
    })
}

/// Says that the hub lives; 200 also while something is missing.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, body = HealthBody)))]
async fn get_health(hub: Data<Hub>) -> HttpResponse {
    let checks = Checks::of(&hub);
    let caching = (CACHE_CONTROL, "public, max-age=10, stale-while-revalidate=20");
    HttpResponse::Ok().insert_header(caching).json(HealthBody {
        status: if checks.all_ok() { "healthy" } else { "degraded" },
        timestamp: Time(hub.clock.now()),
        environment: "self-hosted",
        version: env!("CARGO_PKG_VERSION"),
        checks,
    })
}

/// Says whether the hub takes work; 503 while it does not.
#[utoipa::path(get, path = "/ready", tag = "health",
    responses((status = 200, body = Checks), (status = 503)))]
async fn get_ready(hub: Data<Hub>) -> Answer {
    let checks = Checks::of(&hub);
    if checks.all_ok() {
        return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(checks));
    }
    let detail = format!("Not ready. Log: {}. Views: {}.", checks.log, checks.views);
    Err(Problem::not_ready(detail))
}

/// Measurements, in the form of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn get_metrics(hub: Data<Hub>) -> Answer {
    let text = hub.metrics.text(&hub).map_err(Problem::accident)?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}
