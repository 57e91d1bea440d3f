//! A first draft of a manifest from a description in OpenAPI 3 or Swagger 2.
//!
//! What a description does not say well (which operations matter, what they are for, how one
//! signs in) is left for whoever finishes the draft, and marked so. Never here: a manifest that
//! is taken as it comes.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// How deep references are followed and schemas written.
const DEPTH: usize = 4;

/// A text that is no description.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no paths.
    #[error("it has no `paths`")]
    Paths,
}

/// The draft, as TOML.
pub fn draft(text: &str, id: Option<&str>) -> Result<String, ImportError> {
    let document: Value = serde_json::from_str(text)?;
    let paths = document.get("paths").and_then(Value::as_object).ok_or(ImportError::Paths)?;
    let title = document.pointer("/info/title").and_then(Value::as_str).unwrap_or("Platform");
    let id = id.map_or_else(|| snake(title), str::to_owned);
    let mut toml = String::new();
    let base = base_url(&document);
    let head = [
        ("id", &*id),
        ("name", title),
        ("description", "(what it is for, in a sentence)"),
        ("category", "(where it stands in a list)"),
        ("tier", "free"),
        ("base_url", &*base),
    ];
    for (key, value) in head {
        let _ = writeln!(toml, "{key} = {}", quoted(value));
    }
    toml.push_str(
        "\n# How calls show who they are for: see \"Signing in\" in docs/manifests.md.\n\
         [config.api_key]\nrequired = true\nsecret = true\n\
         description = \"(where it is found)\"\n\n\
         [[sign_in]]\nkind = \"bearer\"\ntoken = \"{api_key}\"\n",
    );
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                tool(&document, &mut toml, method, path, item, operation);
            }
        }
    }
    Ok(toml)
}

fn base_url(document: &Value) -> String {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    match (text("/servers/0/url"), text("/host")) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(host)) => {
            format!("https://{host}{}", text("/basePath").unwrap_or_default().trim_end_matches('/'))
        }
        (None, None) => "https://(its address)".to_owned(),
    }
}

fn tool(
    document: &Value,
    toml: &mut String,
    method: &str,
    path: &str,
    item: &Value,
    operation: &Value,
) {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
    let id = text("operationId").map_or_else(|| snake(&format!("{method} {path}")), snake);
    let described = text("summary").or(text("description")).unwrap_or("(what it does)");
    let _ = write!(toml, "\n[[tool]]\nid = {}\ndescription = {}\n", quoted(&id), quoted(described));
    if method != "get" {
        let _ = writeln!(toml, "method = {}", quoted(&method.to_uppercase()));
    }
    let _ = writeln!(toml, "path = {}", quoted(&renamed(path)));
    let (mut required, mut lines, mut kind) = (Vec::new(), Vec::new(), None);
    let lists = [item.get("parameters"), operation.get("parameters")];
    for parameter in lists.into_iter().flatten().filter_map(Value::as_array).flatten() {
        let parameter = followed(document, parameter);
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        let place = parameter.get("in").and_then(Value::as_str).unwrap_or("query");
        let is_required = parameter.get("required") == Some(&Value::Bool(true));
        if place == "body" {
            let schema = parameter.get("schema").unwrap_or(&Value::Null);
            members(document, schema, &mut required, &mut lines);
            continue;
        }
        let schema = parameter.get("schema").unwrap_or(parameter);
        let own = snake(name);
        let mut extra = String::new();
        if place == "header" {
            extra.push_str("in = \"header\", ");
        } else if place == "query" && method != "get" && method != "delete" {
            extra.push_str("in = \"query\", ");
        }
        if place == "formData" {
            kind = Some("form");
        }
        if own != name && place != "path" {
            let _ = write!(extra, "name = {}, ", quoted(name));
        }
        if is_required && place != "path" {
            required.push(own.clone());
        }
        let described = parameter.get("description").and_then(Value::as_str);
        lines.push(line(document, &own, schema, described, &extra));
    }
    let content = operation.get("requestBody").map(|body| followed(document, body));
    let content = content.and_then(|body| body.get("content")).and_then(Value::as_object);
    if let Some((media, body)) = content.and_then(|content| content.iter().next()) {
        kind = match media.as_str() {
            "application/x-www-form-urlencoded" => Some("form"),
            "multipart/form-data" => Some("multipart"),
            _ => kind,
        };
        members(document, body.get("schema").unwrap_or(&Value::Null), &mut required, &mut lines);
    }
    if let Some(kind) = kind {
        let _ = writeln!(toml, "body = {}", quoted(kind));
    }
    if !required.is_empty() {
        let names: Vec<_> = required.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(toml, "required = [{}]", names.join(", "));
    }
    if !lines.is_empty() {
        let _ = writeln!(toml, "[tool.parameters]\n{}", lines.join("\n"));
    }
}

