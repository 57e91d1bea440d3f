//! A parameter of a tool: its JSON Schema in short, and how it is sent.
//!
//! A text alone is the description of an optional text. A table is a JSON Schema in which
//! `type` may be left out, with four keys of our own: `in`, `name`, `as` and `lists`. Never
//! here: the request.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, json};

use super::compute::Function;

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its JSON Schema.
    pub schema: Value,
    /// Where it is sent; none where the method and the path decide.
    pub position: Option<Position>,
    /// Its name on the wire, where that is another; in a body also a JSON pointer.
    pub wire: Option<String>,
    /// What is done with a value before it is sent.
    pub via: Option<Function>,
    /// How a list is sent in a query or a form, where not as the tool's others.
    pub lists: Option<Lists>,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// As a member of the body.
    Body,
    /// As the body itself.
    WholeBody,
    /// Only where a template names it.
    Template,
}

/// How a list is sent in a query or a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lists {
    /// `a=1&a=2`
    #[default]
    Repeat,
    /// `a=1,2`
    Comma,
    /// `a[]=1&a[]=2`
    Brackets,
    /// `a[0]=1&a[1]=2`
    Indexed,
    /// `a=[1,2]`
    Json,
}

/// Words of JSON Schema (2020-12) that a parameter may use.
const WORDS: [&str; 27] = [
    "type",
    "description",
    "default",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
    "anyOf",
    "oneOf",
    "examples",
    "title",
];

/// The types of JSON Schema, and `file`.
const TYPES: [&str; 8] =
    ["string", "integer", "number", "boolean", "array", "object", "null", "file"];

/// What a file is to whoever calls a tool: its name, and its content as text or base64.
fn file() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "description": "File name with its ending" },
            "content_base64": { "type": "string", "contentEncoding": "base64",
                "description": "The content as base64" },
            "text": { "type": "string", "description": "The content, where it is text" },
            "content_type": { "type": "string",
                "description": "Media type; told from the name where none is given" },
        },
        "oneOf": [{ "required": ["content_base64"] }, { "required": ["text"] }],
    })
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Parameter {
    /// A parameter as it is written.
    pub fn of(written: Value) -> Result<Self, String> {
        let Value::Object(mut table) = written else {
            let (schema, none) = (property(written)?, None);
            return Ok(Self { schema, position: none, wire: None, via: None, lists: None });
        };
        Ok(Self {
            position: taken(&mut table, "in")?,
            wire: taken(&mut table, "name")?,
            via: taken(&mut table, "as")?,
            lists: taken(&mut table, "lists")?,
            schema: property(Value::Object(table))?,
        })
    }

    /// Whether a value of it can be a file.
    pub fn takes_files(&self) -> bool {
        let is_file = |schema: &Value| schema.pointer("/properties/content_base64").is_some();
        let any = self.schema.get("anyOf").and_then(Value::as_array);
        is_file(&self.schema) || any.is_some_and(|any| any.iter().any(is_file))
    }
}

fn taken<T: for<'de> Deserialize<'de>>(
    table: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>, String> {
    let Some(value) = table.remove(key) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| format!("`{key}`: {error}"))
}

/// The schema of a property: a text is the description of a text.
fn property(written: Value) -> Result<Value, String> {
    match written {
        Value::String(description) => Ok(json!({ "type": "string", "description": description })),
        Value::Object(table) => schema(table),
        other => Err(format!("expected a description or a table, found `{other}`")),
    }
}

/// The schema of items: a text is a type.
fn items(written: Value) -> Result<Value, String> {
    match written {
        Value::String(kind) => schema(Map::from_iter([("type".to_owned(), Value::String(kind))])),
        Value::Object(table) => schema(table),
        other => Err(format!("`items`: expected a type or a table, found `{other}`")),
    }
}

