#![allow(clippy::unwrap_used)]

use hub_events::testing::epoch;

use super::*;
use crate::llm::{Deltas, Request, Stop, Usage};
use futures_util::future::BoxFuture;

/// A provider that has models and does not answer.
struct Lists(Result<Vec<String>, CompletionError>);

impl Provider for Lists {
    fn complete<'a>(
        &'a self,
        _: Option<&'a crate::config::Secret>,
        _: &'a Request,
        _: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>> {
        Box::pin(async { Err(CompletionError::cut_off()) })
    }

    fn models<'a>(
        &'a self,
        _: Option<&'a crate::config::Secret>,
    ) -> BoxFuture<'a, Result<Vec<String>, CompletionError>> {
        Box::pin(async { self.0.clone() })
    }
}

/// The providers of some settings, with an Ollama that has these models, or is not there.
fn providers(settings: &str, ollama: Option<&[&str]>) -> Providers {
    let settings: Llm = toml::from_str(settings).unwrap();
    let egress = Arc::new(Egress::new(Vec::new()).unwrap());
    let mut providers = Providers::new(&settings, &egress, &Clock::settable(epoch())).unwrap();
    let lists = match ollama {
        Some(models) => Ok(models.iter().map(|model| (*model).to_owned()).collect()),
        None => Err(CompletionError::not_reachable("no")),
    };
    for entry in &mut providers.entries {
        if entry.id == OLLAMA {
            entry.provider = Arc::new(Lists(lists.clone()));
        }
    }
    providers
}

const OPENAI: &str = "[openai]\napi_key = 'k'\n";

#[tokio::test]
async fn a_text_names_a_provider_or_a_model_or_both() {
    let all = "default = 'claude-haiku-4-5'\n[openai]\napi_key = 'k'\n[anthropic]\napi_key = 'k'\n\
               [togetherai]\napi_key = 'k'\nmodel = 'org/own'\n\
               [mine]\nbase_url = 'http://10.0.0.7/v1'\nmodel = 'small'\n";
    let ollama: &[&str] =
        &["nomic-embed-text:latest", "qwen3:8b", "llama3.2:latest", "gpt-oss:20b"];
    for (text, expected) in [
        (Some("openai"), Ok("openai gpt-5.4-mini")),
        (Some(" OpenAI GPT "), Ok("openai gpt-5.4-mini")),
        (Some("gpt-4o"), Ok("openai gpt-4o")),
        (Some("o3-mini"), Ok("openai o3-mini")),
        (Some("openai:ft:gpt-4o:me"), Ok("openai ft:gpt-4o:me")),
        (Some("claude-sonnet-5"), Ok("anthropic claude-sonnet-5")),
        (Some("ollama"), Ok("ollama qwen3:8b")),
        (Some("gpt-oss:20b"), Ok("ollama gpt-oss:20b")),
        (Some("llama3.2"), Ok("ollama llama3.2:latest")),
        (Some("Qwen/Qwen3-32B"), Ok("togetherai Qwen/Qwen3-32B")),
        (Some("org/own"), Ok("togetherai org/own")),
        (Some("mine"), Ok("mine small")),
        (Some("small"), Ok("mine small")),
        (Some("mine:large"), Ok("mine large")),
        (Some("gemini"), Err("unauthorized")),
        (Some("gemini-3.5-flash"), Err("unauthorized")),
        (Some("huggingface:x/y"), Err("unauthorized")),
        (Some("nothing-like-it"), Err("unknown_model")),
        (Some(""), Ok("anthropic claude-haiku-4-5")),
        (None, Ok("anthropic claude-haiku-4-5")),
    ] {
        let found = providers(all, Some(ollama)).resolve(text, &[]).await;
        let found = found.map(|choice| format!("{} {}", choice.provider, choice.model));
        assert_eq!(found.map_err(|error| error.code), expected.map(str::to_owned), "{text:?}");
    }
}

