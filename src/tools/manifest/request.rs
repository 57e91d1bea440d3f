//! From a call to the request that the platform wants.
//!
//! Never here: sending it, or whose turn it is.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hub_events::id::CallId;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use std::time::Duration;
use url::Url;

use super::body::{Body, listed};
use super::token::Opened;
use crate::egress::Request;
use crate::platforms::Platform;
use crate::platforms::compute::{ComputeError, Computed};
use crate::platforms::manifest::{Encoding, Test};
use crate::platforms::named::Named;
use crate::platforms::oauth::basic;
use crate::platforms::operation::{Goes, Of};
use crate::platforms::parameter::Position;
use crate::platforms::place::Spot;
use crate::platforms::sign_in::SignIn;
use crate::platforms::template::{Template, Tree, shown};
use crate::tools::Failure;

/// A request before it is signed.
#[derive(Clone)]
pub(super) struct Prepared {
    method: reqwest::Method,
    url: Url,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Body>,
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::lasting("invalid_arguments", message)
}

/// The request of an operation with these arguments.
pub(super) fn prepared(
    of: Of<'_>,
    platform: &Platform,
    opened: &Opened,
    arguments: &Map<String, Value>,
    call: CallId,
    now: DateTime<Utc>,
) -> Result<Prepared, Failure> {
    let Of { manifest, operation } = of;
    let mut values = opened.values.clone();
    let parameters = of.parameters();
    for (name, parameter) in &parameters {
        let given = arguments.get(*name).filter(|value| !value.is_null());
        let Some(given) = given.or_else(|| parameter.schema.get("default")) else { continue };
        let value = match parameter.via {
            Some(via) => via.apply(given).map_err(|error| invalid(format!("{name}: {error}")))?,
            None => given.clone(),
        };
        values.insert((*name).to_owned(), value);
    }
    compute(&manifest.compute, &mut values, now)?;
    compute(&operation.compute, &mut values, now)?;
    let value_of = |name: &str| values.get(name);
    let url = platform.at_path(&operation.path, &value_of).map_err(|it| invalid(it.to_string()))?;
    let has_body = operation.method().has_body();
    let mut body = has_body.then(|| Body::new(of.encoding(), manifest.lists, of.wrap()));
    let mut query = Vec::new();
    let mut headers = Vec::new();
    for (name, tree) in manifest.query.iter().chain(operation.query.iter()) {
        if let Some(value) = tree.fill(&value_of) {
            set(&mut query, name, listed(name, &value, manifest.lists));
        }
    }
    for (name, tree) in manifest.headers.iter().chain(operation.headers.iter()) {
        if let Some(value) = tree.fill(&value_of) {
            set(&mut headers, name, vec![(name.to_owned(), header_text(&value))]);
        }
    }
    if let Some(body) = &mut body {
        fill(body, &operation.set, &value_of);
    }
    for (name, parameter) in parameters {
        // A field of the connection of the same name stands in for what is not given in a path
        // alone.
        let is_given = arguments.get(name).is_some_and(|value| !value.is_null())
            || parameter.schema.get("default").is_some();
        let Some(value) = values.get(name).filter(|_| is_given) else { continue };
        let wire = parameter.wire.as_deref().unwrap_or(name);
        let lists = of.lists(parameter);
        match (of.goes(name, parameter), &mut body) {
            (Goes::Path | Goes::To(Position::Template), _) => {}
            (Goes::To(Position::Header), _) => {
                set(&mut headers, wire, vec![(wire.to_owned(), header_text(value))]);
            }
            (Goes::To(Position::Body), Some(body)) => body.put(wire, value.clone(), lists),
            (Goes::To(Position::WholeBody), Some(body)) => body.whole = Some(value.clone()),
            (Goes::To(_), _) => set(&mut query, wire, listed(wire, value, lists)),
        }
    }
    if let (Some(text), Some(body)) = (&operation.graphql, &mut body) {
        let variables = std::mem::take(&mut body.members);
        body.members = json!({ "query": text, "variables": variables });
    }
    let method = method(operation.method().as_str())?;
    let mut prepared = Prepared { method, url, query, headers, body };
    if let Some(spot) = of.idempotency() {
        prepared.identify(spot, call);
    }
    Ok(prepared)
}

/// The request that tells whether a connection works.
pub(super) fn of_test(
    platform: &Platform,
    test: &Test,
    opened: &Opened,
    now: DateTime<Utc>,
) -> Result<Prepared, Failure> {
    let manifest = platform.manifest();
    let mut values = opened.values.clone();
    compute(&manifest.compute, &mut values, now)?;
    let value_of = |name: &str| values.get(name);
    let incomplete = |error: crate::platforms::address::AddressError| {
        Failure::lasting("connection_incomplete", error.to_string())
    };
    let url = platform.at_path(&test.path, &value_of).map_err(incomplete)?;
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    for (name, tree) in manifest.query.iter().chain(test.query.iter()) {
        if let Some(value) = tree.fill(&value_of) {
            set(&mut query, name, listed(name, &value, manifest.lists));
        }
    }
    for (name, tree) in manifest.headers.iter() {
        if let Some(value) = tree.fill(&value_of) {
            set(&mut headers, name, vec![(name.to_owned(), header_text(&value))]);
        }
    }
    let is_graphql = test.graphql.is_some();
    let (name, encoding) = match is_graphql {
        true => ("POST", Encoding::Json),
        false => (test.method.as_str(), manifest.body),
    };
    let with_body = is_graphql || !test.set.is_empty();
    let mut body = with_body.then(|| Body::new(encoding, manifest.lists, None));
    if let Some(body) = &mut body {
        fill(body, &test.set, &value_of);
        if let Some(text) = &test.graphql {
            body.members = json!({ "query": text });
        }
    }
    Ok(Prepared { method: method(name)?, url, query, headers, body })
}

