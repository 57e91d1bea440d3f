//! What manifests can say that none of those in the binary need: on manifests of the test.

use super::*;

/// A platform with these lines, one tool `t` among them.
fn bench(stub: &Stub, lines: &str) -> Bench {
    let text = format!(
        "id = \"shop\"\nname = \"Shop\"\ndescription = \"Sells things to people\"\n\
         category = \"tests\"\ntier = \"free\"\nbase_url = \"https://shop.example\"\n{lines}"
    );
    let platform = Platform::read(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
    Bench::new(&platform, stub)
}

async fn called(bench: &Bench, arguments: Value) -> Outcome {
    let tools = tools_of(&bench.platform, &bench.parts);
    bench.call(&*tools[0], arguments, 1).await
}

const REFRESHED: &str = r#"
[config]
client_id = { description = "Client" }
client_secret = { secret = true, description = "Secret" }
refresh_token = { secret = true, description = "Refresh token" }
[[sign_in]]
kind = "oauth2"
authorize_url = "https://auth.example/go"
token_url = "https://auth.example/token"
[[tool]]
id = "t"
description = "Does a thing to test with"
path = "/t"
"#;

#[tokio::test]
async fn a_refresh_token_that_rotates_is_used_once_by_many_at_once() {
    let stub = Stub::start().await;
    let bench = bench(&stub, REFRESHED);
    let given = json!({ "access_token": "first-token-0123", "refresh_token": "next-refresh-0123" });
    stub.replies([Reply::json(200, given), Reply::json(200, json!({ "got": 1 }))]);
    let calls = (0..8).map(|_| called(&bench, json!({})));
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().all(|it| matches!(it, Outcome::Done(_))), "{outcomes:?}");
    let heard = stub.heard();
    let asked = heard.iter().filter(|it| it.target == "/base/token").count();
    assert_eq!((asked, heard.len()), (1, 9));
    assert_eq!(bench.fields.0.lock()["refresh_token"], "next-refresh-0123");
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_renewed_once_and_a_refusal_is_noted() {
    let stub = Stub::start().await;
    let bench = bench(&stub, REFRESHED);
    bench.fields.0.lock().insert("access_token".into(), "stale-token-0123".into());
    let given = json!({ "access_token": "fresh-token-0123" });
    stub.replies([
        Reply::json(401, json!({})),
        Reply::json(200, given),
        Reply::json(200, json!({ "got": 1 })),
    ]);
    assert_eq!(called(&bench, json!({})).await, Outcome::Done(json!({ "got": 1 })));
    let targets: Vec<_> = stub.heard().into_iter().map(|it| it.target).collect();
    assert_eq!(targets, ["/base/t", "/base/token", "/base/t"]);

    stub.replies([
        Reply::json(401, json!({})),
        Reply::json(400, json!({ "error": "invalid_grant" })),
    ]);
    let expired = called(&bench, json!({})).await;
    assert!(
        matches!(&expired, Outcome::Failed(it) if it.code == "connection_expired"),
        "{expired:?}"
    );
    assert!(bench.fields.0.lock()["refused"].as_str().unwrap().contains("invalid_grant"));
}

#[tokio::test]
async fn graphql_sends_a_fixed_query_and_errors_count_with_200() {
    let stub = Stub::start().await;
    let bench = bench(
        &stub,
        r#"
        answer = { errors = "/errors", message = "/errors/0/message" }
        [[tool]]
        id = "t"
        description = "Does a thing to test with"
        graphql = "query($id: ID!) { thing(id: $id) { name } }"
        required = ["id"]
        result = "/data/thing"
        [tool.parameters]
        id = "Which"
        "#,
    );
    stub.reply(Reply::json(200, json!({ "data": { "thing": { "name": "x" } } })));
    assert_eq!(called(&bench, json!({ "id": "5" })).await, Outcome::Done(json!({ "name": "x" })));
    let sent: Value = serde_json::from_str(&stub.heard()[0].body).unwrap();
    assert_eq!(
        sent,
        json!({ "query": "query($id: ID!) { thing(id: $id) { name } }", "variables": { "id": "5" } })
    );
    stub.reply(Reply::json(200, json!({ "errors": [{ "message": "no thing" }] })));
    let failed = called(&bench, json!({ "id": "5" })).await;
    assert!(matches!(&failed, Outcome::Failed(it) if it.message == "Shop: no thing"), "{failed:?}");
}

#[tokio::test]
async fn ids_come_from_headers_and_functions_change_what_is_sent() {
    let stub = Stub::start().await;
    let bench = bench(
        &stub,
        r#"
        [config]
        dc = { default = "x", description = "Where" }
        [[tool]]
        id = "t"
        description = "Does a thing to test with"
        method = "POST"
        path = "/lists/{dc}/members/{email}"
        wrap = "data[]"
        set = { "/fixed/source" = "hub", "optional" = "{note}" }
        take = { id = "header:Location" }
        idempotency = "body:reference"
        [tool.parameters]
        email = { as = "md5_lower", description = "Whose" }
        text = { name = "/deep/body", as = "adf_paragraph", description = "What" }
        reference = "Your own"
        note = { in = "template", description = "A note" }
        "#,
    );
    stub.reply(Reply::json(201, Value::Null).with("Location", "/things/7".to_owned()));
    let done =
        called(&bench, json!({ "email": "A@x.example ", "text": "hi", "reference": "mine" })).await;
    assert_eq!(done, Outcome::Done(json!({ "status": 201, "id": "/things/7" })));
    let heard = stub.heard();
    let member = heard[0].target.rsplit('/').next().unwrap();
    assert!(heard[0].target.starts_with("/base/lists/dc-word-0123456789/members/"));
    assert!(member.len() == 32 && member.chars().all(|c| c.is_ascii_hexdigit()), "{member}");
    let sent: Value = serde_json::from_str(&heard[0].body).unwrap();
    let sent = &sent["data"][0];
    assert_eq!((&sent["fixed"]["source"], &sent["reference"]), (&json!("hub"), &json!("mine")));
    assert_eq!(sent["deep"]["body"]["type"], "doc");
    assert!(sent.get("optional").is_none() && sent.get("note").is_none());
}
