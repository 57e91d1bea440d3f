//! Workflows: made, listed, read, changed, deleted; versions; faults of requests.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::hub::{Hub, OWNER_KEY};

#[tokio::test]
async fn a_workflow_lives_through_all_operations() {
    let hub = Hub::start();
    let id = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    let (status, body) = hub.get(&format!("/workflows/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    let workflow = &body["data"];
    assert_eq!(workflow["status"], "active");
    assert_eq!(workflow["version"], 1);
    assert_eq!(workflow["is_template"], false);
    assert_eq!(workflow["updated_at"], json!(null));
    let step = &workflow["steps"][0];
    assert_eq!(step["step_number"], 1);
    assert_eq!(step["retry_config"], json!({ "max_retries": 3, "retry_delay": 5 }));
    assert_eq!((&step["timeout"], &step["description"]), (&json!(30), &json!("")));

    let change = json!({ "name": "renamed", "status": "paused", "trigger_type": "schedule",
        "steps": [{ "tool_name": "wait", "step_number": 2, "tool_parameters": { "seconds": 0 } },
                  { "tool_name": "set_variables", "step_number": 1, "timeout": null }] });
    let path = format!("/workflows/{id}/");
    let request = hub.request(OWNER_KEY, Method::PUT, &path).json(&change);
    let (status, body) = Hub::send(request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let changed = &body["data"];
    assert_eq!((&changed["name"], &changed["version"]), (&json!("renamed"), &json!(2)));
    assert_eq!(changed["trigger_type"], "scheduled");
    assert_eq!(changed["steps"][0]["tool_name"], "set_variables");
    assert_eq!(changed["steps"][0]["timeout"], json!(null));
    assert_ne!(changed["steps"][0]["id"], step["id"]);
    assert!(changed["updated_at"].is_string());

    let stale = hub.request(OWNER_KEY, Method::PUT, &path).header("If-Match", "\"1\"");
    let (status, _) = Hub::send(stale.json(&json!({ "name": "x" }))).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);

    for path in ["/workflows", "/workflows/"] {
        let (_, body) = hub.get(path).await;
        assert_eq!(body["data"].as_array().unwrap().len(), 1);
        assert_eq!(body["data"][0], *changed);
    }
    let path = format!("/workflows/{id}");
    let (status, body) = Hub::send(hub.request(OWNER_KEY, Method::DELETE, &path)).await;
    assert_eq!(
        (status.as_u16(), body),
        (200, json!({ "message": "Workflow deleted successfully" }))
    );
    let (status, body) = Hub::send(hub.request(OWNER_KEY, Method::DELETE, &path)).await;
    assert_eq!((status.as_u16(), &body["detail"]), (404, &json!("Workflow not found")));
    let (_, body) = hub.get("/workflows/").await;
    assert_eq!(body["data"], json!([]));
}

#[tokio::test]
async fn faults_are_told_all_at_once_and_nothing_is_kept() {
    let hub = Hub::start();
    let path = "/workflows/create-from-steps";
    let faulty = json!({ "workflow_name": 1, "steps": [{}, { "tool_name": "x", "timeout": 0 }],
        "trigger_type": "sometimes", "trigger_config": null });
    let (status, body) = hub.post(path, faulty).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut faults: Vec<_> = body["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["loc"].to_string(), fault["type"].as_str().unwrap().to_owned()))
        .collect();
    faults.sort();
    let expected = [
        ("[\"body\",\"description\"]", "missing"),
        ("[\"body\",\"steps\",0,\"tool_name\"]", "missing"),
        ("[\"body\",\"steps\",1,\"timeout\"]", "greater_than_equal"),
        ("[\"body\",\"trigger_config\"]", "dict_type"),
        ("[\"body\",\"trigger_type\"]", "string_pattern_mismatch"),
        ("[\"body\",\"workflow_name\"]", "string_type"),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(loc, kind)| ((*loc).to_owned(), (*kind).to_owned())).collect();
    assert_eq!(faults, expected);
    let twice =
        json!([{ "tool_name": "a", "step_number": 1 }, { "tool_name": "b", "step_number": 1 }]);
    let body = json!({ "workflow_name": "", "description": "", "steps": twice });
    let (status, _) = hub.post(path, body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, body) = hub.get("/workflows/").await;
    assert_eq!(body["data"], json!([]));
    for (path, status) in [
        ("/workflows/x", 422),
        ("/workflows/99", 404),
        ("/workflows/99999999999999999999", 404),
        ("/workflows/99/executions", 404),
        ("/workflows/executions/99", 404),
        ("/workflows/executions/99/steps", 404),
        ("/nowhere", 404),
    ] {
        assert_eq!(hub.get(path).await.0.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn conditions_and_substitution_can_be_tried_out() {
    let hub = Hub::start();
    let condition =
        json!({ "type": "if", "field": "input.n", "operator": "greater_than", "value": 3 });
    let body = json!({ "condition": condition, "context": { "input": { "n": "4" } } });
    let (_, body) = hub.post("/workflows/test-condition", body).await;
    let expected = json!({ "result": true, "evaluated_value": "4", "expected_value": 3,
        "operator": "greater_than" });
    assert_eq!(body, expected);
    let body = json!({ "condition": condition, "context": { "input": { "n": "many" } } });
    let (status, _) = hub.post("/workflows/test-condition", body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = json!({ "parameters": { "a": "{{ name }}", "b": ["{{n}}"] },
        "context": { "name": "Ann", "n": 5 } });
    let (_, body) = hub.post("/workflows/test-variable-substitution", body).await;
    assert_eq!(body["substituted_parameters"], json!({ "a": "Ann", "b": ["5"] }));
    assert_eq!(body["substitutions_made"], json!(["a: {{ name }} -> Ann"]));
}

#[tokio::test]
async fn a_free_account_has_three_active_workflows_also_when_it_asks_for_many_at_once() {
    let hub = Hub::start();
    let (_, key) = hub.account("free@example.com").await;
    let body = json!({ "workflow_name": "w", "description": "", "steps": [] });
    let path = "/workflows/create-from-steps";
    let asked = (0..8).map(|_| Hub::send(hub.request(&key, Method::POST, path).json(&body)));
    let answers = futures_util::future::join_all(asked).await;
    let with = |status: u16| answers.iter().filter(|answer| answer.0.as_u16() == status).count();
    assert_eq!((with(200), with(403)), (3, 5));
}

#[tokio::test]
async fn the_same_request_with_a_key_takes_effect_once_across_a_restart() {
    let mut hub = Hub::start();
    let body = json!({ "workflow_name": "w", "description": "",
        "steps": [{ "tool_name": "set_variables" }] });
    let make = |hub: &Hub, body: &serde_json::Value| {
        let request = hub.request(OWNER_KEY, Method::POST, "/workflows/create-from-steps");
        Hub::send(request.header("Idempotency-Key", "make").json(body))
    };
    let (_, first) = make(&hub, &body).await;
    hub.kill();
    hub.restart();
    let (_, again) = make(&hub, &body).await;
    assert_eq!(first, again);
    let (status, other) =
        make(&hub, &json!({ "workflow_name": "other", "description": "", "steps": [] })).await;
    assert_eq!((status.as_u16(), &other["code"]), (422, &json!("idempotency_key_reused")));
    let id = first["data"]["id"].as_i64().unwrap();
    let path = format!("/workflows/{id}/execute");
    let run = |hub: &Hub| {
        let request = hub.request(OWNER_KEY, Method::POST, &path);
        Hub::send(request.header("Idempotency-Key", "run").json(&json!({})))
    };
    let (_, first) = run(&hub).await;
    hub.kill();
    hub.restart();
    let both = futures_util::future::join(run(&hub), run(&hub)).await;
    assert_eq!((&both.0.1, &both.1.1), (&first, &first));
    let (_, runs) = hub.get("/workflows/executions").await;
    assert_eq!(runs["data"].as_array().unwrap().len(), 1);
}
