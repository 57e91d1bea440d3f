//! How long it takes to make hundreds of tools ready to be found, and to find one.
//!
//! `cargo bench --bench search`. The tools are those of `tests/data/tool_queries.toml`, each ten
//! times.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use arrotech_hub::tools::search::{Document, Index};
use serde_json::{Map, json};

const TIMES: u32 = 20;

fn main() {
    let file: toml::Table =
        toml::from_str(include_str!("../tests/data/tool_queries.toml")).unwrap();
    let platforms = file.get("tools").and_then(toml::Value::as_table).unwrap();
    let mut tools = Vec::new();
    for (platform, group) in platforms {
        for (name, rest) in group.as_table().unwrap() {
            let [description, arguments] = rest.as_array().unwrap().as_slice() else { continue };
            let arguments = arguments.as_str().unwrap().split_whitespace();
            let properties: Map<_, _> =
                arguments.map(|name| (name.to_owned(), json!({}))).collect();
            let schema = json!({ "properties": properties });
            tools.push((platform, name, description.as_str().unwrap(), schema));
        }
    }
    let documents: Vec<_> = tools
        .iter()
        .map(|(platform, name, description, schema)| {
            let platform = Some(platform.as_str());
            Document { name, description, category: None, platform, schema }
        })
        .collect();
    let many = || documents.iter().copied().cycle().take(documents.len() * 10);

    let (first, _) = time(1, || Index::new(many()));
    let (made, index) = time(TIMES, || Index::new(many()));
    let queries = file.get("paraphrases").and_then(toml::Value::as_table).unwrap();
    let (found, _) = time(TIMES, || {
        queries.keys().map(|query| index.search(black_box(query), 10).len()).sum::<usize>()
    });
    println!("{} tools: first {first:?}, then {made:?}", many().count());
    println!("one query: {:?}", found / u32::try_from(queries.len()).unwrap());
}

/// How long something takes, of several times the middle one, and what it gives.
fn time<T>(times: u32, what: impl Fn() -> T) -> (Duration, T) {
    let mut took: Vec<_> = (0..times)
        .map(|_| {
            let begin = Instant::now();
            black_box(what());
            begin.elapsed()
        })
        .collect();
    took.sort();
    (took.get(took.len() / 2).copied().unwrap_or_default(), what())
}
