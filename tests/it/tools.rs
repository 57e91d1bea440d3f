//! Tools as runs use them, with what they leave behind: links that anybody can follow, texts of
//! mails.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::hub::Hub;

/// Runs one step: its result.
async fn step(hub: &Hub, tool: &str, parameters: Value) -> Value {
    let steps = json!([{ "tool_name": tool, "tool_parameters": parameters }]);
    let run = hub.run(hub.workflow(steps).await, json!({})).await;
    assert_eq!(run["status"], "completed", "{run}");
    run["output_data"]["step_1"].clone()
}

/// Follows a link as a browser does that nobody has signed in with.
async fn follow(hub: &Hub, method: Method, code: &str) -> Response {
    let request = hub.request("", method, &format!("/l/{code}")).build().unwrap();
    let browser = Client::builder().redirect(Policy::none()).build().unwrap();
    browser.request(request.method().clone(), request.url().clone()).send().await.unwrap()
}

#[tokio::test]
async fn anybody_can_follow_a_link_and_its_visits_are_counted_across_a_restart() {
    let mut hub = Hub::start_with(&[("HUB_PUBLIC_URL", "https://hub.example/")]);
    let track = json!({ "operation": "generate_tracking_link", "url": "https://shop.example/a?b=1",
        "source": "mail", "campaign": "spring" });
    let made = step(&hub, "web_tools", track).await;
    let code = made["code"].as_str().unwrap();
    assert_eq!(made["short_url"], format!("https://hub.example/l/{code}"));
    let target = "https://shop.example/a?b=1&utm_source=mail&utm_campaign=spring";
    assert_eq!(made["tracking_url"], target);
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let answer = follow(&hub, method.clone(), code).await;
        assert_eq!(answer.status().as_u16(), 302, "{method}");
        assert_eq!(answer.headers()["location"], target);
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    for unknown in ["1-000000000000", "999-000000000000", "nothing"] {
        assert_eq!(follow(&hub, Method::GET, unknown).await.status().as_u16(), 404, "{unknown}");
    }
    // Only those who follow it are counted, not those who merely look.
    let stats = json!({ "operation": "get_link_stats", "code": made["short_url"] });
    assert_eq!(step(&hub, "web_tools", stats.clone()).await["visits"], 2);
    hub.terminate();
    hub.restart();
    assert_eq!(step(&hub, "web_tools", stats).await["visits"], 2);
    assert_eq!(follow(&hub, Method::GET, code).await.status().as_u16(), 302);
    let delete = json!({ "operation": "delete_link", "code": code });
    assert_eq!(step(&hub, "web_tools", delete).await["deleted"], true);
    assert_eq!(follow(&hub, Method::GET, code).await.status().as_u16(), 404);
}

#[tokio::test]
async fn a_mail_is_written_from_an_accounts_own_template() {
    let mut hub = Hub::start();
    // A run fills in its own braces first; a text within them comes through as it is.
    let body = "{{ 'Dear {{ name }}, {{ word }}' }}";
    let create = json!({ "operation": "create_template", "template_id": "mine",
        "category": "support", "body": body, "is_default": true });
    let made = step(&hub, "email_template", create).await;
    assert_eq!(made["template"]["body"], "Dear {{ name }}, {{ word }}");
    hub.kill();
    hub.restart();
    let render = json!({ "operation": "render_template", "category": "support",
        "subject": "Your question", "variables": { "name": "Ann" } });
    let rendered = step(&hub, "email_template", render).await;
    assert_eq!(rendered["subject"], "Your question");
    assert_eq!(rendered["body"], "Dear Ann, ");
    assert_eq!(rendered["missing"], json!(["word"]));
}
