//! `docs/events.md`, written from the declarations of events and their golden samples.

use std::fmt::Write as _;
use std::path::Path;

/// One event as its declaration tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) schema: u16,
    pub(super) about: String,
}

/// The events that a source file declares in `events! { … }`.
pub(super) fn declared(text: &str) -> Vec<Told> {
    let Some((_, block)) = text.split_once("\nevents! {\n") else { return Vec::new() };
    let (mut told, mut kind, mut about) = (Vec::new(), String::new(), Vec::new());
    for line in block.lines().take_while(|line| *line != "}").map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            about.push(doc.trim());
        } else if let Some(name) = line.strip_suffix(" {") {
            kind = name.trim_matches('"').to_owned();
            about.clear();
        } else if let Some((name, schema)) = wire_name(line) {
            let about = std::mem::take(&mut about).join(" ");
            told.push(Told { name: format!("{kind}.{name}"), schema, about });
        }
    }
    told
}

/// `Variant(Payload) = "name" v 1,`: the name and the schema.
fn wire_name(line: &str) -> Option<(&str, u16)> {
    let (name, schema) = line.split_once(" = ")?.1.trim_end_matches(',').split_once(" v ")?;
    Some((name.trim_matches('"'), schema.parse().ok()?))
}

/// The page, from declarations in the order of their names and a directory of samples.
pub(super) fn page(mut events: Vec<Told>, golden: &Path) -> std::io::Result<String> {
    events.sort_by(|a, b| a.name.cmp(&b.name));
    let mut page = String::from(
        "# Events\n\n\
         <!-- Written from `events/src` and its golden samples; `HUB_BLESS=1 cargo test --test \
         tidy` writes it anew. -->\n\n\
         Everything that can happen, as it stands in the log: the type, the version of its \
         shape, and\na sample of its content. `{\"key\":1,\"sealed\":\"…\"}` is content that \
         only the account's key opens.\nEvery shape that was ever written stays readable.\n",
    );
    let mut before = "";
    for event in &events {
        let (kind, _) = event.name.split_once('.').unwrap_or((&event.name, ""));
        if kind != before {
            let _ = write!(page, "\n## {kind}\n");
            before = kind;
        }
        let sample = golden.join(format!("{}.v{}.json", event.name, event.schema));
        let sample = std::fs::read_to_string(sample)?;
        let Told { name, schema, about } = event;
        let _ = write!(page, "\n`{name}`, version {schema}. {about}\n\n```json\n{sample}```\n");
    }
    Ok(page)
}
