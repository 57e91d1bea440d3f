#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use hub_events::log::sqlite::Sqlite;

use super::testing::{OWNER_KEY, hub, hub_over, register, send, with};
use crate::config::Origin;

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

#[actix_web::test]
async fn both_spellings_of_a_path_are_answered_without_a_redirect() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    for path in ["/health", "/health/", "/auth/me", "/auth/me/", "/admin/accounts/?x=1", "/docs/"] {
        let answer = send(&hub, with(OWNER_KEY, get(path))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn what_is_not_there_is_told_in_the_words_of_the_original() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let answer = send(&hub, get("/nowhere")).await;
    assert_eq!((answer.status, &answer.json()["detail"]), (404, &json!("Not Found")));
    let answer = send(&hub, TestRequest::delete().uri("/auth/login")).await;
    assert_eq!((answer.status, &answer.json()["detail"]), (405, &json!("Method Not Allowed")));
    assert_eq!(answer.header("Allow"), Some("POST"));
}

#[actix_web::test]
async fn a_problem_has_all_its_members_and_the_media_type_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let id = Uuid::new_v4();
    let request = || get("/auth/me").insert_header(("X-Request-Id", id.to_string()));
    let answer = send(&hub, request()).await;
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    let problem = json!({
        "detail": "Not authenticated",
        "type": "/docs/problems#not_authenticated",
        "title": "Unauthorized",
        "status": 401,
        "code": "not_authenticated",
        "instance": format!("urn:uuid:{id}"),
    });
    assert_eq!(answer.json(), problem);
    let accept = ("Accept", "application/problem+json, application/json");
    let answer = send(&hub, request().insert_header(accept)).await;
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    assert_eq!(answer.json(), problem);
}

#[actix_web::test]
async fn a_request_has_an_id_that_is_the_clients_where_it_is_sensible() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    for (given, kept) in [("abc-1.2_X", true), ("", false), ("a b", false), ("ä", false)] {
        let request = get("/health").insert_header(("X-Request-Id", given.as_bytes().to_vec()));
        let answer = send(&hub, request).await;
        let id = answer.header("X-Request-Id").unwrap();
        assert_eq!(id == given, kept, "{given}");
        assert!(kept || Uuid::parse_str(id).is_ok(), "{id}");
    }
    let long = "x".repeat(129);
    let answer = send(&hub, get("/nowhere").insert_header(("X-Request-Id", long.clone()))).await;
    assert_ne!(answer.header("X-Request-Id"), Some(long.as_str()));
}

#[actix_web::test]
async fn large_bodies_are_compressed_for_those_who_want_it() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    for (path, accepted, encoding) in [
        ("/openapi.json", Some("gzip"), Some("gzip")),
        ("/openapi.json", None, None),
        ("/", Some("gzip"), None),
        ("/nowhere", Some("gzip"), None),
    ] {
        let request = match accepted {
            Some(accepted) => get(path).insert_header(("Accept-Encoding", accepted)),
            None => get(path),
        };
        let answer = send(&hub, request).await;
        assert_eq!(answer.header("Content-Encoding"), encoding, "{path} {accepted:?}");
        assert_eq!(answer.bytes.starts_with(&[0x1f, 0x8b]), encoding.is_some(), "{path}");
    }
}

#[actix_web::test]
async fn only_the_pages_that_the_settings_name_may_call() {
    let directory = tempfile::tempdir().unwrap();
    let ours = "https://app.example.com";
    let hub = hub(directory.path(), |config| {
        config.http.cors_origins = vec![Origin::One(ours.to_owned())];
    })
    .await;
    let preflight = |origin: &'static str| {
        TestRequest::default()
            .method(Method::OPTIONS)
            .uri("/auth/me")
            .insert_header(("Origin", origin))
            .insert_header(("Access-Control-Request-Method", "PUT"))
            .insert_header(("Access-Control-Request-Headers", "authorization, x-anything"))
    };
    let answer = send(&hub, preflight(ours)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(ours));
    assert_eq!(answer.header("Access-Control-Allow-Credentials"), Some("true"));
    let answer = send(&hub, preflight("https://evil.example")).await;
    assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
    // Errors can be read by a page too.
    let answer = send(&hub, get("/auth/me").insert_header(("Origin", ours))).await;
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(ours));
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_turned_away() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |config| config.http.max_body_bytes = 1_000).await;
    let body = "x".repeat(1_001);
    let answer = send(&hub, TestRequest::post().uri("/auth/login").set_payload(body)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("body_too_large")));
}

#[actix_web::test]
async fn a_free_account_has_a_hundred_requests_a_day_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let mut seen = 0;
    let token = {
        let hub = hub(directory.path(), |_| {}).await;
        let (_, token) = register(&hub, "ann@example.com").await;
        for _ in 0..52 {
            let answer = send(&hub, with(&token, get("/auth/me"))).await;
            seen += 1;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("RateLimit-Policy"), Some("\"daily\";q=100;w=86400"));
            let left = format!("\"daily\";r={};t=86400", 100 - seen);
            assert_eq!(answer.header("RateLimit"), Some(left.as_str()));
        }
        token
    };
    let hub = hub(directory.path(), |_| {}).await;
    let spent = loop {
        let answer = send(&hub, with(&token, get("/auth/me"))).await;
        if answer.status != 200 {
            break answer;
        }
        seen += 1;
    };
    assert_eq!(seen, 97, "the restart lost the rest of one block of five");
    assert_eq!((spent.status, &spent.json()["code"]), (429, &json!("quota_spent")));
    assert_eq!(spent.json()["detail"], "Too many requests. Please try again later.");
    assert_eq!(spent.header("Retry-After"), Some("86400"));
    assert_eq!(spent.header("RateLimit"), Some("\"daily\";r=0;t=86400"));
    let (_, other) = register(&hub, "bob@example.com").await;
    assert_eq!(send(&hub, with(&other, get("/auth/me"))).await.status, 200);
    hub.clock.advance(TimeDelta::days(1));
    let answer = send(&hub, with(&token, get("/auth/me"))).await;
    assert_eq!(answer.status, 401, "the login token has run out by then");
}

