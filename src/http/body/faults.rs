//! From violations of a schema to the faults that clients know: type, place, words, input.
//!
//! Never here: which schema a body has.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use super::super::problem::fault;
use super::bare;

/// More faults than this are not told.
const MOST: usize = 100;

/// Larger inputs than this many values are not told back.
const LARGEST_ECHO: usize = 64;

/// Longer texts than this many bytes are not told back.
const LONGEST_ECHO: usize = 256;

/// Everything that is wrong with a value. Where a secret is in it, nothing of it is told back.
pub(super) fn of(validator: &Validator, value: &Value, secret: bool) -> Vec<Value> {
    let teller = Teller { secret };
    validator.iter_errors(value).flat_map(|error| teller.faults(&error)).take(MOST).collect()
}

struct Teller {
    secret: bool,
}

impl Teller {
    fn faults(&self, error: &ValidationError<'_>) -> Vec<Value> {
        let mut loc = vec!["body".to_owned()];
        loc.extend(error.instance_path().as_str().split('/').skip(1).map(unescaped));
        let input = error.instance().as_ref();
        let (kind, message) = match error.kind() {
            ValidationErrorKind::Required { property } => {
                loc.push(property.as_str().unwrap_or_default().to_owned());
                ("missing", "Field required".to_owned())
            }
            ValidationErrorKind::Type { kind } => wrong_type(kind, input),
            // An optional thing of a type of its own: what is wrong with it as such a thing.
            ValidationErrorKind::OneOfNotValid { context }
            | ValidationErrorKind::AnyOf { context } => {
                let branches = context.iter().filter(|branch| !branch.iter().any(wants_null));
                return match branches.min_by_key(|branch| branch.len()) {
                    Some(branch) => branch.iter().flat_map(|error| self.faults(error)).collect(),
                    None => {
                        vec![self.told(&loc, "value_error", &error.masked().to_string(), input)]
                    }
                };
            }
            ValidationErrorKind::Minimum { limit } => {
                ("greater_than_equal", format!("Input should be greater than or equal to {limit}"))
            }
            ValidationErrorKind::Maximum { limit } => {
                ("less_than_equal", format!("Input should be less than or equal to {limit}"))
            }
            ValidationErrorKind::Pattern { pattern } => {
                ("string_pattern_mismatch", format!("String should match pattern '{pattern}'"))
            }
            ValidationErrorKind::MinLength { limit } => {
                ("string_too_short", format!("String should have at least {limit} characters"))
            }
            ValidationErrorKind::MaxLength { limit } => {
                ("string_too_long", format!("String should have at most {limit} characters"))
            }
            ValidationErrorKind::Enum { options } => {
                ("enum", format!("Input should be one of {options}"))
            }
            _ => ("value_error", error.masked().to_string()),
        };
        vec![self.told(&loc, kind, &message, input)]
    }

    fn told(&self, loc: &[String], kind: &str, message: &str, input: &Value) -> Value {
        let loc: Vec<_> = loc.iter().map(String::as_str).collect();
        let mut room = LARGEST_ECHO;
        if self.secret || !fits(input, &mut room) {
            return bare(&loc, kind, message);
        }
        fault(&loc, kind, message, Some(input.clone()))
    }
}

/// Whether a value has room to be told back.
fn fits(value: &Value, room: &mut usize) -> bool {
    let Some(left) = room.checked_sub(1) else { return false };
    *room = left;
    match value {
        Value::String(text) => text.len() <= LONGEST_ECHO,
        Value::Array(items) => items.iter().all(|item| fits(item, room)),
        Value::Object(members) => {
            members.iter().all(|(name, member)| name.len() <= LONGEST_ECHO && fits(member, room))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::Null) })
}

/// A part of a JSON pointer as it stands in the document.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The name and the words for a wrong type, as the original has them.
fn wrong_type(kind: &TypeKind, input: &Value) -> (&'static str, String) {
    let wanted = match kind {
        TypeKind::Single(one) => Some(*one),
        TypeKind::Multiple(several) => several.iter().find(|one| *one != JsonType::Null),
    };
    let (kind, words) = match (wanted, input) {
        (Some(JsonType::String), _) => ("string_type", "a valid string"),
        (Some(JsonType::Object), _) => ("dict_type", "a valid dictionary"),
        (Some(JsonType::Array), _) => ("list_type", "a valid list"),
        (Some(JsonType::Integer), Value::String(_)) => {
            ("int_parsing", "a valid integer, unable to parse string as an integer")
        }
        (Some(JsonType::Integer), Value::Number(_)) => {
            ("int_from_float", "a valid integer, got a number with a fractional part")
        }
        (Some(JsonType::Integer), _) => ("int_type", "a valid integer"),
        (Some(JsonType::Number), Value::String(_)) => {
            ("float_parsing", "a valid number, unable to parse string as a number")
        }
        (Some(JsonType::Number), _) => ("float_type", "a valid number"),
        (Some(JsonType::Boolean), Value::String(_) | Value::Number(_)) => {
            ("bool_parsing", "a valid boolean, unable to interpret input")
        }
        (Some(JsonType::Boolean), _) => ("bool_type", "a valid boolean"),
        (Some(JsonType::Null) | None, _) => ("none_required", "None"),
    };
    (kind, format!("Input should be {words}"))
}