/// The members of a body, each a parameter.
fn members(document: &Value, schema: &Value, required: &mut Vec<String>, lines: &mut Vec<String>) {
    let schema = followed(document, schema);
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        required.extend(name.as_str().map(snake));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let property = followed(document, property);
        let own = snake(name);
        let extra = if own == *name { String::new() } else { format!("name = {}, ", quoted(name)) };
        let described = property.get("description").and_then(Value::as_str);
        lines.push(line(document, &own, property, described, &extra));
    }
}

/// One parameter on a line.
fn line(
    document: &Value,
    name: &str,
    schema: &Value,
    described: Option<&str>,
    extra: &str,
) -> String {
    let described = described.map_or("(what it is)", str::trim);
    let schema = short(document, schema, DEPTH);
    match schema.as_object() {
        Some(words)
            if words.len() == 1
                && words.get("type") == Some(&"string".into())
                && extra.is_empty() =>
        {
            format!("{name} = {}", quoted(described))
        }
        words => {
            let words = words.into_iter().flatten();
            let words = words.map(|(word, value)| format!("{word} = {}, ", inline(value)));
            let words = words.collect::<String>();
            format!("{name} = {{ {words}{extra}description = {} }}", quoted(described))
        }
    }
}

/// The words of a schema that a manifest keeps.
fn short(document: &Value, schema: &Value, depth: usize) -> Value {
    const KEPT: [&str; 7] =
        ["enum", "format", "minimum", "maximum", "minLength", "maxLength", "pattern"];
    let schema = followed(document, schema);
    let mut kept = Map::new();
    let kind = match schema.get("type") {
        Some(Value::String(kind)) if kind == "file" => "file",
        Some(Value::String(kind)) => kind,
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    };
    kept.insert("type".to_owned(), kind.into());
    for word in KEPT {
        if let Some(value) = schema.get(word) {
            kept.insert(word.to_owned(), value.clone());
        }
    }
    if let (Some(items), true) = (schema.get("items"), depth > 0) {
        kept.insert("items".to_owned(), short(document, items, depth - 1));
    }
    if let (Some(properties), true) =
        (schema.get("properties").and_then(Value::as_object), depth > 0)
    {
        let each = |(name, value)| (String::clone(name), short(document, value, depth - 1));
        kept.insert(
            "properties".to_owned(),
            properties.iter().map(each).collect::<Map<_, _>>().into(),
        );
    }
    kept.into()
}

/// What a reference stands for.
fn followed<'d>(document: &'d Value, mut value: &'d Value) -> &'d Value {
    for _ in 0..DEPTH {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { break };
        let Some(found) = reference.strip_prefix('#').and_then(|at| document.pointer(at)) else {
            break;
        };
        value = found;
    }
    value
}

/// A path whose parameters have names of ours.
fn renamed(path: &str) -> String {
    let mut renamed = String::new();
    for (index, part) in path.split(['{', '}']).enumerate() {
        match index % 2 {
            0 => renamed.push_str(part),
            _ => {
                let _ = write!(renamed, "{{{}}}", snake(part));
            }
        }
    }
    renamed
}

/// A name in lower case with `_` between its words.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            after_lower = false;
            continue;
        }
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = !c.is_ascii_uppercase();
        snake.push(c.to_ascii_lowercase());
    }
    snake.trim_matches('_').to_owned()
}

fn quoted(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Value::String(one_line).to_string()
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().filter(|it| !it.is_null()).map(inline).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(members) => {
            let members =
                members.iter().map(|(key, value)| format!("{} = {}", quoted(key), inline(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::platforms::Platform;

    #[test]
    fn a_draft_is_a_manifest_that_only_needs_words() {
        let description = serde_json::json!({
            "info": { "title": "Pet Shop" },
            "servers": [{ "url": "https://pets.example/v1/" }],
            "paths": { "/pets/{petId}": {
                "parameters": [{ "name": "petId", "in": "path", "required": true,
                    "description": "The pet", "schema": { "type": "string" } }],
                "put": {
                    "operationId": "updatePet", "summary": "Changes what is known of a pet",
                    "requestBody": { "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Pet" } } } },
                },
            } },
            "components": { "schemas": { "Pet": { "required": ["nickName"], "properties": {
                "nickName": { "type": "string", "description": "Its name" },
                "kind": { "type": "string", "enum": ["cat", "dog"] },
                "tags": { "type": "array", "items": { "type": "string" } } } } } },
        });
        let toml = draft(&description.to_string(), None).unwrap();
        let platform = Platform::read(&toml).unwrap_or_else(|faults| panic!("{faults:?}\n{toml}"));
        assert_eq!(platform.id(), "pet_shop");
        let of = platform.manifest().operations().next().unwrap();
        assert_eq!(of.name(), "pet_shop_update_pet");
        assert_eq!(of.required(), ["pet_id", "nick_name"]);
        assert_eq!(of.schema()["properties"]["kind"]["enum"][1], "dog");
        assert_eq!(of.parameters()[1].1.wire.as_deref(), Some("nickName"));
    }
}
