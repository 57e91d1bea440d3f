//! Texts that stand for numbers and truth values, which the original read as such.
//!
//! Never here: telling faults.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, Validator};
use serde_json::{Number, Value};

/// Puts in place of a text what the schema asks for, where the text says it.
pub(super) fn read_as_meant(validator: &Validator, value: &mut Value) {
    let mut meant = Vec::new();
    for error in validator.iter_errors(value) {
        let ValidationErrorKind::Type { kind } = error.kind() else { continue };
        let wanted = match kind {
            TypeKind::Single(one) => Some(*one),
            TypeKind::Multiple(several) => several.iter().find(|one| *one != JsonType::Null),
        };
        let place = error.instance_path().as_str().to_owned();
        meant.push((place, wanted.and_then(|wanted| read(wanted, error.instance()))));
    }
    for (place, meant) in meant {
        if let (Some(place), Some(meant)) = (value.pointer_mut(&place), meant) {
            *place = meant;
        }
    }
}

fn read(wanted: JsonType, given: &Value) -> Option<Value> {
    let text = match given {
        Value::String(text) => text.trim().to_lowercase(),
        Value::Number(number) if wanted == JsonType::Boolean => number.to_string(),
        _ => return None,
    };
    match wanted {
        JsonType::Integer => text.parse::<i64>().ok().map(Value::from),
        JsonType::Number => text.parse().ok().and_then(Number::from_f64).map(Value::from),
        JsonType::Boolean => match text.as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Some(Value::Bool(true)),
            "false" | "0" | "no" | "off" | "f" | "n" => Some(Value::Bool(false)),
            _ => None,
        },
        JsonType::Null | JsonType::String | JsonType::Array | JsonType::Object => None,
    }
}
