//! The only map from what went wrong to a status code and a body.
//!
//! A body has `detail`, which clients of the original read, and beside it the members of
//! problem details (RFC 9457). An accident's client sees the request's id and nothing of its
//! source; the source is logged once, here.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use hub_events::fact::DecodeError;
use hub_events::log::{AppendError, ReadError};
use hub_events::refusal::{Kind, Refusal};
use hub_projections::{Lagging, ViewError};
use serde_json::{Value, json};

use crate::actors::AskError;
use crate::clock;
use crate::connections::ConnectionError;
use crate::effects::Accident;
use crate::limits::LimitError;
use crate::transact::TransactError;
use crate::vault::VaultError;

/// What a handler answers.
pub type Answer = Result<HttpResponse, Problem>;

/// After how many seconds it is worth trying again when too much goes on at once.
const SOON_S: u64 = 1;

/// Why a request is not carried out.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Value,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// A problem with a status, a code (a paragraph of `docs/problems.md`) and a detail.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Value>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    /// There is no such thing, or not for this caller.
    pub fn not_found(detail: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// A precondition of the request does not hold.
    pub fn precondition(detail: &'static str) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail)
    }

    /// Too much goes on at once; soon it may be possible.
    pub fn busy(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(SOON_S)
    }

    /// One fault of a request, in the form of contract 1.5: where, what kind, in words.
    pub fn invalid(loc: &[&str], kind: &str, message: &str, input: Option<Value>) -> Self {
        Self::faults(vec![fault(loc, kind, message, input)])
    }

    /// All faults of a request.
    pub fn faults(faults: Vec<Value>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", faults)
    }

    /// An accident: logged here, and the client sees only an id by which it can be found.
    pub fn accident(error: impl fmt::Display) -> Self {
        let id = clock::uuid();
        tracing::error!(problem.id = %id, %error, "a request failed");
        let detail = format!("Something went wrong on our side. It is logged as {id}.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
    }

    /// New work is not taken at present.
    fn unavailable(reason: impl fmt::Display) -> Self {
        let id = clock::uuid();
        tracing::warn!(problem.id = %id, %reason, "a request was turned away");
        let detail = "The hub takes no new work at present. Reading goes on.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "log_unavailable", detail).retry_after(5)
    }

    /// What a bare status means, where nothing more is known.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "Not Found"),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "Method Not Allowed"),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The body is too large"),
            _ if status.is_server_error() => ("internal_error", "Something went wrong on our side"),
            _ => ("bad_request", "The request is not understood"),
        };
        Self::new(status, code, detail)
    }

    /// The hub as a whole takes no work at present.
    pub(super) fn not_ready(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail).retry_after(SOON_S)
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    /// Says after how many seconds another try may go better.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds.to_string())
    }

    /// Whether it is the hub's own fault, of which a client is told nothing more.
    pub(super) fn is_accident(&self) -> bool {
        self.status == StatusCode::INTERNAL_SERVER_ERROR
    }

    /// The detail in words.
    pub(super) fn words(&self) -> String {
        self.detail.as_str().map_or_else(|| self.detail.to_string(), str::to_owned)
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// A fault of a request, in the form of contract 1.5. Numbers in `loc` are places in lists.
pub fn fault(loc: &[&str], kind: &str, message: &str, input: Option<Value>) -> Value {
    let place = |part: &&str| match part.parse::<u64>() {
        Ok(index) => Value::from(index),
        Err(_) => Value::from(*part),
    };
    let loc: Vec<Value> = loc.iter().map(place).collect();
    json!({ "type": kind, "loc": loc, "msg": message, "input": input })
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponseBuilder::new(self.status);
        for header in &self.headers {
            answer.append_header(header.clone());
        }
        answer.json(json!({
            "detail": self.detail,
            "type": format!("/docs/problems#{}", self.code),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
        }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let Refusal { kind, code, detail } = refusal;
        let status = match kind {
            Kind::Missing => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Plan => StatusCode::PAYMENT_REQUIRED,
            Kind::Limit => StatusCode::TOO_MANY_REQUESTS,
            Kind::Forbidden => StatusCode::FORBIDDEN,
        };
        Self::new(status, code, detail.into_owned())
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::WrongVersion { .. } => Self::busy("It is being changed by many at once"),
            AppendError::Refusing(reason) | AppendError::Unknown(reason) => {
                Self::unavailable(reason)
            }
            AppendError::Duplicate(_) => Self::accident("a command was unexpectedly repeated"),
        }
    }
}

impl From<TransactError> for Problem {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Refused(refusal) => refusal.into(),
            TransactError::Append(error) => error.into(),
            error @ (TransactError::Read(_)
            | TransactError::Decode(_)
            | TransactError::Encode(_)) => Self::accident(error),
        }
    }
}

impl From<ConnectionError> for Problem {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Refused(refusal) => refusal.into(),
            ConnectionError::Invalid(_) => {
                Self::new(StatusCode::BAD_REQUEST, "config_invalid", error.to_string())
            }
            ConnectionError::Log(error) => error.into(),
            ConnectionError::Vault(error) => error.into(),
            ConnectionError::View(error) => error.into(),
            ConnectionError::Lagging(error) => error.into(),
            ConnectionError::Stopping => Self::busy("The hub is being stopped"),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refusal) => refusal.into(),
            AskError::Append(error) => error.into(),
            AskError::Busy => Self::busy("Too many requests are under way"),
            AskError::Ended => Self::accident(error),
        }
    }
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Refused(refusal) => refusal.into(),
            LimitError::View(error) => error.into(),
            LimitError::Lagging(error) => error.into(),
        }
    }
}

impl From<Lagging> for Problem {
    fn from(lagging: Lagging) -> Self {
        tracing::warn!(%lagging, "a request waited in vain for the read models");
        Self::busy("The read models are behind; try again soon")
    }
}

macro_rules! accidents {
    ($($error:ty),*) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::accident(error)
            }
        }
    )*};
}

accidents!(VaultError, ViewError, ReadError, DecodeError, Accident, serde_json::Error);
