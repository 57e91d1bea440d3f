//! From words to a JSON value of the type that a schema asks for.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

/// The types that a schema takes.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a schema takes any text.
pub(super) fn takes_text(schema: &Value) -> bool {
    let open = schema.get("enum").is_none() && schema.get("format").is_none();
    open && (types(schema).contains(&"string") || types(schema).is_empty())
}

/// Whether a schema takes numbers.
pub(super) fn takes_number(schema: &Value) -> bool {
    types(schema).iter().any(|kind| matches!(*kind, "number" | "integer"))
}

/// Whether a schema takes a list.
pub(super) fn takes_many(schema: &Value) -> bool {
    types(schema).contains(&"array")
}

/// What words are as a value of a schema; none where it takes none such.
pub(super) fn read(says: &str, schema: &Value) -> Option<Value> {
    if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
        let same = |value: &&Value| match value {
            Value::String(text) => text.to_lowercase() == says.to_lowercase(),
            value => {
                let shown = value.to_string();
                says == shown
            }
        };
        return listed.iter().find(same).cloned();
    }
    let types = types(schema);
    if types.is_empty() {
        return Some(Value::String(says.to_owned()));
    }
    types.iter().find_map(|kind| match *kind {
        "string" => text(says, schema),
        "integer" => says.parse::<i64>().ok().map(Value::from),
        "number" => {
            let whole = says.parse::<i64>().ok().map(Value::from);
            whole.or_else(|| serde_json::Number::from_f64(says.parse().ok()?).map(Value::Number))
        }
        "boolean" => match &*says.to_lowercase() {
            "true" | "yes" | "on" => Some(Value::Bool(true)),
            "false" | "no" | "off" => Some(Value::Bool(false)),
            _ => None,
        },
        "array" => list(says, schema),
        "object" => serde_json::from_str(says).ok().filter(Value::is_object),
        _ => None,
    })
}

/// Moments in the form that the format asks for, UTC where the text names no zone; other texts as
/// they are.
fn text(says: &str, schema: &Value) -> Option<Value> {
    let as_day = says.parse::<NaiveDate>().ok();
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") if as_day.is_none() => {
            let day = says.get(..10)?.parse::<NaiveDate>().ok()?;
            day.to_string()
        }
        Some("date-time") => match as_day {
            Some(day) => format!("{day}T00:00:00Z"),
            None if says.parse::<NaiveDateTime>().is_ok() => format!("{says}Z"),
            None => DateTime::parse_from_rfc3339(says).ok().map(|_| says.to_owned())?,
        },
        Some("email") if !says.contains('@') => return None,
        Some("uri" | "url") if !says.contains("://") => format!("https://{says}"),
        _ => says.to_owned(),
    };
    Some(Value::String(text))
}

/// A JSON array, or values with commas and `and` between them.
fn list(says: &str, schema: &Value) -> Option<Value> {
    if let Ok(Value::Array(values)) = serde_json::from_str(says) {
        return Some(Value::Array(values));
    }
    let items = schema.get("items").unwrap_or(&Value::Null);
    let parts = says.split(',').flat_map(|part| part.split(" and "));
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    let values: Option<Vec<_>> = parts.map(|part| read(part, items)).collect();
    values.filter(|values| !values.is_empty()).map(Value::Array)
}

/// Where the JSON value that a text begins with ends.
pub(super) fn json_end(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}
