//! Finding the right tools among hundreds by what a text says.
//!
//! A tool is found by its words (`bm25`) and by their meaning (`vectors`); meaning counts for
//! more, since people seldom use a tool's own words. Nothing is asked of a model and the same
//! texts always give the same answer. Never here: whether a tool may be called, or what for.

mod bm25;
#[cfg(test)]
mod tests;
mod vectors;
mod wordpiece;
mod words;

use serde_json::Value;

use bm25::Bm25;
use vectors::{Table, Vector};

/// How much of a score is meaning; the rest is words.
const MEANING: f32 = 0.6;

/// A tool, as far as it can be found.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its name; the words in it are found singly.
    pub name: &'a str,
    /// What it does.
    pub description: &'a str,
    /// Its category, such as `payments`.
    pub category: Option<&'a str>,
    /// Its platform, where it belongs to one.
    pub platform: Option<&'a str>,
    /// JSON Schema of its arguments.
    pub schema: &'a Value,
}

/// A tool that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its place among those that the index was made of, from 0.
    pub place: usize,
    /// How well it fits, from 0 (not at all) to 1.
    pub score: f32,
}

/// Tools made ready to be found. Some 15 µs a tool to make, 1 KiB to keep; worth keeping as
/// long as the tools stay the same.
#[derive(Debug)]
pub struct Index {
    vectors: Vec<Vector>,
    words: Bm25,
}

impl Index {
    /// Makes tools ready to be found.
    pub fn new<'a>(tools: impl Iterator<Item = Document<'a>>) -> Self {
        let (mut vectors, mut texts) = (Vec::new(), Vec::new());
        for tool in tools {
            let group = [tool.platform, tool.category].map(Option::unwrap_or_default);
            let meaning = [&group[..], &[tool.name, tool.description]].concat().join(" ");
            vectors.push(Table::shipped().vector(&meaning));
            let mut terms = words::terms(&meaning);
            // What a tool is called says more than what is said of it.
            terms.extend(words::terms(tool.name));
            terms.extend(parameters(tool.schema).flat_map(words::terms));
            texts.push(terms);
        }
        Self { vectors, words: Bm25::new(&texts) }
    }

    /// The tools that fit a text best, best first: `most` of them at the most, and none that
    /// does not fit at all.
    pub fn search(&self, query: &str, most: usize) -> Vec<Hit> {
        let meant = Table::shipped().vector(query);
        let said = self.words.scores(&words::terms(query));
        let both = self.vectors.iter().zip(said).enumerate();
        let mut hits: Vec<Hit> = both
            .map(|(place, (vector, said))| {
                let meaning = vector.likeness(&meant).max(0.0);
                Hit { place, score: MEANING * meaning + (1.0 - MEANING) * said }
            })
            .filter(|hit| hit.score > 0.0)
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
        hits.truncate(most);
        hits
    }
}

/// The names of a schema's parameters, and the words that they may be.
fn parameters(schema: &Value) -> impl Iterator<Item = &str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().flat_map(|(name, property)| {
        let words = property.get("enum").and_then(Value::as_array).into_iter().flatten();
        std::iter::once(&**name).chain(words.filter_map(Value::as_str))
    })
}
