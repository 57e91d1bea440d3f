//! Runs: results, conditions, retries, time-outs, cancelling, doubt, versions, events.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::hub::{Hub, OWNER_KEY};
use crate::stub::{Reply, Stub};

fn fetch(url: &str, retries: u32) -> Value {
    json!({ "tool_name": "http_request", "tool_parameters": { "url": url },
        "retry_config": { "max_retries": retries, "retry_delay": 0.05 } })
}

fn post(url: &str) -> Value {
    json!({ "tool_name": "http_request", "timeout": 2,
        "tool_parameters": { "method": "POST", "url": url, "json": { "a": "{{input.a}}" } } })
}

#[tokio::test]
async fn results_flow_from_step_to_step_and_false_conditions_are_passed_over() {
    let hub = Hub::start();
    let stub = Stub::start(&[Reply::Json(200, "{\"price\": 7}")]).await;
    let only = |value: &str| json!({ "type": "if", "field": "input.plan", "value": value });
    let id = hub
        .workflow(json!([
            fetch(&stub.url("/price?of={{input.what|urlencode}}"), 0),
            { "tool_name": "set_variables", "condition": only("gold"),
              "tool_parameters": { "skipped": true } },
            { "tool_name": "set_variables", "condition": only("free"),
              "tool_parameters": { "line": "{{name}}: {{step_1.body.price}}" } },
        ]))
        .await;
    let run = hub.run(id, json!({ "plan": "free", "name": "Ann", "what": "a b" })).await;
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["output_data"]["step_3"], json!({ "line": "Ann: 7" }));
    assert_eq!(run["output_data"].get("step_2"), None);
    assert!(stub.asked()[0].line.starts_with("GET /price?of=a%20b "), "{:?}", stub.asked());
    let override_one =
        hub.run(id, json!({ "plan": "free", "step_3_line": "{{input.plan}}!" })).await;
    assert_eq!(override_one["output_data"]["step_3"], json!({ "line": "free!" }));
}

