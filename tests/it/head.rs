//! HEAD: answered like GET, without the body.

use reqwest::Method;
use serde_json::json;

use crate::hub::{Hub, OWNER_KEY};

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let hub = Hub::start();
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    let run = hub.run(workflow, json!({})).await["id"].as_i64().unwrap();
    let (one, events) =
        (format!("/workflows/{workflow}"), format!("/workflows/executions/{run}/events"));
    let table = [
        ("/workflows/", 200),
        (one.as_str(), 200),
        ("/openapi.json", 200),
        ("/docs/", 200),
        ("/nowhere", 404),
        ("/workflows/987654", 404),
        ("/auth/login", 405),
        (events.as_str(), 200),
    ];
    for (path, status) in table {
        let head = hub.request(OWNER_KEY, Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status().as_u16(), status, "{path}");
        let headers = head.headers().clone();
        assert_eq!(head.bytes().await.unwrap().len(), 0, "{path}");
        let get = hub.request(OWNER_KEY, Method::GET, path).send().await.unwrap();
        assert_eq!(get.status().as_u16(), status, "{path}");
        assert_eq!(get.headers().get("content-type"), headers.get("content-type"), "{path}");
        assert_eq!(get.headers().get("etag"), headers.get("etag"), "{path}");
        if let Some(length) = headers.get("content-length") {
            assert_eq!(get.headers().get("content-length"), Some(length), "{path}");
        }
    }
}