#[tokio::test]
async fn the_default_is_the_first_with_a_key_then_ollama_then_offline() {
    let own = |id: &str| vec![id.to_owned()];
    let with_model = "[ollama]\nmodel = 'm'\n";
    let qwen: Option<&[&str]> = Some(&["qwen3:8b"]);
    for (settings, ollama, own, expected) in [
        ("", None, Vec::new(), "offline offline"),
        ("", Some(&[][..]), Vec::new(), "offline offline"),
        ("", qwen, Vec::new(), "ollama qwen3:8b"),
        (with_model, qwen, Vec::new(), "ollama m"),
        (with_model, None, Vec::new(), "offline offline"),
        ("", qwen, own("gemini"), "gemini gemini-3.5-flash"),
        ("", qwen, own("anthropic"), "anthropic claude-sonnet-5"),
        (OPENAI, qwen, own("gemini"), "openai gpt-5.4-mini"),
        ("default = 'ollama'\n[openai]\napi_key = 'k'\n", qwen, Vec::new(), "ollama qwen3:8b"),
        (
            "[openai]\nbase_url = 'http://127.0.0.1:8000/v1'\nmodel = 'x'\n",
            None,
            Vec::new(),
            "openai x",
        ),
        ("[mine]\nbase_url = 'http://127.0.0.1:8000/v1'\n", None, Vec::new(), "offline offline"),
    ] {
        let offline = Arc::new(Lists(Ok(Vec::new())));
        let providers = providers(settings, ollama).with(OFFLINE, "Offline", "offline", offline);
        let found = providers.resolve(None, &own).await.unwrap();
        assert_eq!(format!("{} {}", found.provider, found.model), expected, "{settings} {own:?}");
    }
    let error = providers("", None).resolve(None, &[]).await.unwrap_err();
    assert_eq!(error.code, "unauthorized");
}

#[tokio::test]
async fn fallbacks_are_the_others_that_can_be_used() {
    let settings = "[openai]\napi_key = 'k'\n[anthropic]\napi_key = 'k'\n";
    let offline = Arc::new(Lists(Ok(Vec::new())));
    let providers = providers(settings, None).with(OFFLINE, "Offline", "offline", offline);
    let choice = Choice { provider: "openai".to_owned(), model: "gpt-4o".to_owned() };
    let fallbacks = providers.fallbacks(&choice, &["gemini".to_owned()]).await;
    let ids: Vec<_> = fallbacks.iter().map(|choice| choice.provider.as_str()).collect();
    assert_eq!(ids, ["gemini", "anthropic"]);
}

#[test]
fn the_known_ones_come_in_the_order_of_the_contract() {
    let providers = providers("[mine]\nbase_url = 'http://127.0.0.1/v1'\n", None);
    let listed: Vec<_> = providers
        .all()
        .map(|entry| (entry.id.as_str(), entry.name.as_str(), entry.available(&[])))
        .collect();
    assert_eq!(
        listed,
        [
            ("openai", "OpenAI GPT", false),
            ("gemini", "Google Gemini", false),
            ("ollama", "Ollama (Local)", true),
            ("huggingface", "Hugging Face", false),
            ("togetherai", "Together AI", false),
            ("anthropic", "Anthropic Claude", false),
            ("mine", "mine", true),
        ]
    );
}

#[test]
fn answers_are_priced_by_the_model_that_answered() {
    let providers = providers(OPENAI, None);
    let choice = |model: &str| Choice { provider: "openai".to_owned(), model: model.to_owned() };
    let answer = |model: &str| Answer {
        text: String::new(),
        calls: Vec::new(),
        stop: Stop::End,
        usage: Usage { input_tokens: 1_000, output_tokens: 0, cached_tokens: 0 },
        model: model.to_owned(),
    };
    for (asked, answered, cost) in [
        ("gpt-4o", "gpt-4o-mini-2024-07-18", Some(150)),
        ("gpt-4o", "something-else", Some(2_500)),
        ("mine", "mine", None),
    ] {
        assert_eq!(providers.cost(&choice(asked), &answer(answered)), cost, "{asked} {answered}");
    }
}

#[test]
fn a_server_of_ones_own_needs_an_address() {
    let settings: Llm = toml::from_str("[opnai]\napi_key = 'k'\n").unwrap();
    let egress = Arc::new(Egress::new(Vec::new()).unwrap());
    let error = Providers::new(&settings, &egress, &Clock::settable(epoch())).unwrap_err();
    assert!(error.to_string().contains("llm.opnai.base_url"), "{error}");
}
