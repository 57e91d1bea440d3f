//! Which providers there are, which of them can be used, and which model is meant.
//!
//! The ones that the hub knows are a table; others are settings. Never here: how any of them is
//! talked to.

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
    ollama: Mutex<Option<(Instant, Result<Vec<String>, CompletionError>)>>,
    prices: Prices,
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

    /// What is meant by a text that names a provider, a model, or both as `provider:model`;
    /// without a text, the default. `own` are the providers for which the account has keys.
    pub async fn resolve(
        &self,
        text: Option<&str>,
        own: &[String],
    ) -> Result<Choice, CompletionError> {
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        match text.or(self.default.as_deref()) {
            Some(text) => self.named(text, own).await,
            None => self.first(own).await,
        }
    }

    /// Where else to ask when a choice fails, best first: the other providers that can be used,
    /// each with its own model.
    pub async fn fallbacks(&self, choice: &Choice, own: &[String]) -> Vec<Choice> {
        let mut others = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.available(own)) {
            if entry.id != choice.provider
                && entry.id != OFFLINE
                && let Ok(model) = self.default_model(entry).await
            {
                others.push(entry.choice(&model));
            }
        }
        others
    }

    /// The first that can be used; Ollama after those with keys, if it is there; `offline` last.
    async fn first(&self, own: &[String]) -> Result<Choice, CompletionError> {
        let usable = || self.entries.iter().filter(|entry| entry.available(own));
        let keyed = usable().filter(|entry| entry.id != OLLAMA && entry.id != OFFLINE);
        let rest = usable().filter(|entry| entry.id == OLLAMA).chain(self.entry(OFFLINE));
        for entry in keyed.chain(rest) {
            // Ollama is passed over where it does not answer, also if its model is set.
            if entry.id == OLLAMA && self.ollama_models().await.is_err() {
                continue;
            }
            if let Ok(model) = self.default_model(entry).await {
                return Ok(entry.choice(&model));
            }
        }
        Err(CompletionError::unauthorized("No provider of models is set up"))
    }

    async fn named(&self, text: &str, own: &[String]) -> Result<Choice, CompletionError> {
        let same = |entry: &&Entry, word: &str| {
            entry.id.eq_ignore_ascii_case(word) || entry.name.eq_ignore_ascii_case(word)
        };
        if let Some(entry) = self.entries.iter().find(|entry| same(entry, text)) {
            self.usable(entry, own)?;
            return Ok(entry.choice(&self.default_model(entry).await?));
        }
        if let Some((word, model)) = text.split_once(':')
            && let Some(entry) = self.entries.iter().find(|entry| same(entry, word))
            && !model.is_empty()
        {
            self.usable(entry, own)?;
            return Ok(entry.choice(model));
        }
        self.of_model(text, own).await
    }

    /// The provider of a model: one whose own it is, one by the form of its name, or Ollama.
    async fn of_model(&self, model: &str, own: &[String]) -> Result<Choice, CompletionError> {
        let set = self.entries.iter().filter(|entry| entry.model.as_deref() == Some(model));
        // What has a tag is Ollama's, and what has an organisation is not a maker's own.
        let plain = !model.contains([':', '/']);
        let by_form = self.entries.iter().filter(|entry| match plain {
            true => entry.prefixes.iter().any(|prefix| model.starts_with(prefix)),
            false => entry.of_many && model.contains('/') && !model.contains(':'),
        });
        let candidates: Vec<_> = set.chain(by_form).collect();
        if let Some(entry) = candidates.iter().find(|entry| entry.available(own)) {
            return Ok(entry.choice(model));
        }
        if let Ok(models) = self.ollama_models().await {
            let latest = format!("{model}:latest");
            if let Some(found) = models.iter().find(|found| **found == model || **found == latest) {
                return Ok(Choice { provider: OLLAMA.to_owned(), model: found.clone() });
            }
        }
        match candidates.first() {
            Some(entry) => Err(no_key(entry)),
            None => Err(CompletionError::unknown_model(format!(
                "There is no provider and no model `{}`",
                model.chars().take(100).collect::<String>()
            ))),
        }
    }

    fn usable(&self, entry: &Entry, own: &[String]) -> Result<(), CompletionError> {
        if entry.available(own) { Ok(()) } else { Err(no_key(entry)) }
    }

    /// The model of a provider that answers where none is named; of Ollama the first that it has,
    /// if the settings name none.
    async fn default_model(&self, entry: &Entry) -> Result<String, CompletionError> {
        match &entry.model {
            Some(model) => Ok(model.clone()),
            None if entry.id == OLLAMA => {
                let models = self.ollama_models().await?;
                let answering = models.into_iter().find(|model| !model.contains("embed"));
                answering.ok_or_else(|| CompletionError::unknown_model("Ollama has no model"))
            }
            None => Err(CompletionError::unknown_model(format!(
                "The setting `llm.{}.model` is missing",
                entry.id
            ))),
        }
    }

    /// The models that Ollama has, or why it does not say. Asked at most once in a few seconds.
    pub async fn ollama_models(&self) -> Result<Vec<String>, CompletionError> {
        let mut known = self.ollama.lock().await;
        if let Some((at, models)) = &*known
            && at.elapsed() < FRESH
        {
            return models.clone();
        }
        let models = match self.get(OLLAMA) {
            Some(ollama) => {
                let asked = tokio::time::timeout(PROBE, ollama.models(None)).await;
                asked.unwrap_or_else(|_| Err(CompletionError::timeout()))
            }
            None => Err(CompletionError::not_reachable("Ollama is not set up")),
        };
        *known = Some((Instant::now(), models.clone()));
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

fn no_key(entry: &Entry) -> CompletionError {
    CompletionError::unauthorized(format!("There is no key for {}", entry.name))
}

#[cfg(test)]
mod tests;