#[tokio::test]
async fn a_failing_step_is_tried_again_and_then_fails_the_run() {
    let hub = Hub::start();
    let stub = Stub::start(&[Reply::Json(500, "{}"), Reply::Cut]).await;
    let id = hub.workflow(json!([fetch(&stub.url("/"), 2)])).await;
    let run = hub.run(id, json!({})).await;
    assert_eq!(run["status"], "completed", "{run}");
    let steps = hub.steps(run["id"].as_i64().unwrap()).await;
    let seen: Vec<_> = steps.iter().map(|step| (&step["attempt"], &step["status"])).collect();
    let expected = [(1, "failed"), (2, "failed"), (3, "completed")];
    let expected: Vec<_> = expected.map(|(try_, status)| (json!(try_), json!(status))).into();
    assert_eq!(seen, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());

    let stub = Stub::start(&[Reply::Json(500, "{}"), Reply::Json(500, "{}")]).await;
    let id = hub
        .workflow(json!([
            { "tool_name": "set_variables", "tool_parameters": { "kept": 1 } },
            fetch(&stub.url("/"), 1),
            { "tool_name": "set_variables", "tool_parameters": { "after": 1 } },
        ]))
        .await;
    let run = hub.run(id, json!({})).await;
    assert_eq!(run["status"], "failed");
    assert_eq!(run["error_message"], "Step 2 failed: The answer is 500");
    assert_eq!(run["output_data"], json!({}));
    assert_eq!(stub.asked().len(), 2);
    let run = run["id"].as_i64().unwrap();
    let (status, _) = hub.post(&format!("/workflows/executions/{run}/retry"), json!({})).await;
    assert_eq!(status, 200);
    let done = hub.until(run, &["completed"]).await;
    assert_eq!(done["output_data"]["step_1"], json!({ "kept": 1 }));
    assert_eq!(done["output_data"]["step_3"], json!({ "after": 1 }));
    assert_eq!(hub.steps(run).await.iter().filter(|step| step["step_number"] == 1).count(), 1);
    let (status, _) = hub.post(&format!("/workflows/executions/{run}/retry"), json!({})).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn the_other_sides_retry_after_is_honoured() {
    let hub = Hub::start();
    let stub = Stub::start(&[Reply::With(429, "retry-after: 1")]).await;
    let id = hub.workflow(json!([fetch(&stub.url("/"), 1)])).await;
    let begun = Instant::now();
    let run = hub.run(id, json!({})).await;
    assert_eq!(run["status"], "completed", "{run}");
    // Not how fast it is, but that it did not come too soon.
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn wrong_arguments_and_unknown_tools_fail_at_once_and_send_nothing() {
    let hub = Hub::start();
    for (tool, parameters, said) in [
        ("no_such_tool", json!({}), "no tool named no_such_tool"),
        ("http_request", json!({}), "\"url\" is a required property"),
        ("http_request", json!({ "url": "http://169.254.169.254/" }), "does not connect"),
        ("http_request", json!({ "url": "http://[::1]:1/" }), "does not connect"),
        ("wait", json!({ "seconds": "{{nothing}}" }), "/seconds"),
    ] {
        let id = hub.workflow(json!([{ "tool_name": tool, "tool_parameters": parameters }])).await;
        let run = hub.run(id, json!({})).await;
        assert_eq!(run["status"], "failed", "{run}");
        assert!(run["error_message"].as_str().unwrap().contains(said), "{run}");
        assert_eq!(hub.steps(run["id"].as_i64().unwrap()).await.len(), 1);
    }
}

#[tokio::test]
async fn a_post_without_an_answer_is_in_doubt_until_somebody_settles_it() {
    let hub = Hub::start();
    for (settle, requests) in [("repeat", 2), ("done", 1)] {
        let stub = Stub::start(&[Reply::Silence]).await;
        let next = json!({ "tool_name": "set_variables",
            "tool_parameters": { "got": "{{step_1.said}}" } });
        let id = hub.workflow(json!([post(&stub.url("/")), next])).await;
        let run = hub.run(id, json!({ "a": "b" })).await;
        assert_eq!(run["status"], "in_doubt", "{run}");
        let run = run["id"].as_i64().unwrap();
        assert_eq!(stub.asked().len(), 1);
        assert_eq!(stub.asked()[0].body, "{\"a\":\"b\"}");
        assert_eq!(hub.steps(run).await[0]["status"], "in_doubt");
        let path = format!("/workflows/executions/{run}/steps/1/resolve");
        let body = json!({ "resolution": settle, "result": { "said": "yes" } });
        let (status, answer) = hub.post(&path, body.clone()).await;
        assert_eq!(status, 200, "{answer}");
        let done = hub.until(run, &["completed"]).await;
        assert_eq!(stub.asked().len(), requests);
        if settle == "done" {
            assert_eq!(done["output_data"]["step_2"], json!({ "got": "yes" }));
        }
        let (status, answer) = hub.post(&path, body).await;
        assert_eq!((status.as_u16(), &answer["code"]), (409, &json!("step_not_in_doubt")));
    }
}

#[tokio::test]
async fn a_post_with_a_key_is_repeated_under_the_same_key() {
    let hub = Hub::start();
    let stub = Stub::start(&[Reply::Cut, Reply::Json(500, "{}")]).await;
    let step = json!({ "tool_name": "http_request",
        "retry_config": { "max_retries": 3, "retry_delay": 0 },
        "tool_parameters": { "method": "POST", "url": stub.url("/"), "json": 1,
            "idempotency_header": "Idempotency-Key" } });
    let id = hub.workflow(json!([step])).await;
    let run = hub.run(id, json!({})).await;
    assert_eq!(run["status"], "completed", "{run}");
    let keys: Vec<_> = stub
        .asked()
        .iter()
        .map(|asked| {
            let found = asked.headers.iter().find(|header| header.starts_with("idempotency-key:"));
            found.unwrap().clone()
        })
        .collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_cancelled_run_stops_and_can_go_on() {
    let hub = Hub::start();
    let id = hub
        .workflow(json!([
            { "tool_name": "set_variables", "tool_parameters": { "a": 1 } },
            { "tool_name": "wait", "tool_parameters": { "seconds": 3600 } },
        ]))
        .await;
    let run = hub.begin(id, json!({})).await;
    while hub.steps(run).await.last().is_none_or(|step| step["status"] != "waiting") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let cancel = format!("/workflows/executions/{run}/cancel");
    let (status, body) = hub.post(&cancel, json!({})).await;
    assert_eq!((status.as_u16(), &body["data"]["status"]), (200, &json!("cancelled")));
    assert_eq!(hub.steps(run).await[1]["status"], "cancelled");
    assert_eq!(hub.post(&cancel, json!({})).await.0, 200);
    let (status, _) = hub.post(&format!("/workflows/executions/{run}/retry"), json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(hub.execution(run).await["status"], "running");
}

#[tokio::test]
async fn a_run_stays_with_the_version_it_began_with() {
    let hub = Hub::start();
    let wait = json!({ "tool_name": "wait", "tool_parameters": { "seconds": 1 } });
    let say =
        |what: &str| json!({ "tool_name": "set_variables", "tool_parameters": { "say": what } });
    let id = hub.workflow(json!([wait, say("old")])).await;
    let run = hub.begin(id, json!({})).await;
    let path = format!("/workflows/{id}");
    let change = json!({ "steps": [say("new")] });
    let (status, _) = Hub::send(hub.request(OWNER_KEY, Method::PUT, &path).json(&change)).await;
    assert_eq!(status, 200);
    let done = hub.until(run, &["completed"]).await;
    assert_eq!(done["output_data"]["step_2"], json!({ "say": "old" }));
    assert_eq!(done["workflow_version"], 1);
    assert_eq!(hub.run(id, json!({})).await["output_data"]["step_1"], json!({ "say": "new" }));
    assert_eq!(Hub::send(hub.request(OWNER_KEY, Method::DELETE, &path)).await.0, 200);
    assert_eq!(hub.execution(run).await["status"], "completed");
    assert_eq!(hub.steps(run).await.len(), 2);
}

#[tokio::test]
async fn events_are_told_live_and_again_from_where_a_client_was() {
    let hub = Hub::start();
    let id = hub
        .workflow(json!([
            { "tool_name": "set_variables", "tool_parameters": { "a": "private words" } },
            { "tool_name": "wait", "tool_parameters": { "seconds": 0.3 } },
        ]))
        .await;
    let run = hub.begin(id, json!({})).await;
    let path = format!("/workflows/executions/{run}/events");
    let (_, whole) = hub.get(&path).await;
    let whole = whole.as_str().unwrap().to_owned();
    let events: Vec<_> = whole.split("\n\n").filter(|event| !event.is_empty()).collect();
    let name = |event: &str| event.lines().nth(1).unwrap().replace("event: ", "");
    let names: Vec<_> = events.iter().map(|event| name(event)).collect();
    let expected = [
        "started",
        "step_started",
        "step_succeeded",
        "step_started",
        "step_deferred",
        "step_succeeded",
        "completed",
    ];
    assert_eq!(names, expected);
    assert!(whole.contains("private words"));
    let seen = events[2].lines().next().unwrap().replace("id: ", "");
    let again = |seen: String| {
        Hub::send(hub.request(OWNER_KEY, Method::GET, &path).header("Last-Event-ID", seen))
    };
    let (_, rest) = again(seen).await;
    assert_eq!(rest.as_str().unwrap(), events[3..].join("\n\n") + "\n\n");
    let last = events[6].lines().next().unwrap().replace("id: ", "");
    assert_eq!(again(last).await.0, 204);
}

#[tokio::test]
async fn runs_are_listed_in_pages_that_meet() {
    let hub = Hub::start();
    let id = hub.workflow(json!([])).await;
    for _ in 0..5 {
        hub.run(id, json!({})).await;
    }
    for list in ["/workflows/executions".to_owned(), format!("/workflows/{id}/executions")] {
        let (_, all) = hub.get(&list).await;
        let mut next = Some(format!("{list}?limit=2"));
        let mut paged = Vec::new();
        while let Some(path) = next {
            let answer = hub.request(OWNER_KEY, Method::GET, &path).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            next = link.and_then(|link| Some(link.split(['<', '>']).nth(1)?.to_owned()));
            let page: Value = answer.json().await.unwrap();
            paged.extend(page["data"].as_array().unwrap().clone());
        }
        assert_eq!(all["data"], Value::Array(paged));
    }
    assert_eq!(hub.get("/workflows/executions?limit=0").await.0, 422);
}
