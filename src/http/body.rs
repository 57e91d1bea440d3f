//! JSON bodies: checked against the schema that the API's description shows, with all faults
//! told at once in the form of contract 1.5.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, Shared};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::problem::{Problem, fault};

/// A body of this type.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = bytes(request, payload);
        Box::pin(async move { read(&body.await?).map(Self) })
    }
}

/// The bytes of a request's body, read once for as many as ask for them.
pub(super) type Read = Shared<LocalBoxFuture<'static, Result<Bytes, Problem>>>;

/// The bytes of a request's body.
pub(super) fn bytes(request: &HttpRequest, payload: &mut Payload) -> Read {
    if let Some(read) = request.extensions().get::<Read>() {
        return read.clone();
    }
    // All that ask are asked for their futures before any of those runs, so the first one takes
    // the payload for all.
    let reading = Bytes::from_request(request, payload);
    let read = async move { reading.await.map_err(|error| unreadable(&error)) };
    let read = read.boxed_local().shared();
    request.extensions_mut().insert(read.clone());
    read
}

fn unreadable(error: &actix_web::Error) -> Problem {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => Problem::new(StatusCode::BAD_REQUEST, "body_unreadable", "The body broke off"),
    }
}

/// A value of a type from JSON text.
fn read<T: DeserializeOwned + ToSchema + 'static>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Err(Problem::invalid(&["body"], "missing", "Field required", None));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
    let faults: Vec<_> =
        validator::<T>()?.iter_errors(&value).flat_map(|error| faults(&error)).collect();
    if !faults.is_empty() {
        return Err(Problem::faults(faults));
    }
    // What the schema cannot say is told as the type says it.
    serde_json::from_value(value)
        .map_err(|error| Problem::invalid(&["body"], "value_error", &error.to_string(), None))
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Problem {
    let lines = body.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(|line| line.len() + 1).sum();
    let offset = before + error.column().saturating_sub(1);
    let said = error.to_string();
    let said = said.split(" at line").next().unwrap_or_default();
    let mut fault =
        fault(&["body", &offset.to_string()], "json_invalid", "JSON decode error", None);
    fault["input"] = json!({});
    fault["ctx"] = json!({ "error": said });
    Problem::faults(vec![fault])
}

/// The validator of a type, made once.
fn validator<T: ToSchema + 'static>() -> Result<Arc<Validator>, Problem> {
    static MADE: OnceLock<Mutex<HashMap<TypeId, Arc<Validator>>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock();
    if let Some(validator) = made.get(&TypeId::of::<T>()) {
        return Ok(Arc::clone(validator));
    }
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut schema = serde_json::to_value(T::schema())?;
    let parts: Result<serde_json::Map<_, _>, _> =
        parts.into_iter().map(|(name, part)| Ok((name, serde_json::to_value(part)?))).collect();
    schema["components"] = json!({ "schemas": parts.map_err(|error: serde_json::Error| error)? });
    let validator = Arc::new(jsonschema::validator_for(&schema).map_err(Problem::accident)?);
    made.insert(TypeId::of::<T>(), Arc::clone(&validator));
    Ok(validator)
}

/// The faults that a violation of the schema stands for.
fn faults(error: &ValidationError<'_>) -> Vec<Value> {
    let mut loc = vec!["body".to_owned()];
    loc.extend(error.instance_path().as_str().split('/').skip(1).map(unescaped));
    let input = Some(error.instance().as_ref().clone());
    let (kind, message) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            loc.push(property.as_str().unwrap_or_default().to_owned());
            ("missing", "Field required".to_owned())
        }
        ValidationErrorKind::Type { kind } => wanted(kind),
        // An optional thing of a type of its own: what is wrong with it as such a thing.
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let branches = context.iter().filter(|branch| !branch.iter().any(is_not_null));
            return match branches.min_by_key(|branch| branch.len()) {
                Some(branch) => branch.iter().flat_map(faults).collect(),
                None => vec![named(&loc, "value_error", &error.to_string(), input)],
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
        _ => ("value_error", error.to_string()),
    };
    vec![named(&loc, kind, &message, input)]
}

fn named(loc: &[String], kind: &str, message: &str, input: Option<Value>) -> Value {
    let loc: Vec<_> = loc.iter().map(String::as_str).collect();
    fault(&loc, kind, message, input)
}

fn is_not_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::Null) })
}

/// A part of a JSON pointer as it stands in the document.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The name and the words for a wrong type, as the original has them.
fn wanted(kind: &TypeKind) -> (&'static str, String) {
    let one = match kind {
        TypeKind::Single(one) => Some(*one),
        TypeKind::Multiple(several) => several.iter().find(|one| *one != JsonType::Null),
    };
    let (kind, what) = match one {
        Some(JsonType::String) => ("string_type", "string"),
        Some(JsonType::Object) => ("dict_type", "dictionary"),
        Some(JsonType::Array) => ("list_type", "list"),
        Some(JsonType::Integer) => ("int_type", "integer"),
        Some(JsonType::Number) => ("float_type", "number"),
        Some(JsonType::Boolean) => ("bool_type", "boolean"),
        Some(JsonType::Null) | None => ("none_required", "null"),
    };
    (kind, format!("Input should be a valid {what}"))
}
