//! The operator's manual of settings, written from the comments on their fields.
//!
//! Never here: words about a single setting.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::Config;

const HEAD: &str = "# Settings

<!-- Written from the comments in `src/config.rs`; `HUB_BLESS=1 cargo test manual` writes it anew. -->

A setting is taken from the first of these that has it:

1. a flag, such as `--listen 0.0.0.0:8080` or `--data-dir /var/lib/hub`;
2. the environment: `HUB_` and its name in capitals, with two underscores between section and
   field, as in `HUB_RUNS__WAIT_S=60`; lists have commas between their items;
3. the file `hub.toml`, or the one that `--config` or `HUB_CONFIG` names;
4. its default.

A setting that does not exist is an error that names it. `hub config` prints the settings in
force, without secrets.
";

/// The manual as Markdown.
pub fn manual() -> String {
    let mut schemas = Vec::new();
    Config::schemas(&mut schemas);
    let section = |name: &str| schemas.iter().find(|(known, _)| known == name);
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let root = serde_json::to_value(Config::schema()).unwrap_or_default();
    let mut text = HEAD.to_owned();
    write_section(&mut text, "", "General", &root, &defaults);
    for (field, schema) in properties(&root) {
        let Some((_, of_field)) = reference(schema).and_then(section) else { continue };
        let of_field = serde_json::to_value(of_field).unwrap_or_default();
        let title = format!("`[{field}]`");
        write_section(&mut text, field, &title, &of_field, defaults.get(field).unwrap_or(&root));
        // A table of tables: its names are the operator's.
        let named = of_field.get("additionalProperties").and_then(reference).and_then(section);
        if let Some((_, of_one)) = named {
            let of_one = serde_json::to_value(of_one).unwrap_or_default();
            let name = format!("{field}.<name>");
            write_section(&mut text, &name, &format!("`[{name}]`"), &of_one, &Value::Null);
        }
    }
    text
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// The name of the schema that this one stands for.
fn reference(schema: &Value) -> Option<&str> {
    let candidates = ["allOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    let nested = candidates.flatten().filter_map(|one| one.get("$ref")?.as_str()).next();
    let path = schema.get("$ref").and_then(Value::as_str).or(nested)?;
    path.rsplit('/').next()
}

fn write_section(text: &mut String, name: &str, title: &str, schema: &Value, defaults: &Value) {
    let about = if name.is_empty() { "" } else { described(schema) };
    let _ = write!(
        text,
        "\n## {title}\n\n{about}\n\n| setting | environment | default | meaning |\n|---|---|---|---|\n"
    );
    for (field, of_field) in properties(schema) {
        let default = defaults.get(field).unwrap_or(&Value::Null);
        if default.is_object() {
            continue;
        }
        let variable = [name, field].into_iter().filter(|part| !part.is_empty());
        let variable = variable.collect::<Vec<_>>().join("__").replace('.', "__").to_uppercase();
        let default = match default {
            Value::Null => "none".to_owned(),
            Value::Array(items) if items.is_empty() => "none".to_owned(),
            Value::String(word) => format!("`{word}`"),
            other => format!("`{other}`"),
        };
        let meaning = described(of_field).split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "| `{field}` | `HUB_{variable}` | {default} | {meaning} |");
    }
}

fn described(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_manual_in_docs_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
        let written = manual();
        if std::env::var_os("HUB_BLESS").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), written, "run with HUB_BLESS=1");
    }

    #[test]
    fn every_setting_is_described() {
        let bare: Vec<_> =
            manual().lines().filter(|line| line.ends_with("|  |")).map(str::to_owned).collect();
        assert_eq!(bare, Vec::<String>::new());
    }
}
