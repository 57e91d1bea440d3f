//! What models cost.
//!
//! The prices are data, in `prices.toml`, with their date and sources. Never here: budgets.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Usage;

/// Prices of models, by provider.
#[derive(Clone, Debug, Deserialize)]
pub struct Prices {
    /// Counts the changes of the table.
    pub version: u32,
    /// The day on which its sources were looked at.
    pub date: String,
    #[serde(flatten)]
    providers: BTreeMap<String, BTreeMap<String, Price>>,
}

/// US dollars per million tokens, which is micro-dollars per token.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
struct Price {
    input: f64,
    /// For what the provider had in its cache; as `input` where it is not said.
    cached: Option<f64>,
    output: f64,
}

/// The table.
const TABLE: &str = include_str!("prices.toml");

impl Prices {
    /// The prices that the hub comes with.
    pub fn built_in() -> Result<Self, toml::de::Error> {
        toml::from_str(TABLE)
    }

    /// What an answer cost in micro-dollars, rounded up; none where the model has no price or
    /// nothing is known of what was used up.
    pub fn cost(&self, provider: &str, model: &str, usage: &Usage) -> Option<u64> {
        let price = self.price(provider, model)?;
        if usage.input_tokens == 0 && usage.output_tokens == 0 {
            return None;
        }
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let fresh = usage.input_tokens - cached;
        let parts = [
            (fresh, price.input),
            (cached, price.cached.unwrap_or(price.input)),
            (usage.output_tokens, price.output),
        ];
        // In millionths of a micro-dollar, so that sums are exact.
        let picos = parts
            .iter()
            .map(|(tokens, price)| u128::from(*tokens) * u128::from((price * 1e6).round() as u64));
        u64::try_from(picos.sum::<u128>().div_ceil(1_000_000)).ok()
    }

    /// The price of the longest name that a model's name is, or is a dated version of.
    fn price(&self, provider: &str, model: &str) -> Option<Price> {
        let names = self.providers.get(provider)?;
        let of_model = names.iter().filter(|(name, _)| is_version(model, name));
        of_model.max_by_key(|(name, _)| name.len()).map(|(_, price)| *price)
    }
}

/// Whether a model is one by this name, or a version of it: `gpt-4o-2024-08-06`,
/// `claude-haiku-4-5-20251001`, `gemini-2.5-pro-preview-06-05`, `gpt-5.1-latest`. A model of
/// another kind (`gpt-4o-audio`) is none, nor is a later one (`claude-opus-5-7`).
fn is_version(model: &str, name: &str) -> bool {
    let Some(rest) = model.strip_prefix(name) else { return false };
    if rest.is_empty() {
        return true;
    }
    rest.strip_prefix('-').is_some_and(|rest| {
        rest.split('-').all(|part| match part {
            "latest" | "preview" | "exp" => true,
            part => part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_digit()),
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn answers_are_priced_by_what_they_used_up() {
        let prices = Prices::built_in().unwrap();
        let usage = |input_tokens, output_tokens, cached_tokens| Usage {
            input_tokens,
            output_tokens,
            cached_tokens,
        };
        for (provider, model, usage, cost) in [
            ("openai", "gpt-5.4-mini", usage(1_000_000, 0, 0), Some(750_000)),
            ("openai", "gpt-5.4-mini", usage(1_000_000, 1_000_000, 400_000), Some(4_980_000)),
            ("openai", "gpt-5.4-mini-2026-03-17", usage(0, 1_000, 0), Some(4_500)),
            ("openai", "gpt-4.1-nano", usage(1, 0, 0), Some(1)),
            ("openai", "gpt-5-pro", usage(10, 0, 10), Some(150)),
            ("anthropic", "claude-haiku-4-5-20251001", usage(1_000, 100, 0), Some(1_500)),
            ("anthropic", "claude-haiku-4-5", usage(10, 0, 9_999), Some(1)),
            ("gemini", "gemini-2.5-flash-lite", usage(10, 10, 0), Some(5)),
            ("gemini", "gemini-2.5-pro-preview-06-05", usage(4, 0, 0), Some(5)),
            ("openai", "gpt-5.4-mini", usage(0, 0, 0), None),
            ("openai", "gpt-4o-audio-preview", usage(1, 1, 0), None),
            ("anthropic", "claude-opus-5-7", usage(1, 1, 0), None),
            ("openai", "my-own", usage(1, 1, 0), None),
            ("mine", "gpt-5", usage(1, 1, 0), None),
            ("anthropic", "claude-opus-5", usage(u64::MAX, u64::MAX, 0), None),
        ] {
            assert_eq!(prices.cost(provider, model, &usage), cost, "{model} {usage:?}");
        }
    }

    #[test]
    fn the_table_is_whole() {
        let prices = Prices::built_in().unwrap();
        assert!(prices.version > 0 && prices.date.len() == 10);
        for (model, price) in prices.providers.values().flatten() {
            let cached = price.cached.unwrap_or_default();
            assert!(price.input > 0.0 && price.output > price.input, "{model}");
            assert!((0.0..price.input).contains(&cached), "{model}");
        }
    }
}
