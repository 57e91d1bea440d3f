//! Which models there are to talk to, as operators set them up and clients see them.

use serde_json::{Value, json};

use crate::hub::Hub;
use crate::models::Models;

/// A hub with these settings, and none of the machine's own.
fn hub(settings: &[(&str, &str)]) -> Hub {
    let mut all = vec![("HUB_EGRESS__ALLOW", "192.0.2.0/24")];
    let machine = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"];
    let machine = machine.into_iter().chain(["GEMINI_API_KEY", "HF_TOKEN", "TOGETHER_API_KEY"]);
    all.extend(machine.map(|name| (name, "")));
    all.extend(settings);
    Hub::start_with(&all)
}

fn available(list: &Value) -> Vec<&str> {
    let all = list["data"]["all_providers"].as_array().unwrap();
    let usable = all.iter().filter(|provider| provider["available"] == true);
    usable.map(|provider| provider["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_reachable_ollama_is_there_and_is_the_default() {
    let models = Models::start([]).await;
    let hub = hub(&[("OLLAMA_HOST", &models.url())]);
    let url = models.url();
    let names = json!(["nomic-embed-text:latest", "scripted:1b"]);
    let (status, body) = hub.get("/chat/ollama/status").await;
    assert_eq!(status, 200);
    let running =
        json!({ "status": "running", "models": names, "total_models": 2, "base_url": url });
    assert_eq!(body, running);
    let (_, body) = hub.get("/chat/ollama/diagnostic").await;
    assert_eq!(body["success"], true);
    assert_eq!(body["connection"]["models"], names);
    assert_eq!(body["model"], json!({ "current_model": "scripted:1b", "available": true }));
    assert_eq!(body["recommendations"], json!([]));
    let (_, body) = hub.get("/chat/providers").await;
    assert_eq!(body["data"]["default"], "ollama");
    assert_eq!(available(&body), ["ollama", "offline"]);
    assert_eq!(body["data"]["providers"], json!(["ollama", "offline"]));
}

#[tokio::test]
async fn keys_and_servers_of_ones_own_are_set_by_the_environment() {
    let hub = hub(&[
        ("OLLAMA_HOST", "127.0.0.1:1"),
        ("HUB_LLM__OLLAMA__MODEL", "llama3.2"),
        ("ANTHROPIC_API_KEY", "sk-marker"),
        ("HUB_LLM__MINE__BASE_URL", "http://127.0.0.1:1/v1"),
    ]);
    let (_, body) = hub.get("/chat/providers").await;
    assert_eq!(available(&body), ["ollama", "anthropic", "mine", "offline"]);
    assert_eq!(body["data"]["default"], "anthropic");
    assert_eq!(body["data"]["all_providers"][0]["name"], "OpenAI GPT");
    assert!(!body.to_string().contains("sk-marker"));
    let (status, body) = hub.get("/chat/ollama/status").await;
    assert_eq!(
        (status.as_u16(), &body["status"], &body["models"]),
        (200, &json!("error"), &json!([]))
    );
    assert_eq!(body["base_url"], "http://127.0.0.1:1");
    let (_, body) = hub.get("/chat/ollama/diagnostic").await;
    assert_eq!((&body["success"], &body["connection"]["success"]), (&json!(true), &json!(false)));
    assert_eq!(body["system"]["configured_model"], "llama3.2");
    assert_eq!(body["model"], json!({ "current_model": "llama3.2", "available": false }));
    assert_eq!(body["recommendations"].as_array().unwrap().len(), 2);
}