fn method(name: &str) -> Result<reqwest::Method, Failure> {
    name.parse().map_err(|_| Failure::lasting("invalid_request", "The method is none"))
}

fn fill<'v>(body: &mut Body, members: &Named<Tree>, value_of: &dyn Fn(&str) -> Option<&'v Value>) {
    for (name, tree) in members.iter() {
        if let Some(value) = tree.fill(value_of) {
            let lists = body.lists;
            body.put(name, value, lists);
        }
    }
}

fn compute(
    computed: &Named<Computed>,
    values: &mut Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    for (name, computed) in computed.iter() {
        let made = computed.value(&|name| values.get(name), now);
        let said = |error: ComputeError| invalid(format!("{name}: {error}"));
        if let Some(value) = made.map_err(said)? {
            values.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

/// Puts pairs in place of those of the same name.
fn set(pairs: &mut Vec<(String, String)>, name: &str, new: Vec<(String, String)>) {
    pairs.retain(|(known, _)| known != name);
    pairs.extend(new);
}

/// A value as a header: objects as JSON text in ASCII (what Dropbox takes).
fn header_text(value: &Value) -> String {
    let text = shown(value);
    if text.is_ascii() || value.is_string() {
        return text;
    }
    let mut ascii = String::new();
    for c in text.chars() {
        match c.is_ascii() {
            true => ascii.push(c),
            false => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    ascii
}

impl Prepared {
    /// Puts a value where the manifest says.
    pub(super) fn put(&mut self, spot: &Spot, value: Value) {
        match (spot, &mut self.body) {
            (Spot::Query(name), _) => {
                set(&mut self.query, name, vec![(name.clone(), shown(&value))]);
            }
            (Spot::Header(name), _) => {
                set(&mut self.headers, name, vec![(name.clone(), shown(&value))]);
            }
            (Spot::Body(name), Some(body)) => {
                let lists = body.lists;
                body.put(name, value, lists);
            }
            (Spot::Body(_), None) => {}
        }
    }

    /// Puts in the key by which the platform knows a repeated call; a reference that the caller
    /// gave is one.
    fn identify(&mut self, spot: &Spot, call: CallId) {
        let is_given = match spot {
            Spot::Body(name) => self.member(name).is_some(),
            Spot::Header(name) => self.headers.iter().any(|(known, _)| known == name),
            Spot::Query(name) => self.query.iter().any(|(known, _)| known == name),
        };
        if !is_given {
            self.put(spot, call.to_string().into());
        }
    }

    /// The same at another address, which has a query of its own.
    pub(super) fn moved(&mut self, url: Url) {
        self.url = url;
        self.query.clear();
    }

    /// The address that it goes to, without its own query.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The value of a member of the query.
    pub(super) fn queried(&self, name: &str) -> Option<&str> {
        self.query.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// The value of a member of the body.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.body.as_ref().and_then(|body| body.member(name))
    }

    /// The request as it is sent, showing who it is for.
    pub(super) fn signed(&self, opened: &Opened, timeout: Duration) -> Result<Request, Failure> {
        let unset = || {
            let message = "The connection has not what it takes to sign in";
            Failure::lasting("connection_incomplete", message)
        };
        let value_of = |name: &str| opened.values.get(name);
        let text = |template: &Template| template.fill(&value_of).ok_or_else(unset);
        let (mut query, mut headers) = (self.query.clone(), self.headers.clone());
        match &opened.way {
            SignIn::None => {}
            SignIn::Bearer { token } => {
                headers.push(("Authorization".to_owned(), format!("Bearer {}", text(token)?)));
            }
            SignIn::Header { headers: members } => {
                for (name, value) in members.iter() {
                    headers.push((name.to_owned(), text(value)?));
                }
            }
            SignIn::Query { query: members } => {
                for (name, value) in members.iter() {
                    set(&mut query, name, vec![(name.to_owned(), text(value)?)]);
                }
            }
            SignIn::Basic { username, password } => {
                headers.push(basic(&text(username)?, &text(password)?));
            }
            way => {
                let send = way.bearing().ok_or_else(unset)?;
                headers.push((send.header.clone(), text(&send.value)?));
            }
        }
        let mut url = self.url.clone();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(self.method.clone(), url, timeout);
        request.headers = header_map(headers)?;
        if let Some(body) = &self.body {
            let (kind, bytes) = body.written()?;
            request.headers.entry(CONTENT_TYPE).or_insert(kind);
            request.body = Some(Bytes::from(bytes));
        }
        Ok(request)
    }
}

fn header_map(headers: Vec<(String, String)>) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let unfit = |_| invalid(format!("{name}: its value cannot stand in a header"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(unfit)?;
        let known = |_| invalid(format!("{name}: this is no name of a header"));
        map.insert(name.parse::<HeaderName>().map_err(known)?, value);
    }
    Ok(map)
}
