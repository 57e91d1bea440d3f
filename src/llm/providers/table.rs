//! The providers that the hub knows: a table, since most speak one dialect.
//!
//! Ids, names and order are those of the contract, section 5.11. Never here: code.

use crate::config::Dialect;

/// What is known of a provider.
pub(super) struct Known {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) base_url: &'static str,
    pub(super) dialect: Dialect,
    /// The model that answers where none is named.
    pub(super) model: Option<&'static str>,
    /// What the names of its own models begin with.
    pub(super) prefixes: &'static [&'static str],
    /// Whether it offers models of many makers, named `organisation/model`.
    pub(super) of_many: bool,
    /// Whether it needs no key.
    pub(super) keyless: bool,
    /// What the limit on an answer's length is called.
    pub(super) limit: &'static str,
}

const PLAIN: Known = Known {
    id: "",
    name: "",
    base_url: "",
    dialect: Dialect::OpenAi,
    model: None,
    prefixes: &[],
    of_many: false,
    keyless: false,
    limit: super::LIMIT,
};

pub(super) const KNOWN: [Known; 6] = [
    Known {
        id: "openai",
        name: "OpenAI GPT",
        base_url: "https://api.openai.com/v1",
        model: Some("gpt-5.4-mini"),
        prefixes: &["gpt-", "chatgpt-", "o1", "o3", "o4"],
        limit: "max_completion_tokens",
        ..PLAIN
    },
    Known {
        id: "gemini",
        name: "Google Gemini",
        base_url: "https://generativelanguage.googleapis.com",
        dialect: Dialect::Gemini,
        model: Some("gemini-3.5-flash"),
        prefixes: &["gemini-"],
        ..PLAIN
    },
    Known {
        id: "ollama",
        name: "Ollama (Local)",
        base_url: "http://127.0.0.1:11434",
        dialect: Dialect::Ollama,
        keyless: true,
        ..PLAIN
    },
    Known {
        id: "huggingface",
        name: "Hugging Face",
        base_url: "https://router.huggingface.co/v1",
        model: Some("openai/gpt-oss-120b"),
        of_many: true,
        ..PLAIN
    },
    Known {
        id: "togetherai",
        name: "Together AI",
        base_url: "https://api.together.xyz/v1",
        model: Some("openai/gpt-oss-120b"),
        of_many: true,
        ..PLAIN
    },
    Known {
        id: "anthropic",
        name: "Anthropic Claude",
        base_url: "https://api.anthropic.com",
        dialect: Dialect::Anthropic,
        model: Some("claude-sonnet-5"),
        prefixes: &["claude-"],
        ..PLAIN
    },
];
