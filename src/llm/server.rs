//! Talking to a provider's server: addresses, keys, and the way of an answer from it.
//!
//! What all dialects do alike over HTTP. Never here: what a request or a frame looks like.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
};
use serde_json::Value;
use url::Url;

use super::draft::{Decode, Draft, Progress, Reading};
use super::stream::Framing;
use super::{Answer, CompletionError, Deltas, Request};
use crate::clock::Clock;
use crate::config::Secret;
use crate::egress::{self, Egress, Incoming};

/// How large an answer may be on the wire, in bytes. A token takes some hundred.
const MOST: usize = 64 * 1024 * 1024;

/// How long a list of models may take.
const LIST: Duration = Duration::from_secs(10);

/// Where a provider is, and how it is reached.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) egress: Arc<Egress>,
    pub(super) clock: Clock,
    /// What all its addresses begin with. The operator's settings name it, or it is built in.
    pub(super) base: Url,
    /// The operator's key.
    pub(super) key: Option<Secret>,
    /// How long nothing may come of an answer.
    pub(super) silence: Duration,
}

/// One operation of a server.
pub(super) struct Operation<'a> {
    /// The parts of its path after the base.
    pub(super) path: &'a [&'a str],
    /// Its query, if it has one.
    pub(super) query: Option<&'a str>,
    /// The header that carries the key, and what stands before the key there.
    pub(super) authorization: (&'static str, &'static str),
    /// Other headers.
    pub(super) headers: &'a [(&'static str, &'static str)],
}

/// How a stream is to be read.
pub(super) type Reader = (Framing, Decode);

impl Server {
    /// Has a model answer.
    pub(super) async fn complete(
        &self,
        operation: Operation<'_>,
        key: Option<&Secret>,
        request: &Request,
        body: &Value,
        (framing, decode): Reader,
        deltas: Deltas<'_>,
    ) -> Result<Answer, CompletionError> {
        let body = Some(Bytes::from(body.to_string()));
        let mut incoming = self.open(Method::POST, operation, key, body, request.timeout).await?;
        let mut reading = Reading::new(framing, decode, Draft::new(&request.model, deltas));
        loop {
            match incoming.chunk().await {
                Ok(Some(bytes)) => {
                    if reading.take(&bytes)? == Progress::Ended {
                        return reading.answer();
                    }
                }
                Ok(None) => return reading.over(None),
                Err(error) => return reading.over(Some(CompletionError::broken(&error))),
            }
        }
    }

    /// Looks something up.
    pub(super) async fn get(
        &self,
        operation: Operation<'_>,
        key: Option<&Secret>,
    ) -> Result<Value, CompletionError> {
        let mut incoming = self.open(Method::GET, operation, key, None, LIST).await?;
        let body = incoming.rest().await.map_err(|error| CompletionError::broken(&error))?;
        serde_json::from_slice(&body).map_err(|_| CompletionError::malformed("it is no JSON"))
    }

    /// Sends a request; an answer that is no success is an error.
    async fn open(
        &self,
        method: Method,
        operation: Operation<'_>,
        key: Option<&Secret>,
        body: Option<Bytes>,
        timeout: Duration,
    ) -> Result<Incoming, CompletionError> {
        let secret = key.or(self.key.as_ref()).map(Secret::reveal).filter(|key| !key.is_empty());
        let mut request = egress::Request::new(method, self.url(&operation), timeout);
        request.headers = headers(&operation, secret)
            .map_err(|_| CompletionError::without_key("The key has characters that no key has"))?;
        request.body = body;
        request.max_bytes = MOST;
        request.trusted = true;
        let opened = self.egress.open(request, self.silence).await;
        let mut incoming = opened.map_err(|error| CompletionError::unsent(&error))?;
        if incoming.status.is_success() {
            return Ok(incoming);
        }
        // The status alone says enough where the rest does not come.
        let body = incoming.rest().await.unwrap_or_default();
        let (status, headers) = (incoming.status.as_u16(), &incoming.headers);
        Err(CompletionError::refused(status, headers, &body, secret, self.clock.now()))
    }

    fn url(&self, operation: &Operation<'_>) -> Url {
        let mut url = self.base.clone();
        // Only addresses without a host have no path, and those are refused later.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(operation.path);
        }
        if operation.query.is_some() {
            url.set_query(operation.query);
        }
        url
    }
}

fn headers(
    operation: &Operation<'_>,
    secret: Option<&str>,
) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A packed stream comes in lumps.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in operation.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(secret) = secret {
        let (name, scheme) = operation.authorization;
        let mut value = HeaderValue::from_str(&format!("{scheme}{secret}"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}
