//! Who gets in, and that nobody sees what is another's.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::hub::{Hub, OWNER_KEY};

/// Every operation that needs a caller, with a body that it accepts. `{w}`, `{e}` and `{c}` stand
/// for a workflow, a run and a connection.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("GET", "/workflows/", ""),
    ("GET", "/workflows/executions", ""),
    ("POST", "/workflows/create-from-steps", r#"{"workflow_name":"","description":"","steps":[]}"#),
    ("POST", "/workflows/test-condition", r#"{"condition":{},"context":{}}"#),
    ("POST", "/workflows/test-variable-substitution", r#"{"parameters":{},"context":{}}"#),
    ("GET", "/workflows/{w}", ""),
    ("PUT", "/workflows/{w}", "{}"),
    ("DELETE", "/workflows/{w}", ""),
    ("POST", "/workflows/{w}/execute", "{}"),
    ("GET", "/workflows/{w}/executions", ""),
    ("GET", "/workflows/executions/{e}", ""),
    ("GET", "/workflows/executions/{e}/steps", ""),
    ("GET", "/workflows/executions/{e}/events", ""),
    ("POST", "/workflows/executions/{e}/cancel", ""),
    ("POST", "/workflows/executions/{e}/retry", ""),
    ("POST", "/workflows/executions/{e}/steps/1/resolve", r#"{"resolution":"repeat"}"#),
    ("GET", "/chat/providers", ""),
    ("GET", "/auth/me", ""),
    ("POST", "/auth/me/regenerate-api-key", ""),
    ("GET", "/audit/timeline", ""),
    ("GET", "/connections/", ""),
    ("POST", "/connections/", r#"{"platform":"nothing","name":"","config":{}}"#),
    ("POST", "/connections/test", r#"{"platform":"nothing","config":{}}"#),
    ("GET", "/connections/{c}", ""),
    ("PUT", "/connections/{c}", r#"{"name":"","status":"active","config":{}}"#),
    ("DELETE", "/connections/{c}", ""),
    ("POST", "/connections/{c}/test", ""),
    ("GET", "/connections/{c}/usage", ""),
    ("GET", "/admin/accounts", ""),
    ("PUT", "/admin/accounts/1", r#"{"tier":"pro"}"#),
    ("POST", "/admin/vault/rotate", ""),
];

/// The ids of a workflow, a run and a connection.
type Ids = [i64; 3];

/// A path with ids in their places.
fn filled(path: &str, ids: Ids) -> String {
    let places = ["{w}", "{e}", "{c}"].into_iter().zip(ids);
    places.fold(path.to_owned(), |path, (place, id)| path.replace(place, &id.to_string()))
}

async fn ask(hub: &Hub, key: &str, operation: (&str, &str, &str), ids: Ids) -> (u16, Value) {
    let (method, path, body) = operation;
    let path = filled(path, ids);
    let mut request = hub.request(key, method.parse().unwrap(), &path);
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    let (status, body) = Hub::send(request).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn every_operation_wants_to_know_who_asks() {
    let hub = Hub::start();
    for operation in OPERATIONS {
        let (status, body) = ask(&hub, "not-a-key", *operation, [1; 3]).await;
        assert_eq!(status, 401, "{operation:?}");
        assert_eq!(body["detail"], "Could not validate credentials", "{operation:?}");
        let path = filled(operation.1, [1; 3]);
        let request = hub.request("x", operation.0.parse().unwrap(), &path).build().unwrap();
        let bare = Client::new().request(request.method().clone(), request.url().clone());
        let answer = bare.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{operation:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["detail"], "Not authenticated", "{operation:?}");
    }
}

/// The table above names every operation of the API's description that is not open to all.
#[tokio::test]
async fn no_operation_is_missing_from_the_table() {
    let hub = Hub::start();
    let (_, document) = hub.get("/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = operation["security"].as_array().is_none_or(Vec::is_empty);
            let place = path
                .replace("{workflow_id}", "{w}")
                .replace("{execution_id}", "{e}")
                .replace("{connection_id}", "{c}")
                .replace("{step_number}", "1")
                .replace("{account_id}", "1");
            let known = OPERATIONS.iter().any(|(known, path, _)| {
                known.eq_ignore_ascii_case(method)
                    && path.trim_end_matches('/') == place.trim_end_matches('/')
            });
            assert!(open || known, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_anothers_looks_like_what_is_not_there() {
    let hub = Hub::start();
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    let run = hub.run(workflow, json!({})).await["id"].as_i64().unwrap();
    let (_, stranger) = hub.account("stranger@example.com").await;
    for operation in OPERATIONS.iter().filter(|operation| operation.1.contains('{')) {
        let theirs = ask(&hub, &stranger, *operation, [workflow, run, 1]).await;
        let nobodys = ask(&hub, &stranger, *operation, [987_654; 3]).await;
        assert_eq!((theirs.0, nobodys.0), (404, 404), "{operation:?}");
        assert_eq!(theirs.1["detail"], nobodys.1["detail"], "{operation:?}");
    }
    for path in ["/workflows/", "/workflows/executions", "/connections/"] {
        let (_, body) = Hub::send(hub.request(&stranger, Method::GET, path)).await;
        assert_eq!(body["data"], json!([]), "{path}");
    }
    for operation in OPERATIONS.iter().filter(|operation| operation.1.starts_with("/admin")) {
        assert_eq!(ask(&hub, &stranger, *operation, [1; 3]).await.0, 403, "{operation:?}");
    }
    let (_, body) = hub.get(&format!("/workflows/{workflow}")).await;
    assert_eq!(body["data"]["version"], 1);
    assert_eq!(hub.execution(run).await["status"], "completed");
}

#[tokio::test]
async fn a_free_account_has_a_hundred_requests_a_day_also_after_a_restart() {
    let mut hub = Hub::start();
    let (id, key) = hub.account("free@example.com").await;
    let ask = |hub: &Hub| hub.request(&key, Method::GET, "/workflows/").send();
    let mut answered = 0;
    for round in 0..120 {
        if round == 50 {
            hub.kill();
            hub.restart();
        }
        let answer = ask(&hub).await.unwrap();
        match answer.status().as_u16() {
            200 => answered += 1,
            429 => assert!(answer.headers().contains_key("retry-after")),
            status => panic!("{status}"),
        }
    }
    // One request went into getting the key; a crash may cost the rest of a block, never give.
    assert!((90..=99).contains(&answered), "{answered}");
    let path = format!("/admin/accounts/{id}");
    let raise = hub.request(OWNER_KEY, Method::PUT, &path).json(&json!({ "tier": "pro" }));
    assert_eq!(Hub::send(raise).await.0, 200);
    assert_eq!(ask(&hub).await.unwrap().status(), 200);
}
