//! What every request and every answer has in common: an id, a span, a measurement, the
//! headers of the quota, and the finish of errors and small bodies.
//!
//! Never here: what an operation does.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;
use uuid::Uuid;

use super::problem::Problem;
use crate::counters::Quota;
use crate::{Hub, clock};

/// A request's id, in and out.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The longest request id that is taken over.
const LONGEST_ID: usize = 128;

/// Bodies below this size, in bytes, are not worth compressing.
const SMALL: u64 = 500;

const PROBLEM_JSON: &str = "application/problem+json";

/// The id by which a request is found in log lines and in the log.
#[derive(Clone, Debug)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The client's, where it gave a sensible one, else a fresh one.
    fn read(headers: &HeaderMap) -> Self {
        let sensible = |id: &&str| {
            (1..=LONGEST_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sensible);
        Self(given.map_or_else(|| clock::uuid().to_string(), str::to_owned))
    }

    /// That of a request under way.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| Self::read(request.headers()))
    }

    /// What stands in the log: the id itself where it is a UUID, else one made from it.
    pub(super) fn correlation(&self) -> Uuid {
        Uuid::parse_str(&self.0).unwrap_or_else(|_| {
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(Sha256::digest(&self.0)).for_each(|(to, from)| *to = from);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        })
    }
}

/// Where the caller's look at the quota is left for the answer's headers.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent(Rc<Cell<Option<Quota>>>);

impl Spent {
    /// That of a request under way.
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_default()
    }

    /// Leaves a quota there.
    pub(super) fn set(&self, quota: Option<Quota>) {
        self.0.set(quota);
    }
}

/// Marks a request that asks for the head of an answer only.
#[derive(Clone, Copy)]
struct HeadOnly;

/// Whether a request, which is handled like any GET, asks for the head of the answer only.
pub(super) fn asks_for_head_only(request: &HttpRequest) -> bool {
    request.extensions().get::<HeadOnly>().is_some()
}

/// The outermost part: id, span, measurement, headers.
pub(super) async fn exchange(
    hub: Data<Hub>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let (id, spent) = (RequestId::read(request.headers()), Spent::default());
    let method = request.method().clone();
    let span = tracing::info_span!(
        "http.request",
        http.method = %method,
        http.route = tracing::field::Empty,
        http.status = tracing::field::Empty,
        request.id = %id.0,
    );
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(spent.clone());
    if method == Method::HEAD {
        request.extensions_mut().insert(HeadOnly);
        request.head_mut().method = Method::GET;
    }
    let mut answer = next.call(request).instrument(span.clone()).await?.map_into_boxed_body();
    if method == Method::HEAD {
        // The server sends no body but would work through it.
        answer = answer.map_body(|_, body| match body.size() {
            BodySize::Stream => BoxBody::new(actix_web::body::None::new()),
            _ => body,
        });
    }

    let route = answer.request().match_pattern();
    let (route, status) = (route.as_deref().unwrap_or("none"), answer.status().as_u16());
    span.record("http.route", route).record("http.status", status);
    // Methods are the client's words; those that no route has are counted as one.
    let known = matches!(method.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS");
    let method = if known { method.as_str() } else { "other" };
    hub.metrics.answered(method, route, status, began.elapsed());

    let headers = answer.headers_mut();
    if headers.get(CONTENT_ENCODING).is_some_and(|value| value == "identity") {
        headers.remove(CONTENT_ENCODING);
    }
    if let Ok(id) = HeaderValue::try_from(id.0) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(Quota { limit, remaining, reset_s }) = spent.0.get() {
        let policy = HeaderValue::try_from(format!("\"daily\";q={limit};w=86400"));
        let left = HeaderValue::try_from(format!("\"daily\";r={remaining};t={reset_s}"));
        if let (Ok(policy), Ok(left)) = (policy, left) {
            headers.insert(RATE_LIMIT_POLICY, policy);
            headers.insert(RATE_LIMIT, left);
        }
    }
    Ok(answer)
}

/// The inner part: every error becomes a problem with all its members, and what is not worth
/// compressing, or must not be held back, is marked so.
pub(super) async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let accepts = request.headers().get_all(ACCEPT);
    let wants_problem =
        accepts.filter_map(|value| value.to_str().ok()).any(|value| value.contains(PROBLEM_JSON));
    let id = RequestId::of(request.request());
    let mut answer = next.call(request).await?.map_into_boxed_body();
    if answer.status().is_client_error() || answer.status().is_server_error() {
        let (request, response) = answer.into_parts();
        answer = ServiceResponse::new(request, as_problem(response, &id, wants_problem));
    }
    let small = matches!(answer.response().body().size(), BodySize::Sized(size) if size < SMALL);
    let kind = answer.headers().get(CONTENT_TYPE);
    let live = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if (small || live) && !answer.headers().contains_key(CONTENT_ENCODING) {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(answer)
}

fn as_problem(response: HttpResponse, id: &RequestId, wants_problem: bool) -> HttpResponse {
    if response.status().is_server_error()
        && let Some(error) = response.error()
        && error.as_error::<Problem>().is_none()
    {
        tracing::error!(%error, "a request failed");
    }
    let (mut response, body) = response.into_parts();
    let mut members = match body.try_into_bytes() {
        Ok(body) => members_of(&body),
        // A stream that has begun is left alone.
        Err(body) => return response.set_body(body),
    };
    if !members.contains_key("code") {
        let bare = Problem::of_status(response.status()).error_response().into_body();
        members = bare.try_into_bytes().map(|body| members_of(&body)).unwrap_or_default();
    }
    members.insert("instance".to_owned(), id.correlation().urn().to_string().into());
    let kind = if wants_problem { PROBLEM_JSON } else { "application/json" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.set_body(BoxBody::new(Bytes::from(Value::Object(members).to_string())))
}

fn members_of(body: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(body).unwrap_or_default()
}