/// A schema with what was left out put in.
fn schema(table: Map<String, Value>) -> Result<Value, String> {
    if let Some(unknown) = table.keys().find(|key| !WORDS.contains(&key.as_str())) {
        let ours = "`in`, `name`, `as`, `lists`";
        return Err(format!("`{unknown}` is neither a word of JSON Schema nor one of {ours}"));
    }
    let mut schema = Map::new();
    if let Some(kind) = table.get("type").cloned().or_else(|| implied(&table)) {
        schema.insert("type".to_owned(), kind);
    }
    for (key, value) in table {
        let value = match (key.as_str(), value) {
            ("type", _) => continue,
            ("items", written) => items(written)?,
            ("properties", Value::Object(written)) => {
                let named = |(name, value)| Ok::<_, String>((name, property(value)?));
                written.into_iter().map(named).collect::<Result<Map<_, _>, _>>()?.into()
            }
            ("anyOf" | "oneOf", Value::Array(written)) => {
                written.into_iter().map(items).collect::<Result<Vec<_>, _>>()?.into()
            }
            ("additionalProperties", Value::Object(written)) => self::schema(written)?,
            (_, value) => value,
        };
        schema.insert(key, value);
    }
    with_files(schema)
}

/// The type of a schema that names none.
fn implied(table: &Map<String, Value>) -> Option<Value> {
    let has = |key: &str| table.contains_key(key);
    if has("properties") || has("additionalProperties") {
        Some("object".into())
    } else if has("items") {
        Some("array".into())
    } else if has("anyOf") || has("oneOf") || has("const") {
        None
    } else {
        Some("string".into())
    }
}

/// The same with the type `file` written out.
fn with_files(mut schema: Map<String, Value>) -> Result<Value, String> {
    let kinds: Vec<String> = match schema.get("type") {
        None => return Ok(schema.into()),
        Some(Value::String(kind)) => vec![kind.clone()],
        Some(Value::Array(kinds)) => {
            kinds.iter().map(|kind| kind.as_str().unwrap_or_default().to_owned()).collect()
        }
        Some(_) => Vec::new(),
    };
    let known = |kind: &String| TYPES.contains(&kind.as_str());
    if kinds.is_empty() || !kinds.iter().all(known) {
        return Err(format!("`type`: expected one or more of {}", TYPES.join(", ")));
    }
    if !kinds.iter().any(|kind| kind == "file") {
        return Ok(schema.into());
    }
    schema.remove("type");
    let forms: Vec<Value> = kinds
        .into_iter()
        .map(|kind| if kind == "file" { file() } else { json!({ "type": kind }) })
        .collect();
    match <[Value; 1]>::try_from(forms) {
        Ok([Value::Object(mut only)]) => {
            only.extend(schema);
            Ok(only.into())
        }
        Ok([other]) => Ok(other),
        Err(forms) => {
            schema.insert("anyOf".to_owned(), forms.into());
            Ok(schema.into())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn what_is_left_out_is_put_in() {
        for (written, schema) in [
            (json!("A text"), json!({ "type": "string", "description": "A text" })),
            (json!({ "enum": ["a"] }), json!({ "type": "string", "enum": ["a"] })),
            (
                json!({ "items": "integer" }),
                json!({ "type": "array", "items": { "type": "integer" } }),
            ),
            (
                json!({ "properties": { "a": "An a", "b": { "type": "integer" } } }),
                json!({ "type": "object", "properties": {
                    "a": { "type": "string", "description": "An a" }, "b": { "type": "integer" } } }),
            ),
            (
                json!({ "anyOf": ["string", "integer"] }),
                json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
            ),
        ] {
            assert_eq!(Parameter::of(written.clone()).unwrap().schema, schema, "{written}");
        }
    }

    #[test]
    fn files_are_written_out() {
        let one = Parameter::of(json!({ "type": "file", "description": "A file" })).unwrap();
        assert!(one.takes_files() && one.schema["properties"]["text"].is_object());
        let either = Parameter::of(json!({ "type": ["string", "file"] })).unwrap();
        assert!(either.takes_files() && either.schema["anyOf"][0] == json!({ "type": "string" }));
        assert!(!Parameter::of(json!("A text")).unwrap().takes_files());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (written, named) in [
            (json!({ "requierd": true }), "requierd"),
            (json!({ "type": "text" }), "string, integer"),
            (json!({ "in": "cookie" }), "cookie"),
            (json!({ "as": "rot13" }), "rot13"),
            (json!(5), "5"),
        ] {
            let error = Parameter::of(written.clone()).unwrap_err();
            assert!(error.contains(named), "{written}: {error}");
        }
    }
}
