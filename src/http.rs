//! The HTTP edge: turns requests into commands, and views into JSON.
//!
//! One module per area, and beside them what all areas have in common: `caller` (who is
//! asking), `body` and `path` (what they say), `problem` (what went wrong), `envelope` (the
//! form of answers), `exchange` (what every request gets). Never here: rules about what may
//! happen.

pub mod admin;
pub mod audit;
pub mod auth;
pub mod body;
pub mod caller;
pub mod chat;
mod connections;
pub mod envelope;
mod exchange;
pub mod executions;
pub mod expressions;
mod follow;
pub mod health;
pub mod idempotency;
mod links;
pub mod mcp;
pub mod openapi;
pub mod page;
pub mod path;
pub mod problem;
pub mod workflows;

use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::{Compress, NormalizePath, from_fn};
use actix_web::web::{Data, PayloadConfig, ServiceConfig, to};
use actix_web::{App, Error};

use crate::Hub;
use crate::config::Origin;
use problem::{Answer, Problem};

/// Every operation, one line per area. Paths have no slash at their end: both spellings of a
/// request's path come here.
fn routes(config: &mut ServiceConfig, hub: &Data<Hub>) {
    health::routes(config);
    auth::routes(config);
    admin::routes(config);
    audit::routes(config);
    expressions::routes(config);
    connections::routes(config);
    executions::routes(config);
    workflows::routes(config);
    links::routes(config);
    mcp::routes(config, hub);
    chat::routes(config);
    openapi::routes(config);
}

/// The application that answers for a hub.
pub fn app(
    hub: Data<Hub>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let http = &hub.config.http;
    let (limit, cors) = (PayloadConfig::new(http.max_body_bytes), cors(&http.cors_origins));
    // What is wrapped last is outermost.
    App::new()
        .app_data(hub.clone())
        .app_data(limit)
        .configure(|config| routes(config, &hub))
        .default_service(to(nothing_here))
        .wrap(NormalizePath::trim())
        .wrap(cors)
        .wrap(from_fn(exchange::finish))
        .wrap(Compress::default())
        .wrap(from_fn(exchange::exchange))
}

async fn nothing_here() -> Answer {
    Err(Problem::of_status(StatusCode::NOT_FOUND))
}

/// Which pages may call from a browser.
fn cors(origins: &[Origin]) -> Cors {
    let shown = [exchange::REQUEST_ID, RETRY_AFTER];
    let cors = Cors::default().allow_any_method().allow_any_header().expose_headers(shown);
    let cors = cors.max_age(3_600);
    if origins.contains(&Origin::Any) {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors.supports_credentials(), |cors, origin| match origin {
        Origin::One(origin) => cors.allowed_origin(origin),
        Origin::Any => cors,
    })
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
