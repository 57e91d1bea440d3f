//! JSON bodies: checked against the schema that the API's description shows, with all faults
//! told at once in the form of contract 1.5.

mod faults;
mod lax;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, Shared};
use jsonschema::Validator;
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
    let mut value: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
    let check = check_of::<T>()?;
    if !check.validator.is_valid(&value) {
        lax::read_as_meant(&check.validator, &mut value);
        let faults = faults::of(&check.validator, &value, check.secret);
        if !faults.is_empty() {
            return Err(Problem::faults(faults));
        }
    }
    // What the schema cannot say is told as the type says it.
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let loc: Vec<_> = std::iter::once("body").chain(path.split('.')).collect();
        Problem::faults(vec![bare(&loc, "value_error", &error.into_inner().to_string())])
    })
}

/// A fault that says nothing of what was sent.
fn bare(loc: &[&str], kind: &str, message: &str) -> Value {
    let mut fault = fault(loc, kind, message, None);
    if let Some(members) = fault.as_object_mut() {
        members.remove("input");
    }
    fault
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Problem {
    let lines = body.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(|line| line.len() + 1).sum();
    let offset = before + error.column().saturating_sub(1);
    let said = error.to_string();
    let said = said.split(" at line").next().unwrap_or_default();
    let loc = ["body", &offset.to_string()];
    let mut fault = fault(&loc, "json_invalid", "JSON decode error", Some(json!({})));
    if let Some(members) = fault.as_object_mut() {
        members.insert("ctx".to_owned(), json!({ "error": said }));
    }
    Problem::faults(vec![fault])
}

/// What bodies of a type are checked with.
struct Check {
    validator: Validator,
    /// Whether there is a password in it, so that nothing of it may be told back.
    secret: bool,
}

/// What bodies of a type are checked with, made once.
fn check_of<T: ToSchema + 'static>() -> Result<Arc<Check>, Problem> {
    static MADE: OnceLock<Mutex<HashMap<TypeId, Arc<Check>>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock();
    if let Some(check) = made.get(&TypeId::of::<T>()) {
        return Ok(Arc::clone(check));
    }
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut schema = serde_json::to_value(T::schema())?;
    let parts: Result<serde_json::Map<_, _>, serde_json::Error> =
        parts.into_iter().map(|(name, part)| Ok((name, serde_json::to_value(part)?))).collect();
    if let Some(members) = schema.as_object_mut() {
        members.insert("components".to_owned(), json!({ "schemas": parts? }));
    }
    let secret = schema.to_string().contains(r#""format":"password""#);
    let validator = jsonschema::validator_for(&schema).map_err(Problem::accident)?;
    let check = Arc::new(Check { validator, secret });
    made.insert(TypeId::of::<T>(), Arc::clone(&check));
    Ok(check)
}

#[cfg(test)]
mod tests;
