//! Which model is meant by a text, which one answers where there is none, and which instead.
//!
//! Never here: a request to a model.

use super::{Choice, Entry, OFFLINE, OLLAMA, Providers};
use crate::llm::CompletionError;

impl Providers {
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
                && let Some(other) = self.unasked(entry).await
            {
                others.push(other);
            }
        }
        others
    }

    /// The first that can be used; Ollama after those with keys, `offline` last.
    async fn first(&self, own: &[String]) -> Result<Choice, CompletionError> {
        let usable = || self.entries.iter().filter(|entry| entry.available(own));
        let keyed = usable().filter(|entry| entry.id != OLLAMA && entry.id != OFFLINE);
        let rest = usable().filter(|entry| entry.id == OLLAMA).chain(self.entry(OFFLINE));
        for entry in keyed.chain(rest) {
            if let Some(choice) = self.unasked(entry).await {
                return Ok(choice);
            }
        }
        Err(CompletionError::without_key("No provider of models is set up"))
    }

    /// A provider that nobody named, with its own model; Ollama only where it answers, also if
    /// its model is set.
    async fn unasked(&self, entry: &Entry) -> Option<Choice> {
        if entry.id == OLLAMA && self.ollama_models().await.is_err() {
            return None;
        }
        Some(entry.choice(&self.default_model(entry).await.ok()?))
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
}

fn no_key(entry: &Entry) -> CompletionError {
    CompletionError::without_key(format!("There is no key for {}", entry.name))
}
