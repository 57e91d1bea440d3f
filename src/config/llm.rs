//! The settings of models, and the names by which everyone knows some of them.
//!
//! Never here: which providers are built in; that is the table in `llm/providers.rs`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::Secret;

/// Which models there are to talk to. Providers that the hub knows: `openai`, `gemini`,
/// `ollama`, `huggingface`, `togetherai`, `anthropic`; any other name is a server of your own.
/// The names that everyone uses are understood too, after these: `OPENAI_API_KEY`,
/// `OPENAI_BASE_URL`, `ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`, `GEMINI_API_KEY`,
/// `OLLAMA_HOST`, `HF_TOKEN`, `TOGETHER_API_KEY`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Llm {
    /// What answers where nobody says: a provider, a model, or `provider:model`. By default the
    /// first provider with a key, then Ollama if it is there, then `offline`.
    pub default: Option<String>,
    /// How long a provider may be silent before its answer is given up, in seconds.
    pub silence_s: u32,
    /// The providers, by name.
    #[serde(flatten)]
    pub providers: BTreeMap<String, LlmProvider>,
}

/// One provider of models.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LlmProvider {
    /// Key for those who have none of their own. Without it a known provider is only there for
    /// accounts that have one; a server with an address of your own may need none.
    #[schema(value_type = Option<String>)]
    pub api_key: Option<Secret>,
    /// Where its server is, such as `http://127.0.0.1:8000/v1`; may be a private address.
    /// Needed for a server of your own.
    #[schema(value_type = Option<String>)]
    pub base_url: Option<Url>,
    /// The model that answers where none is named.
    pub model: Option<String>,
    /// What it speaks: `openai` (the default for a server of your own), `anthropic`, `gemini` or
    /// `ollama`.
    #[schema(value_type = Option<String>)]
    pub dialect: Option<Dialect>,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI's Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Ollama's own API.
    Ollama,
}

impl Default for Llm {
    fn default() -> Self {
        Self { default: None, silence_s: 120, providers: BTreeMap::new() }
    }
}

/// By hand, since a flattened map would not say where in it a fault is.
impl<'de> Deserialize<'de> for Llm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Llm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("settings of models")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Llm, A::Error> {
                let mut llm = Llm::default();
                while let Some(name) = fields.next_key::<String>()? {
                    match name.as_str() {
                        "default" => llm.default = fields.next_value()?,
                        "silence_s" => llm.silence_s = fields.next_value()?,
                        _ => {
                            llm.providers.insert(name, fields.next_value()?);
                        }
                    }
                }
                Ok(llm)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// The names that everyone uses, and what they mean here.
const WELL_KNOWN: [(&str, &str); 8] = [
    ("OPENAI_API_KEY", "HUB_LLM__OPENAI__API_KEY"),
    ("OPENAI_BASE_URL", "HUB_LLM__OPENAI__BASE_URL"),
    ("ANTHROPIC_API_KEY", "HUB_LLM__ANTHROPIC__API_KEY"),
    ("ANTHROPIC_BASE_URL", "HUB_LLM__ANTHROPIC__BASE_URL"),
    ("GEMINI_API_KEY", "HUB_LLM__GEMINI__API_KEY"),
    (OLLAMA_HOST, "HUB_LLM__OLLAMA__BASE_URL"),
    ("HF_TOKEN", "HUB_LLM__HUGGINGFACE__API_KEY"),
    ("TOGETHER_API_KEY", "HUB_LLM__TOGETHERAI__API_KEY"),
];

const OLLAMA_HOST: &str = "OLLAMA_HOST";

/// Adds to an environment what its well-known names mean, where it does not say it by the hub's
/// own names.
pub(super) fn understand(environment: &mut HashMap<String, String>) {
    for (name, meant) in WELL_KNOWN {
        let Some(value) = environment.get(name).map(|value| value.trim()) else { continue };
        if value.is_empty() || environment.contains_key(meant) {
            continue;
        }
        let value = if name == OLLAMA_HOST { ollama_url(value) } else { value.to_owned() };
        environment.insert(meant.to_owned(), value);
    }
}

/// Ollama's own reading of its variable: scheme and port may be missing; and what its server
/// listens on everywhere is reached at home.
fn ollama_url(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let bare_v6 = place.starts_with('[') && place.ends_with(']');
    let (name, port) = match place.rsplit_once(':').filter(|_| !bare_v6) {
        Some((name, port)) => (name, port),
        None if host.contains("://") && scheme == "https" => (place, "443"),
        None if host.contains("://") => (place, "80"),
        None => (place, "11434"),
    };
    let name = match name {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        name => name,
    };
    format!("{scheme}://{name}:{port}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_ollama_is_read_as_ollama_reads_it() {
        for (host, url) in [
            ("127.0.0.1:11434", "http://127.0.0.1:11434/"),
            ("127.0.0.1", "http://127.0.0.1:11434/"),
            ("gpu.local", "http://gpu.local:11434/"),
            (":56789", "http://127.0.0.1:56789/"),
            ("0.0.0.0", "http://127.0.0.1:11434/"),
            ("[::]:1", "http://[::1]:1/"),
            ("[::1]", "http://[::1]:11434/"),
            ("http://gpu.local", "http://gpu.local:80/"),
            ("https://gpu.local/ollama", "https://gpu.local:443/ollama"),
            ("http://gpu.local:11434/", "http://gpu.local:11434/"),
        ] {
            assert_eq!(ollama_url(host), url, "{host}");
        }
    }
}
