//! Arguments that a schema takes, made from the schema.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

/// Those that must be given.
pub(super) fn required(schema: &Value) -> Value {
    sample(schema, false)
}

/// All of them.
pub(super) fn all(schema: &Value) -> Value {
    sample(schema, true)
}

fn sample(schema: &Value, whole: bool) -> Value {
    for fixed in ["const", "default"] {
        if let Some(value) = schema.get(fixed) {
            return value.clone();
        }
    }
    for choice in ["enum", "examples"] {
        if let Some(first) = schema.get(choice).and_then(Value::as_array).and_then(|it| it.first())
        {
            return first.clone();
        }
    }
    for any in ["anyOf", "oneOf"] {
        let forms = schema.get(any).and_then(Value::as_array);
        if let (Some(first), None) = (forms.and_then(|it| it.first()), schema.get("type")) {
            return sample(first, whole);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap(),
        kind => kind.as_str().unwrap_or("string"),
    };
    match kind {
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        "array" => {
            let items = schema.get("items").cloned().unwrap_or(json!({}));
            let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1);
            (0..count).map(|_| sample(&items, whole)).collect()
        }
        "object" => object(schema, whole),
        _ => text(schema).into(),
    }
}

fn object(schema: &Value, whole: bool) -> Value {
    if schema.pointer("/properties/content_base64").is_some() {
        return json!({ "name": "a.txt", "text": "a file" });
    }
    let needed = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut made = Map::new();
    for (name, property) in properties.into_iter().flatten() {
        // A call has one connection, and pages are another test's.
        let apart = ["connection_id", "max_pages"].contains(&name.as_str());
        if !apart && (whole || needed.iter().any(|it| it == name)) {
            made.insert(name.clone(), sample(property, whole));
        }
    }
    for name in needed.iter().filter_map(Value::as_str) {
        made.entry(name).or_insert_with(|| "text1".into());
    }
    made.into()
}

fn text(schema: &Value) -> String {
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        return matching(pattern);
    }
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-31T08:00:00Z",
        Some("date") => "2026-01-31",
        Some("time") => "08:00:00Z",
        Some("email") => "a@example.com",
        Some("uri") => "https://example.com/a",
        Some("uuid") => "018f4e9a-0000-7000-8000-000000000000",
        // Some functions take digits or letters alone.
        _ => "text1",
    };
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0) as usize;
    let most = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX) as usize;
    let mut text = text.to_owned();
    while text.len() < least {
        text.push('x');
    }
    text.chars().take(most).collect()
}

/// A text that a pattern takes, the same each time.
fn matching(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let strategy = string_regex(inner).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    strategy.new_tree(&mut TestRunner::deterministic()).unwrap().current()
}
