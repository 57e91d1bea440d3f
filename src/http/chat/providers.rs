//! Which models there are to talk to (contract, sections 5.8, 5.9 and 5.11).
//!
//! Never here: keys, nor what an answer costs.

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, resource};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Hub;
use crate::http::caller::Caller;
use crate::http::envelope::Success;
use crate::http::problem::Answer;

/// The operations of this part.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/chat/ollama/status").route(get().to(get_ollama_status)))
        .service(resource("/chat/ollama/diagnostic").route(get().to(get_ollama_diagnostic)))
        .service(resource("/chat/providers").route(get().to(list_providers)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(get_ollama_status, get_ollama_diagnostic, list_providers))]
pub(in crate::http) struct Api;

/// Whether Ollama is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct OllamaStatus {
    /// `running` or `error`.
    pub status: &'static str,
    /// What is wrong, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The models that it has.
    pub models: Vec<String>,
    /// How many, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_models: Option<usize>,
    /// Where it is looked for.
    pub base_url: String,
}

/// What is known of Ollama, and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct OllamaDiagnostic {
    /// Always true: a server that is not there is a finding and no failure.
    pub success: bool,
    /// Whether it answers.
    pub connection: Connection,
    /// What is looked for, and from where.
    pub system: System,
    /// The model that answers where none is named.
    pub model: Model,
    /// What would help.
    pub recommendations: Vec<String>,
}

/// Whether it answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connection {
    /// Whether it does.
    pub success: bool,
    /// In words.
    pub message: String,
    /// The models that it has, where it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Where it was asked.
    pub url: String,
}

/// What is looked for, and from where.
#[derive(Debug, Serialize, ToSchema)]
pub struct System {
    /// The operating system of the hub.
    pub platform: &'static str,
    /// Always null: the hub runs without Python.
    pub python_version: Option<String>,
    /// Where Ollama is looked for.
    pub ollama_url: String,
    /// The model of the settings.
    pub configured_model: Option<String>,
}

/// The model that answers where none is named.
#[derive(Debug, Serialize, ToSchema)]
pub struct Model {
    /// Which, if any.
    pub current_model: Option<String>,
    /// Whether Ollama has it.
    pub available: bool,
}

/// The providers of models.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderList {
    /// The ids of those that the caller can use.
    pub providers: Vec<String>,
    /// All of them.
    pub all_providers: Vec<ProviderBody>,
    /// The one that answers where none is named.
    pub default: String,
}

/// A provider of models.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderBody {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether the caller can use it.
    pub available: bool,
}

/// Tells whether Ollama is there.
#[utoipa::path(get, path = "/chat/ollama/status", tag = "chat",
    responses((status = 200, body = OllamaStatus)))]
pub(super) async fn get_ollama_status(hub: Data<Hub>) -> Answer {
    let base_url = hub.providers.ollama_url();
    let status = match hub.providers.ollama_models().await {
        Ok(models) => OllamaStatus {
            status: "running",
            message: None,
            total_models: Some(models.len()),
            models,
            base_url,
        },
        Err(error) => OllamaStatus {
            status: "error",
            message: Some(error.message),
            total_models: None,
            models: Vec::new(),
            base_url,
        },
    };
    Ok(HttpResponse::Ok().json(status))
}

/// Tells what is known of Ollama, and what would help.
#[utoipa::path(get, path = "/chat/ollama/diagnostic", tag = "chat",
    responses((status = 200, body = OllamaDiagnostic)))]
pub(super) async fn get_ollama_diagnostic(hub: Data<Hub>) -> Answer {
    let url = hub.providers.ollama_url();
    let configured = hub.providers.ollama_model().map(str::to_owned);
    let asked = hub.providers.ollama_models().await;
    let models = asked.clone().unwrap_or_default();
    let current = hub.providers.resolve(Some("ollama"), &[]).await;
    let current = current.ok().map(|choice| choice.model);
    let has = |model: &str| models.iter().any(|it| it.trim_end_matches(":latest") == model);
    let has = |model: &str| has(model.trim_end_matches(":latest"));
    let available = current.as_deref().is_some_and(has);
    let recommendations = match (&asked, &configured) {
        (Err(_), _) => vec![
            "Start Ollama with `ollama serve`".to_owned(),
            format!("See that {url} can be reached from the hub, or set OLLAMA_HOST"),
        ],
        (Ok(models), None) if models.is_empty() => {
            vec!["Fetch a model, such as with `ollama pull llama3.2`".to_owned()]
        }
        (Ok(_), Some(model)) if !available => vec![format!("Fetch it: `ollama pull {model}`")],
        _ => Vec::new(),
    };
    let connection = match asked {
        Ok(models) => Connection {
            success: true,
            message: format!("Ollama answers and has {} models", models.len()),
            models: Some(models),
            url: url.clone(),
        },
        Err(error) => {
            Connection { success: false, message: error.message, models: None, url: url.clone() }
        }
    };
    Ok(HttpResponse::Ok().json(OllamaDiagnostic {
        success: true,
        connection,
        system: System {
            platform: std::env::consts::OS,
            python_version: None,
            ollama_url: url,
            configured_model: configured,
        },
        model: Model { current_model: current, available },
        recommendations,
    }))
}

/// Lists the providers of models.
#[utoipa::path(get, path = "/chat/providers", tag = "chat", security(("HTTPBearer" = [])),
    responses((status = 200, body = ProviderList)))]
pub(super) async fn list_providers(hub: Data<Hub>, _caller: Caller) -> Answer {
    let own = [];
    let all_providers: Vec<_> = hub
        .providers
        .all()
        .map(|entry| ProviderBody {
            id: entry.id.clone(),
            name: entry.name.clone(),
            available: entry.available(&own),
        })
        .collect();
    let usable = all_providers.iter().filter(|provider| provider.available);
    let providers = usable.map(|provider| provider.id.clone()).collect();
    // Where nothing can be used, it is the contract's.
    let default = hub.providers.resolve(None, &own).await;
    let default = default.map_or_else(|_| "openai".to_owned(), |choice| choice.provider);
    Ok(HttpResponse::Ok().json(Success::of(ProviderList { providers, all_providers, default })))
}
