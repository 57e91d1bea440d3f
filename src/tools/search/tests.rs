#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// `tests/data/tool_queries.toml`.
#[derive(Deserialize)]
struct Queries {
    /// Of each platform, its category.
    platforms: BTreeMap<String, String>,
    /// Of each platform, its tools: what they do, and the names of their arguments.
    tools: BTreeMap<String, BTreeMap<String, (String, String)>>,
    keywords: BTreeMap<String, Vec<String>>,
    paraphrases: BTreeMap<String, Vec<String>>,
}

struct Tool {
    name: String,
    platform: String,
    category: String,
    description: String,
    schema: Value,
}

impl Tool {
    fn document(&self) -> Document<'_> {
        let Self { name, platform, category, description, schema } = self;
        let (platform, category) = (Some(&**platform), Some(&**category));
        Document { name, description, category, platform, schema }
    }
}

fn queries() -> (Vec<Tool>, Queries) {
    let queries: Queries =
        toml::from_str(include_str!("../../../tests/data/tool_queries.toml")).unwrap();
    let tool = |platform: &String, name: &String, (description, arguments): &(String, String)| {
        let properties: serde_json::Map<_, _> =
            arguments.split_whitespace().map(|name| (name.to_owned(), json!({}))).collect();
        let schema = json!({ "type": "object", "properties": properties });
        let category = queries.platforms[platform].clone();
        let (platform, name, description) = (platform.clone(), name.clone(), description.clone());
        Tool { name, platform, category, description, schema }
    };
    let platforms = queries.tools.iter();
    let tools = platforms
        .flat_map(|(platform, tools)| tools.iter().map(move |(name, rest)| (platform, name, rest)))
        .map(|(platform, name, rest)| tool(platform, name, rest))
        .collect();
    (tools, queries)
}

/// The share of queries that have a right tool among their first five, and those that have none.
fn recall(queries: &BTreeMap<String, Vec<String>>, tools: &[Tool]) -> (f32, Vec<String>) {
    let index = Index::new(tools.iter().map(Tool::document));
    let mut missed = Vec::new();
    for (query, right) in queries {
        for right in right {
            assert!(tools.iter().any(|tool| tool.name == *right), "{right} is no tool");
        }
        let hits = index.search(query, 5);
        assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)), "{query}: {hits:?}");
        let found: Vec<_> = hits.iter().map(|hit| &tools[hit.place].name).collect();
        if !found.iter().any(|name| right.contains(name)) {
            missed.push(format!("{query}: {found:?}"));
        }
    }
    let share = 1.0 - missed.len() as f32 / queries.len() as f32;
    (share, missed)
}

#[test]
fn finds_tools_by_their_words_and_by_others() {
    let (tools, queries) = queries();
    assert!(tools.len() >= 60 && queries.keywords.len() >= 40 && queries.paraphrases.len() >= 60);
    let (by_words, missed) = recall(&queries.keywords, &tools);
    assert!(by_words >= 1.0, "{by_words}: {missed:#?}");
    let (by_others, missed) = recall(&queries.paraphrases, &tools);
    println!("recall@5: {by_words} of keywords, {by_others} of paraphrases");
    assert!(by_others >= 0.6, "{by_others}: {missed:#?}");
}

#[test]
fn answers_the_same_each_time() {
    let (tools, _) = queries();
    let index = Index::new(tools.iter().map(Tool::document));
    let hits = index.search("refund the customer", 5);
    assert_eq!(hits.len(), 5);
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(Index::new(tools.iter().map(Tool::document)).search("refund the customer", 5), hits);
    assert_eq!(index.search("refund the customer", 2), hits[..2]);
    assert!(index.search("", 5).is_empty());
    assert!(Index::new(std::iter::empty()).search("refund", 5).is_empty());
}
