//! Tokens for connections: those that they have, and fresh ones where those have run out.
//!
//! One at a time for each connection: a rotating refresh token that two use at once is lost. A
//! new refresh token is on disk before the access token that came with it is used. Never here:
//! what a platform wants to see (`platforms/oauth.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hub_events::id::ConnectionId;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::{Failure, Line};
use crate::egress::Request;
use crate::platforms::oauth::{self, AskError, Asking};
use crate::platforms::sign_in::{ACCESS_TOKEN, EXPIRES_AT, REFRESH_TOKEN, SignIn};

/// How long a request for a token may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long before its end a token no longer counts.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Largest answer of a token endpoint, in bytes.
const LARGEST: usize = 256 * 1024;

/// The tokens of connections.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Held while a token is fetched.
    turns: Mutex<HashMap<ConnectionId, Arc<tokio::sync::Mutex<()>>>>,
    /// Tokens that can be had again at any time, and so are kept nowhere else.
    fetched: Mutex<HashMap<ConnectionId, Kept>>,
}

#[derive(Clone)]
struct Kept {
    /// What the token was given for.
    config: Map<String, Value>,
    fields: Map<String, Value>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Tokens {
    fn turn(&self, connection: ConnectionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock();
        // Nobody waits for a turn that only this table holds.
        if turns.len() > 1_000 {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(turns.entry(connection).or_default())
    }

    fn kept(
        &self,
        connection: ConnectionId,
        config: &Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        let fetched = self.fetched.lock();
        fetched
            .get(&connection)
            .filter(|kept| kept.config == *config)
            .map(|kept| kept.fields.clone())
    }
}

/// A connection with everything that requests need.
#[derive(Clone)]
pub(super) struct Opened {
    /// What names in templates stand for: fields, with what was chosen put in.
    pub(super) values: Map<String, Value>,
    /// How it signs in.
    pub(super) way: SignIn,
    /// What must not be shown, the longest first.
    pub(super) secrets: Vec<String>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl Opened {
    fn new(line: &Line<'_>, complete: Map<String, Value>, way: SignIn) -> Self {
        // What a platform has given out beside tokens, such as its address, is no secret.
        let given = way.gives();
        let is_given = |name: &String| {
            given.contains(&name.as_str())
                && ![ACCESS_TOKEN, REFRESH_TOKEN].contains(&name.as_str())
        };
        let secrets = complete
            .iter()
            .filter(|(name, _)| line.platform.is_secret(name) && !is_given(name))
            .filter_map(|(_, value)| value.as_str())
            .filter(|text| text.len() >= SHORTEST_SECRET);
        let mut secrets: Vec<String> = secrets.map(str::to_owned).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { values: line.platform.values(&complete), way, secrets }
    }

    /// Whether a fresh token can be had.
    pub(super) fn renewable(&self) -> bool {
        match &self.way {
            SignIn::OAuth2(_) => self.values.get(REFRESH_TOKEN).is_some_and(Value::is_string),
            way => way.bearing().is_some(),
        }
    }

    /// The token that it has.
    pub(super) fn token(&self) -> Option<&str> {
        self.values.get(ACCESS_TOKEN).and_then(Value::as_str)
    }
}

/// Shorter ones are words that answers may well have in them.
const SHORTEST_SECRET: usize = 6;

/// A connection with a token that counts, and that is another than a stale one.
pub(super) async fn opened(
    line: &Line<'_>,
    config: Map<String, Value>,
    stale: Option<&str>,
) -> Result<Opened, Failure> {
    let complete = line.platform.complete(&config);
    let way = way(line, &complete)?;
    if way.bearing().is_none() {
        return Ok(Opened::new(line, complete, way));
    }
    if let Some(ready) = ready(line, &way, &complete, stale) {
        return Ok(Opened::new(line, ready, way));
    }
    let turn = line.parts.tokens.turn(line.connection);
    let _turn = turn.lock().await;
    // Somebody else may have fetched one meanwhile.
    let config = line.parts.credentials.open(line.account, line.connection).await?;
    let complete = line.platform.complete(&config);
    if let Some(ready) = ready(line, &way, &complete, stale) {
        return Ok(Opened::new(line, ready, way));
    }
    let asked = asked(line, &way, &complete).await;
    let fields = match asked {
        Ok(fields) => fields,
        Err(Asked::Refused(why)) => {
            let name = &line.platform.manifest().name;
            let message = format!("{name} no longer takes this connection's credentials: {why}");
            line.parts.credentials.refused(line.account, line.connection, message.clone()).await;
            return Err(Failure::lasting("connection_expired", message));
        }
        Err(Asked::Failed(failure)) => return Err(failure),
    };
    if let SignIn::OAuth2(_) = way {
        line.parts.credentials.learnt(line.account, line.connection, fields.clone()).await?;
    } else {
        let kept = Kept { config: complete.clone(), fields: fields.clone() };
        line.parts.tokens.fetched.lock().insert(line.connection, kept);
    }
    Ok(Opened::new(line, joined(&complete, fields), way))
}

/// A connection that is not kept yet, with a token where its way gives one by itself. A refresh
/// token that would be used up here is left alone.
pub(super) async fn fresh(line: &Line<'_>, config: Map<String, Value>) -> Result<Opened, Failure> {
    let complete = line.platform.complete(&config);
    let way = way(line, &complete)?;
    let has_token = complete.get(ACCESS_TOKEN).is_some_and(Value::is_string);
    if way.bearing().is_none() || matches!(way, SignIn::OAuth2(_)) && has_token {
        return Ok(Opened::new(line, complete, way));
    }
    match asked(line, &way, &complete).await {
        Ok(fields) => Ok(Opened::new(line, joined(&complete, fields), way)),
        Err(Asked::Refused(why)) => {
            let name = &line.platform.manifest().name;
            Err(Failure::lasting(
                "refused",
                format!("{name} does not take these credentials: {why}"),
            ))
        }
        Err(Asked::Failed(failure)) => Err(failure),
    }
}

fn way(line: &Line<'_>, complete: &Map<String, Value>) -> Result<SignIn, Failure> {
    line.platform.sign_in(complete).cloned().ok_or_else(|| {
        let name = &line.platform.manifest().name;
        let message = format!("The connection to {name} has not what it takes to sign in");
        Failure::lasting("connection_incomplete", message)
    })
}

fn joined(complete: &Map<String, Value>, fields: Map<String, Value>) -> Map<String, Value> {
    let mut joined = complete.clone();
    joined.extend(fields);
    joined
}

/// The fields with a token that counts, where there is one.
fn ready(
    line: &Line<'_>,
    way: &SignIn,
    complete: &Map<String, Value>,
    stale: Option<&str>,
) -> Option<Map<String, Value>> {
    let fields = match way {
        SignIn::OAuth2(_) => complete.clone(),
        _ => joined(complete, line.parts.tokens.kept(line.connection, complete)?),
    };
    let token = fields.get(ACCESS_TOKEN)?.as_str()?;
    let ends = fields.get(EXPIRES_AT).and_then(Value::as_str);
    let ends: Option<DateTime<Utc>> = ends.and_then(|ends| ends.parse().ok());
    let renewable = !matches!(way, SignIn::OAuth2(_)) || fields.contains_key(REFRESH_TOKEN);
    let counts = ends.is_none_or(|ends| ends - MARGIN > line.parts.clock.now()) || !renewable;
    (counts && stale != Some(token)).then_some(fields)
}

enum Asked {
    /// The credentials are no longer taken.
    Refused(String),
    /// Something else went wrong.
    Failed(Failure),
}

/// The fields that the platform gives out for a connection.
async fn asked(
    line: &Line<'_>,
    way: &SignIn,
    complete: &Map<String, Value>,
) -> Result<Map<String, Value>, Asked> {
    let now = line.parts.clock.now();
    let values = line.platform.values(complete);
    let unasked = |error: AskError| {
        Asked::Failed(Failure::lasting("connection_incomplete", error.to_string()))
    };
    let refused = |refused: oauth::Refused| match refused.lasting {
        true => Asked::Refused(refused.said),
        false => Asked::Failed(Failure::passing("no_token", refused.to_string())),
    };
    let asking = oauth::ask(line.platform, way, &values, now).map_err(unasked)?;
    let (status, body) = sent(line, asking).await.map_err(Asked::Failed)?;
    let mut fields = oauth::read(way, status, &body, now).map_err(refused)?;
    let values = line.platform.values(&joined(complete, fields.clone()));
    // What was learnt once from the further request does not change.
    let knows = way.gives().into_iter().all(|name| values.get(name).is_some());
    if !knows && let Some(then) = oauth::then(line.platform, way, &values) {
        let (status, body) = sent(line, then.map_err(unasked)?).await.map_err(Asked::Failed)?;
        fields.extend(oauth::read_then(way, status, &body).map_err(refused)?);
    }
    Ok(fields)
}

async fn sent(line: &Line<'_>, asking: Asking) -> Result<(u16, Bytes), Failure> {
    let invalid = || Failure::lasting("invalid_request", "The request for a token cannot be sent");
    let method = asking.method.as_str().parse().map_err(|_| invalid())?;
    let mut request = Request::new(method, asking.url, TIMEOUT);
    for (name, value) in asking.headers {
        let name: reqwest::header::HeaderName = name.parse().map_err(|_| invalid())?;
        request.headers.insert(name, value.parse().map_err(|_| invalid())?);
    }
    request.body = asking.body.map(Bytes::from);
    request.max_bytes = LARGEST;
    let answer = line.ask(request).await?;
    Ok((answer.status.as_u16(), answer.body))
}
