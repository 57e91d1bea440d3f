//! Whether a manifest is right: as TOML, as a manifest, and in itself.
//!
//! Each fault says where it stands, by path and by line, and what was expected. Never here: how
//! a platform is called.

mod names;
mod tools;

use std::fmt;

use toml::de::{DeTable, DeValue};

use super::manifest::Manifest;

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as the keys that lead there; a tool is named by its id.
    pub path: Vec<String>,
    /// The line in the file, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, message } = self;
        match path.as_slice() {
            [] => write!(f, "line {line}: {message}"),
            path => write!(f, "line {line}, {}: {message}", path.join(".")),
        }
    }
}

/// Reads a manifest; what it means together is not looked at.
pub(super) fn manifest(text: &str) -> Result<Manifest, Vec<Fault>> {
    let line = |at: Option<std::ops::Range<usize>>| line_at(text, at.map_or(0, |at| at.start));
    let wrong = |error: toml::de::Error, path: Vec<String>| {
        let message = error.message().trim().to_owned();
        // An error inside of a table that is read twice knows no place of its own.
        let line = match error.span() {
            Some(span) if span.start > 0 => line(Some(span)),
            _ => locate(text, &path).unwrap_or(1),
        };
        vec![Fault { path, line, message }]
    };
    let document = toml::Deserializer::parse(text).map_err(|error| wrong(error, Vec::new()))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let segment = |it: &serde_path_to_error::Segment| match it {
            serde_path_to_error::Segment::Seq { index } => index.to_string(),
            named => named.to_string(),
        };
        let path = error.path().iter().map(segment).collect();
        wrong(error.into_inner(), named(text, path))
    })
}

/// A path in which tools are named by their ids, where they have such.
fn named(text: &str, mut path: Vec<String>) -> Vec<String> {
    let id = |index: usize| {
        let document = DeTable::parse(text).ok()?;
        let tools = document.get_ref().get("tool")?.get_ref().as_array()?.get(index)?;
        Some(tools.get_ref().get("id")?.get_ref().as_str()?.to_owned())
    };
    if let [first, index, ..] = path.as_mut_slice()
        && first == "tool"
        && let Some(id) = index.parse().ok().and_then(id)
    {
        *index = id;
    }
    path
}

/// Everything that is wrong with a manifest in itself.
pub(super) fn faults(manifest: &Manifest, text: &str) -> Vec<Fault> {
    let mut found = Found::default();
    names::platform(manifest, &mut found);
    for operation in manifest.operations() {
        tools::operation(operation, &mut found);
    }
    tools::together(manifest, &mut found);
    let at = |(path, message): (Vec<String>, String)| {
        let line = locate(text, &path).unwrap_or(1);
        Fault { path, line, message }
    };
    found.0.into_iter().map(at).collect()
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Found(Vec<(Vec<String>, String)>);

impl Found {
    /// Notes a fault at a path.
    fn at(&mut self, path: &[&str], message: impl Into<String>) {
        self.0.push((path.iter().map(|&key| key.to_owned()).collect(), message.into()));
    }
}

/// The line of a byte, from 1.
fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1
}

/// The line on which the thing at a path begins, or the nearest thing around it.
fn locate(text: &str, path: &[String]) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut at = 0;
    let mut keys = path.iter();
    while let Some(key) = keys.next() {
        let Some((found, value)) = table.get_key_value(key.as_str()) else { break };
        at = found.span().start;
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(items) => {
                let Some(wanted) = keys.next() else { break };
                let index = wanted.parse::<usize>().ok();
                let by_id = |item: &&toml::Spanned<DeValue<'_>>| {
                    let id = item.get_ref().get("id");
                    id.and_then(|id| id.get_ref().as_str()) == Some(wanted)
                };
                let item =
                    index.and_then(|index| items.get(index)).or_else(|| items.iter().find(by_id));
                let Some(item) = item else { break };
                at = item.span().start;
                let DeValue::Table(inner) = item.get_ref() else { break };
                table = inner;
            }
            _ => break,
        }
    }
    Some(line_at(text, at))
}

#[cfg(test)]
mod tests;
