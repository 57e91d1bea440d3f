//! The description of the API and pages to read it, served without the network.
//!
//! Never here: the description of an operation; that stands above its handler.

use std::sync::{Arc, LazyLock};

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Path, ServiceConfig, get, resource};
use pulldown_cmark::{Options, Parser, html};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, OpenApiBuilder};
use utoipa::openapi::{Info, Paths};

use super::problem::{Answer, Problem};
use super::{
    admin, audit, auth, chat, connections, executions, expressions, health, links, mcp, workflows,
};

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/openapi.json").route(get().to(get_document)))
        .service(resource("/docs").route(get().to(get_docs)))
        .service(resource("/docs/problems").route(get().to(get_problems)))
        .service(resource("/docs/{file}").route(get().to(get_docs_file)));
}

/// The description of every operation.
pub fn document() -> OpenApi {
    let mut document = OpenApiBuilder::new()
        .info(Info::new("Arrotech Hub Public API", health::API_VERSION))
        .paths(Paths::new())
        .components(Some(Components::new()))
        .build();
    for area in [
        health::Api::openapi(),
        auth::Api::openapi(),
        admin::Api::openapi(),
        audit::Api::openapi(),
        connections::Api::openapi(),
        workflows::Api::openapi(),
        executions::Api::openapi(),
        expressions::Api::openapi(),
        links::Api::openapi(),
        mcp::Api::openapi(),
        chat::Api::openapi(),
        chat::providers::Api::openapi(),
    ] {
        document.merge(area);
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("HTTPBearer", bearer);
    document
}

async fn get_document() -> Answer {
    static TEXT: LazyLock<Option<Bytes>> =
        LazyLock::new(|| document().to_json().ok().map(Bytes::from));
    let text = TEXT.clone().ok_or_else(|| Problem::accident("the API has no description"))?;
    Ok(HttpResponse::Ok().content_type("application/json").body(text))
}

async fn get_docs() -> Answer {
    docs_file("index.html")
}

async fn get_docs_file(file: Path<String>) -> Answer {
    docs_file(&file)
}

fn docs_file(name: &str) -> Answer {
    static PAGE: LazyLock<Arc<utoipa_swagger_ui::Config<'static>>> =
        LazyLock::new(|| Arc::new(utoipa_swagger_ui::Config::from("/openapi.json")));
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&PAGE)).map_err(Problem::accident)?;
    let file = file.ok_or_else(|| Problem::not_found("Not Found"))?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(file.content_type);
    if name == "index.html" {
        // The page may be asked for without a slash at its end, and its files are beside it.
        let page = String::from_utf8_lossy(&file.bytes);
        return Ok(answer.body(page.replacen("<head>", "<head><base href=\"/docs/\">", 1)));
    }
    Ok(answer.body(file.bytes.into_owned()))
}

/// What each problem code means.
const PROBLEMS: &str = include_str!("../../docs/problems.md");

async fn get_problems() -> HttpResponse {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        // Each code can be linked to by its name.
        let linked = PROBLEMS.lines().map(|line| match line.strip_prefix("## ") {
            Some(code) => format!("{line} {{#{}}}\n", code.trim_matches('`')),
            None => format!("{line}\n"),
        });
        let linked: String = linked.collect();
        let mut page = "<!doctype html><meta charset=\"utf-8\"><title>Problems</title>".to_owned();
        html::push_html(&mut page, Parser::new_ext(&linked, Options::ENABLE_HEADING_ATTRIBUTES));
        page
    });
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE.as_str())
}
