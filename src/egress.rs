//! The only way out: every outgoing HTTP request of the hub goes through here.
//!
//! Only public addresses are reached unless the operator allows more; the address that was
//! checked is the address that is connected to, also after a redirect. Time and size are
//! bounded, and no error tells a query, a header or a password. Never here: what an answer
//! means.

mod addresses;
mod incoming;
mod resolver;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use reqwest::dns::Resolve;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use tokio::time::Instant;
use url::{Host, Url};

use addresses::permitted;
pub use incoming::Incoming;
use resolver::{Checked, NotPermitted, System};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How many redirects are followed.
const REDIRECTS: u32 = 5;

/// What the hub calls itself.
const USER_AGENT: &str = concat!("arrotech-hub/", env!("CARGO_PKG_VERSION"));

/// The outgoing client.
pub struct Egress {
    /// Reaches what is permitted.
    client: Client,
    /// Reaches everything, for addresses that the operator named.
    trusting: Client,
    allow: Arc<[IpNet]>,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("allow", &self.allow).finish_non_exhaustive()
    }
}

/// An outgoing request.
#[derive(Clone)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// Where to, without a user name or password.
    pub url: Url,
    /// Beside those that the client sets itself.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Option<Bytes>,
    /// How long all of it may take.
    pub timeout: Duration,
    /// How large the answer's body may be, in bytes, unpacked.
    pub max_bytes: usize,
    /// Whether the operator's own settings name this address, so that it may be a private one.
    /// A redirect to another place is checked as ever.
    pub trusted: bool,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: Method, url: Url, timeout: Duration) -> Self {
        let headers = HeaderMap::new();
        let max_bytes = 8 * 1024 * 1024;
        Self { method, url, headers, body: None, timeout, max_bytes, trusted: false }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it came from, after redirects.
    pub url: Url,
    /// The body, unpacked.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The hub does not connect there.
    #[error("{0}: the hub does not connect to this address")]
    Refused(String),
    /// It cannot be sent as it is.
    #[error("the request cannot be sent: {0}")]
    Invalid(&'static str),
    /// Nothing was sent: the name is unknown, or nobody takes the connection.
    #[error("{0}: no connection could be made")]
    NotSent(String),
    /// It was sent, or may have been, and no whole answer came.
    #[error("{0}: no complete answer came")]
    Unanswered(String),
    /// It was sent, or may have been, and nothing, or nothing more, came in time.
    #[error("{0}: nothing more came in time")]
    Silent(String),
    /// The answer is larger than it may be.
    #[error("{0}: the answer is larger than {1} bytes")]
    TooLarge(String, usize),
    /// It leads from place to place.
    #[error("{0}: there are more than {REDIRECTS} redirects")]
    Redirects(String),
}

/// A URL as it may be shown: without query, fragment, user name and password.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // These fail only for URLs that have no host, which have no such parts either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

impl Egress {
    /// A client that reaches public addresses and, beside them, these networks.
    pub fn new(allow: Vec<IpNet>) -> Result<Self, reqwest::Error> {
        Self::resolving(allow, Arc::new(System))
    }

    /// The same with another resolver.
    fn resolving(allow: Vec<IpNet>, inner: Arc<dyn Resolve>) -> Result<Self, reqwest::Error> {
        let allow: Arc<[IpNet]> = allow.into();
        let common = || {
            let client = Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT);
            client.redirect(Policy::none()).no_proxy()
        };
        let checked = Checked { inner: Arc::clone(&inner), allow: Arc::clone(&allow) };
        let client = common().dns_resolver(Arc::new(checked)).build()?;
        let trusting = common().dns_resolver(inner).build()?;
        Ok(Self { client, trusting, allow })
    }

    /// Sends a request. Dropping the future cancels it.
    pub async fn send(&self, request: Request) -> Result<Answer, EgressError> {
        let (place, timeout, max_bytes) = (shown(&request.url), request.timeout, request.max_bytes);
        let sending = async {
            let (answer, url) = self.follow(request).await?;
            read(answer, url, max_bytes).await
        };
        let sent = tokio::time::timeout(timeout, sending).await;
        sent.unwrap_or(Err(EgressError::Unanswered(place)))
    }

    /// Sends a request whose answer is read as it comes. `silence` is how long nothing may come;
    /// the request's own timeout is for all of it. Dropping the future, or what it gives, cancels
    /// it.
    pub async fn open(&self, request: Request, silence: Duration) -> Result<Incoming, EgressError> {
        let (place, max_bytes) = (shown(&request.url), request.max_bytes);
        let deadline = Instant::now() + request.timeout;
        let first = deadline.min(Instant::now() + silence);
        let opened = tokio::time::timeout_at(first, self.follow(request)).await;
        let (answer, url) = opened.unwrap_or(Err(EgressError::Silent(place)))?;
        Ok(Incoming::new(answer, &url, max_bytes, silence, deadline))
    }

    /// The answer to a request, after redirects, and where it comes from.
    async fn follow(&self, mut request: Request) -> Result<(Response, Url), EgressError> {
        for _ in 0..=REDIRECTS {
            self.check(&request)?;
            let place = shown(&request.url);
            let client = if request.trusted { &self.trusting } else { &self.client };
            let answer = client
                .request(request.method.clone(), request.url.clone())
                .headers(request.headers.clone())
                .body(request.body.clone().unwrap_or_default())
                .send()
                .await
                .map_err(|error| failed(&error, &place))?;
            match target(&request, &answer) {
                Some(next) => {
                    if next.origin() != request.url.origin() {
                        request.headers.clear();
                        request.trusted = false;
                    }
                    request.url = next;
                }
                None => return Ok((answer, request.url)),
            }
        }
        Err(EgressError::Redirects(shown(&request.url)))
    }

    /// Refuses what a resolver never sees: other schemes, and addresses that stand in the URL.
    fn check(&self, request: &Request) -> Result<(), EgressError> {
        let url = &request.url;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EgressError::Invalid("its scheme is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Invalid("a user name or password stands in the URL"));
        }
        let address = match url.host() {
            None => return Err(EgressError::Invalid("it names no host")),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        if request.trusted || permitted(&self.allow, address) {
            return Ok(());
        }
        Err(EgressError::Refused(shown(url)))
    }
}

/// When the other side says that another try makes sense (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(now + TimeDelta::seconds(seconds.into())),
        Err(_) => DateTime::parse_from_rfc2822(text).ok().map(|moment| moment.to_utc()),
    }
}

/// Where a redirect leads; only what reads follows it.
fn target(request: &Request, answer: &Response) -> Option<Url> {
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    let moved = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = answer.headers().get(LOCATION).filter(|_| reads && moved)?;
    request.url.join(location.to_str().ok()?).ok()
}

fn failed(error: &reqwest::Error, place: &str) -> EgressError {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<NotPermitted>() {
            return EgressError::Refused(place.to_owned());
        }
        source = cause.source();
    }
    if error.is_builder() {
        EgressError::Invalid("it is malformed")
    } else if error.is_connect() {
        EgressError::NotSent(place.to_owned())
    } else {
        EgressError::Unanswered(place.to_owned())
    }
}

async fn read(mut answer: Response, url: Url, max_bytes: usize) -> Result<Answer, EgressError> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max_bytes => {
                return Err(EgressError::TooLarge(shown(&url), max_bytes));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, headers, url, body: body.freeze() }),
            Err(_) => return Err(EgressError::Unanswered(shown(&url))),
        }
    }
}

#[cfg(test)]
mod tests;
