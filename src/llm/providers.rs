//! Which providers there are, and which of them can be used.
//!
//! The ones that the hub knows are a table; others are settings. Which model is meant by a text
//! is in `providers/resolve.rs`. Never here: how any of them is talked to.

mod resolve;
mod table;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::anthropic::Anthropic;
use super::gemini::Gemini;
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::prices::Prices;
use super::server::Server;
use super::{Answer, CompletionError, Provider};
use crate::clock::Clock;
use crate::config::{Dialect, Llm, LlmProvider};
use crate::egress::{Egress, shown};
use table::{KNOWN, Known};

/// The provider that needs no key.
pub const OFFLINE: &str = "offline";

const OLLAMA: &str = "ollama";

/// How long what Ollama said of its models counts.
const FRESH: Duration = Duration::from_secs(5);

/// How long Ollama may take to say it.
const PROBE: Duration = Duration::from_secs(5);

/// A provider and one of its models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The provider's id.
    pub provider: String,
    /// The model, as the provider names it.
    pub model: String,
}

/// One provider that is set up.
pub struct Entry {
    /// Its id, such as `openai`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The model that answers where none is named.
    pub model: Option<String>,
    /// Whether it can be used without an account's own key.
    ready: bool,
    /// What the names of its models begin with.
    prefixes: &'static [&'static str],
    /// Whether its models are named `organisation/model`.
    of_many: bool,
    provider: Arc<dyn Provider>,
}

/// The providers.
pub struct Providers {
    entries: Vec<Entry>,
    default: Option<String>,
    ollama_url: Url,
    ollama: Mutex<Option<Listed>>,
    prices: Prices,
}

/// What Ollama said of its models.
struct Listed {
    at: Instant,
    models: Result<Vec<String>, CompletionError>,
}

/// Settings that set up no provider.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    /// It is not known where it is.
    #[error("the setting `llm.{0}.base_url` is missing: the hub knows no provider `{0}`")]
    NoAddress(String),
    /// The price table is broken.
    #[error("the prices of models cannot be read: {0}")]
    Prices(#[from] toml::de::Error),
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.id)).finish()
    }
}

impl Entry {
    /// Whether an account with keys of its own for these providers can use it.
    pub fn available(&self, own: &[String]) -> bool {
        self.ready || own.contains(&self.id)
    }

    fn choice(&self, model: &str) -> Choice {
        Choice { provider: self.id.clone(), model: model.to_owned() }
    }
}

impl Providers {
    /// Those that the hub knows and those of the settings.
    pub fn new(
        settings: &Llm,
        egress: &Arc<Egress>,
        clock: &Clock,
    ) -> Result<Self, ProvidersError> {
        let set_up = |base: Url, set: &LlmProvider| Server {
            egress: Arc::clone(egress),
            clock: clock.clone(),
            base,
            key: set.api_key.clone(),
            silence: Duration::from_secs(settings.silence_s.into()),
        };
        let mut entries = Vec::new();
        let mut ollama_url = None;
        for known in KNOWN {
            let set = settings.providers.get(known.id).cloned().unwrap_or_default();
            let base = set.base_url.clone().or_else(|| known.base_url.parse().ok());
            let base = base.ok_or_else(|| ProvidersError::NoAddress(known.id.to_owned()))?;
            if known.id == OLLAMA {
                ollama_url = Some(base.clone());
            }
            entries.push(known.entry(&set, set_up(base, &set)));
        }
        let own = settings.providers.iter();
        for (id, set) in own.filter(|(id, _)| KNOWN.iter().all(|known| known.id != **id)) {
            let base = set.base_url.clone();
            let base = base.ok_or_else(|| ProvidersError::NoAddress(id.clone()))?;
            entries.push(Entry {
                id: id.clone(),
                name: id.clone(),
                model: set.model.clone(),
                ready: true,
                prefixes: &[],
                of_many: false,
                provider: speaking(
                    set.dialect.unwrap_or(Dialect::OpenAi),
                    set_up(base, set),
                    LIMIT,
                ),
            });
        }
        Ok(Self {
            entries,
            default: settings.default.clone(),
            ollama_url: ollama_url.ok_or_else(|| ProvidersError::NoAddress(OLLAMA.to_owned()))?,
            ollama: Mutex::default(),
            prices: Prices::built_in()?,
        })
    }

    /// Adds a provider that is always ready, after the others. `offline` comes in here, and what
    /// tests script.
    pub fn with(mut self, id: &str, name: &str, model: &str, provider: Arc<dyn Provider>) -> Self {
        self.entries.push(Entry {
            id: id.to_owned(),
            name: name.to_owned(),
            model: Some(model.to_owned()),
            ready: true,
            prefixes: &[],
            of_many: false,
            provider,
        });
        self
    }

    /// All of them, in the order in which clients see them.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The provider of this id.
    pub fn get(&self, id: &str) -> Option<&Arc<dyn Provider>> {
        self.entry(id).map(|entry| &entry.provider)
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// What an answer cost in micro-dollars, if that is known.
    pub fn cost(&self, choice: &Choice, answer: &Answer) -> Option<u64> {
        let of = |model: &str| self.prices.cost(&choice.provider, model, &answer.usage);
        of(&answer.model).or_else(|| of(&choice.model))
    }

    /// The models that Ollama has, or why it does not say. Asked at most once in a few seconds.
    pub async fn ollama_models(&self) -> Result<Vec<String>, CompletionError> {
        let mut known = self.ollama.lock().await;
        if let Some(listed) = known.as_ref().filter(|listed| listed.at.elapsed() < FRESH) {
            return listed.models.clone();
        }
        let models = match self.get(OLLAMA) {
            Some(ollama) => {
                let asked = tokio::time::timeout(PROBE, ollama.models(None)).await;
                asked.unwrap_or_else(|_| Err(CompletionError::timeout()))
            }
            None => Err(CompletionError::not_reachable("Ollama is not set up")),
        };
        *known = Some(Listed { at: Instant::now(), models: models.clone() });
        models
    }

    /// Where Ollama is looked for, as it may be shown.
    pub fn ollama_url(&self) -> String {
        shown(&self.ollama_url).trim_end_matches('/').to_owned()
    }

    /// The model that the settings name for Ollama.
    pub fn ollama_model(&self) -> Option<&str> {
        self.entry(OLLAMA)?.model.as_deref()
    }
}

/// What servers in general call the limit on an answer's length.
const LIMIT: &str = "max_tokens";

impl Known {
    fn entry(&self, set: &LlmProvider, server: Server) -> Entry {
        let model = set.model.as_deref().or(self.model).map(str::to_owned);
        let ready = self.keyless || set.api_key.is_some() || set.base_url.is_some();
        Entry {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            model,
            ready,
            prefixes: self.prefixes,
            of_many: self.of_many,
            provider: speaking(set.dialect.unwrap_or(self.dialect), server, self.limit),
        }
    }
}

fn speaking(dialect: Dialect, server: Server, limit: &'static str) -> Arc<dyn Provider> {
    match dialect {
        Dialect::OpenAi => Arc::new(OpenAi { server, limit }),
        Dialect::Anthropic => Arc::new(Anthropic { server }),
        Dialect::Gemini => Arc::new(Gemini { server }),
        Dialect::Ollama => Arc::new(Ollama { server }),
    }
}

#[cfg(test)]
mod tests;
