//! Following a short link. Open to all.
//!
//! Never here: making links; that is what the tool `web_tools` does.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Path, ServiceConfig, get, resource};
use utoipa::OpenApi;

use super::exchange::asks_for_head_only;
use super::problem::{Answer, Problem};
use crate::Hub;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/l/{code}").route(get().to(follow_link)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(follow_link))]
pub(super) struct Api;

/// Leads to where a short link leads, and counts the visit.
#[utoipa::path(get, path = "/l/{code}", tag = "links", params(("code" = String, Path)),
    responses((status = 302, description = "`Location` is where the link leads."),
        (status = 404)))]
async fn follow_link(hub: Data<Hub>, request: HttpRequest, code: Path<String>) -> Answer {
    let link = hub.links.find(&code).await.map_err(Problem::accident)?;
    let link = link.ok_or_else(|| Problem::not_found("Link not found"))?;
    if !asks_for_head_only(&request) {
        hub.counters.count_visit(&code);
    }
    let mut answer = HttpResponse::Found();
    answer.insert_header((LOCATION, link.target.as_str()));
    // So that the next visit is counted too.
    answer.insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer.finish())
}