#[actix_web::test]
async fn a_hub_tells_how_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    hub.read_your_writes().await.unwrap();
    let answer = send(&hub, get("/health")).await;
    let health = answer.json();
    assert_eq!((&health["status"], &health["checks"]["log"]), (&json!("healthy"), &json!("ok")));
    assert_eq!(health["timestamp"], "2026-01-01T00:00:00.000000+00:00");
    assert_eq!(send(&hub, get("/ready")).await.status, 200);
    let root = send(&hub, get("/")).await.json();
    assert_eq!((&root["version"], &root["status"]), (&json!("1.0.0"), &json!("running")));
    let metrics = String::from_utf8(send(&hub, get("/metrics")).await.bytes).unwrap();
    let counted = r#"hub_http_requests_total{method="GET",route="/health",status="200"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    let head = format!("hub_log_head {}", hub.log.head());
    assert!(metrics.contains(&head), "{metrics}");
}

#[actix_web::test]
async fn a_log_that_fails_stops_new_work_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let log = Sqlite::open(&directory.path().join("hub.db")).unwrap();
    let hub = hub_over(directory.path(), log.clone(), |_| {}).await;
    let (_, token) = register(&hub, "ann@example.com").await;
    let regenerate = || with(&token, TestRequest::post().uri("/auth/me/regenerate-api-key"));
    log.fail_next_sync();
    for _ in 0..2 {
        let answer = send(&hub, regenerate()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("log_unavailable")));
        assert_eq!(answer.header("Retry-After"), Some("5"));
    }
    let answer = send(&hub, get("/ready")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")));
    assert_eq!(answer.json()["detail"], "Not ready. Log: takes no new events. Views: ok.");
    let answer = send(&hub, get("/health")).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("degraded")));
    // Reading goes on beyond the block that was on record, and stays within the quota.
    let mut read = 0;
    while send(&hub, with(&token, get("/auth/me"))).await.status == 200 {
        read += 1;
    }
    assert!((95..=100).contains(&read), "{read}");
}

#[actix_web::test]
async fn every_described_operation_is_there_and_closed_unless_it_is_known_to_be_open() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let document = send(&hub, get("/openapi.json")).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Arrotech Hub Public API");
    let open = [
        "/",
        "/health",
        "/ready",
        "/metrics",
        "/auth/register",
        "/auth/login",
        "/auth/refresh",
        "/l/{code}",
        "/chat/ollama/status",
        "/chat/ollama/diagnostic",
        "/connections/platforms",
    ];
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let place = path.replace(['{', '}'], "");
            let answer =
                send(&hub, TestRequest::default().method(method.clone()).uri(&place)).await;
            let wanted = open.contains(&path.as_str());
            assert_eq!(answer.status != 401, wanted, "{method} {path}: {}", answer.status);
            // What a handler does not find, it calls by its name.
            assert_ne!(answer.json()["detail"], "Not Found", "{method} {path}");
            assert_ne!(answer.status, 405, "{method} {path}");
            assert_eq!(operation.get("security").is_none(), wanted, "{method} {path}");
            operations += 1;
        }
    }
    assert!(operations >= 12, "{operations}");
}

#[actix_web::test]
async fn the_docs_are_served_without_the_network() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let page = String::from_utf8(send(&hub, get("/docs")).await.bytes).unwrap();
    assert!(page.contains("<base href=\"/docs/\">") && !page.contains("https://"), "{page}");
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(send(&hub, get(&format!("/docs/{file}"))).await.status, 200, "{file}");
    }
    let answer = send(&hub, get("/docs/swagger-initializer.js")).await;
    assert!(String::from_utf8(answer.bytes).unwrap().contains("/openapi.json"));
    let answer = send(&hub, get("/docs/problems")).await;
    assert!(String::from_utf8(answer.bytes).unwrap().contains("<h2 id=\"quota_spent\">"));
    assert_eq!(send(&hub, get("/docs/nothing.js")).await.status, 404);
}

/// Every code of a problem or refusal in the source: the first text after what makes one.
fn codes(directory: &Path, codes: &mut BTreeSet<String>) {
    let makers = [
        "Refusal::new(",
        "Problem::new(",
        "Self::new(StatusCode::",
        "=>(\"",
        "unauthorized(",
        "too_many(",
    ];
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            self::codes(&path, codes);
            continue;
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if !is_source || path.ends_with("tests.rs") || path.ends_with("testing.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let dense: String = text.split_whitespace().collect();
        let is_problem = path.ends_with("http/problem.rs");
        for maker in makers.iter().filter(|maker| is_problem || **maker != "=>(\"") {
            for (at, _) in dense.match_indices(maker) {
                let rest = &dense[at + maker.len() - usize::from(maker.ends_with('"'))..];
                let Some((before, rest)) = rest.split_once('"') else { continue };
                if !before.contains([')', '{', ';', '|']) {
                    codes.insert(rest.split('"').next().unwrap().to_owned());
                }
            }
        }
    }
}

#[test]
fn every_code_has_a_paragraph_and_no_paragraph_is_left_over() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    codes(&root.join("src"), &mut used);
    codes(&root.join("events/src"), &mut used);
    let page = std::fs::read_to_string(root.join("docs/problems.md")).unwrap();
    let told: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`').map(str::to_owned))
        .collect();
    assert_eq!(used, told);
}
