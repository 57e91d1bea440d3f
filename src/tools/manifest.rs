//! Tools of platforms: each operation of a manifest as a tool, over the one way out.
//!
//! A call opens its connection, waits for its turn, signs in, sends one request (or one for each
//! page) and says what came of it. Secrets are taken out of every answer, and no error tells an
//! address: paths and queries may carry credentials. Never here: what a platform's API is like;
//! its manifest says that.

mod answer;
mod body;
pub mod pace;
mod pages;
mod probe;
mod request;
mod token;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hub_events::Class;
use hub_events::id::{AccountId, ConnectionId};
use serde_json::{Map, Value, json};

use super::{Call, Card, Failure, Outcome, Registry, Source, Tool};
use crate::clock::Clock;
use crate::egress::{Answer, Egress, EgressError, Request};
use crate::platforms::operation::{CONNECTION, Of};
use crate::platforms::{Catalogue, CredentialError, Credentials, Platform};

use answer::Reading;
use pace::Pace;
use token::{Opened, Tokens};

/// How long the request may take that tells whether a connection works.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the operator's directory is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// What tools of platforms need of the world.
pub struct Parts {
    /// The way out.
    pub egress: Arc<Egress>,
    /// The connections of accounts.
    pub credentials: Arc<dyn Credentials>,
    /// The clock.
    pub clock: Clock,
    /// Whose turn it is.
    pub pace: Pace,
    /// Tokens that platforms have given out.
    pub tokens: Tokens,
}

impl Parts {
    /// What tools need, over a way out and connections.
    pub fn new(egress: Arc<Egress>, credentials: Arc<dyn Credentials>, clock: Clock) -> Self {
        Self { egress, credentials, clock, pace: Pace::default(), tokens: Tokens::default() }
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Every tool of every platform that can be connected.
pub fn tools(catalogue: &Catalogue, parts: &Arc<Parts>) -> Vec<Arc<dyn Tool>> {
    let platforms = catalogue.all();
    platforms.iter().flat_map(|platform| tools_of(platform, parts)).collect()
}

/// Every tool of a platform.
pub fn tools_of(platform: &Arc<Platform>, parts: &Arc<Parts>) -> Vec<Arc<dyn Tool>> {
    let operations = platform.manifest().operations().enumerate();
    let open = operations.filter(|(_, of)| of.closed().is_none());
    open.map(|(index, of)| Arc::new(Platformed::new(platform, parts, index, of)) as _).collect()
}

/// Puts the tools of manifests that change into a registry, in place of those that were there.
/// It ends when it is dropped.
pub async fn keep_up(catalogue: Arc<Catalogue>, registry: Arc<Registry>, parts: Arc<Parts>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let looked = Arc::clone(&catalogue);
        let changed = tokio::task::spawn_blocking(move || looked.refresh()).await;
        if changed.unwrap_or(false)
            && let Err(error) = registry.fill(Source::Platforms, tools(&catalogue, &parts))
        {
            tracing::warn!(%error, "the tools of changed manifests are not put in");
        }
    }
}

/// An operation of a platform as a tool.
#[derive(Debug)]
struct Platformed {
    card: Card,
    class: Class,
    platform: Arc<Platform>,
    index: usize,
    parts: Arc<Parts>,
}

impl Platformed {
    fn new(platform: &Arc<Platform>, parts: &Arc<Parts>, index: usize, of: Of<'_>) -> Self {
        let manifest = of.manifest;
        let mut card = Card::new(
            of.name(),
            manifest.category.as_str(),
            of.operation.description.as_str(),
            of.schema(),
        );
        card.platform = Some(manifest.id.as_str().into());
        card.destructive = of.destructive();
        let (platform, parts) = (Arc::clone(platform), Arc::clone(parts));
        Self { card, class: of.class(), platform, index, parts }
    }

    fn of(&self) -> Option<Of<'_>> {
        self.platform.manifest().operations().nth(self.index)
    }

    async fn answered(&self, call: Call) -> Result<Value, Failure> {
        let unknown = || Failure::lasting("unknown_tool", "The platform has no such operation");
        let of = self.of().ok_or_else(unknown)?;
        let connection = match call.connection {
            Some(connection) => connection,
            None => self.chosen(call.account, &call.arguments).await?,
        };
        let line = Line {
            parts: &self.parts,
            platform: &self.platform,
            connection,
            account: call.account,
            class: self.class,
            until: call.timeout,
        };
        let opened = line.open().await?;
        let mut arguments = call.arguments.as_object().cloned().unwrap_or_default();
        arguments.remove(CONNECTION);
        let at_most = pages::at_most(&mut arguments);
        let prepared =
            request::prepared(of, &self.platform, &opened, &arguments, call.id, call.now)?;
        pages::fetched(of, &line, opened, prepared, at_most).await
    }

    async fn chosen(&self, account: AccountId, arguments: &Value) -> Result<ConnectionId, Failure> {
        let named = arguments.get(CONNECTION).and_then(Value::as_i64).map(ConnectionId);
        let chosen = self.parts.credentials.choose(account, self.platform.id(), named);
        Ok(chosen.await?)
    }
}

impl Tool for Platformed {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, _: &Value) -> Class {
        self.class
    }

    fn connection<'a>(
        &'a self,
        account: AccountId,
        arguments: &'a Value,
    ) -> BoxFuture<'a, Result<Option<ConnectionId>, Failure>> {
        Box::pin(async move { self.chosen(account, arguments).await.map(Some) })
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match self.answered(call).await {
                Ok(result) => Outcome::Done(result),
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        let CredentialError { code, message, passing } = error;
        if passing { Self::passing(code, message) } else { Self::lasting(code, message) }
    }
}

/// The line to a platform through one connection, for one call.
struct Line<'c> {
    parts: &'c Parts,
    platform: &'c Platform,
    connection: ConnectionId,
    account: AccountId,
    class: Class,
    until: Duration,
}

impl Line<'_> {
    /// The connection with everything that requests need, a token that counts among it.
    async fn open(&self) -> Result<Opened, Failure> {
        let config = self.parts.credentials.open(self.account, self.connection).await?;
        token::opened(self, config, None).await
    }

    /// Sends a request when it is the connection's turn; with a fresh token once more where the
    /// platform does not take the one it has.
    async fn send(
        &self,
        opened: &mut Opened,
        prepared: &request::Prepared,
    ) -> Result<Reading, Failure> {
        let reading = self.sent(opened, prepared).await?;
        if reading.status != 401 || !opened.renewable() {
            return Ok(reading);
        }
        let config = self.parts.credentials.open(self.account, self.connection).await?;
        *opened = token::opened(self, config, opened.token()).await?;
        self.sent(opened, prepared).await
    }

    async fn sent(
        &self,
        opened: &Opened,
        prepared: &request::Prepared,
    ) -> Result<Reading, Failure> {
        let limits = &self.platform.manifest().limits;
        let clock = &self.parts.clock;
        self.parts.pace.turn(self.connection, limits, clock, self.until).await?;
        let request = prepared.signed(opened, self.until)?;
        let sent = self.parts.egress.send(request).await;
        let now = clock.now();
        match sent {
            Ok(answer) => {
                let reading = Reading::of(&answer, opened);
                self.parts.pace.heard(self.connection, limits, &reading, now);
                Ok(reading)
            }
            Err(error) => {
                self.parts.pace.lost(self.connection, &error, now);
                Err(self.unanswered(error))
            }
        }
    }

    /// What it means that no answer came; the address is not told.
    fn unanswered(&self, error: EgressError) -> Failure {
        let name = &self.platform.manifest().name;
        let message = match &error {
            EgressError::Refused(_) => {
                format!("The hub does not connect to the address of {name}; see `egress.allow`")
            }
            EgressError::NotSent(_) => format!("No connection to {name} could be made"),
            EgressError::Unanswered(_) | EgressError::Silent(_) => {
                format!("No complete answer came from {name}")
            }
            EgressError::TooLarge(..) => format!("The answer of {name} is too large"),
            EgressError::Redirects(_) => format!("{name} redirects without end"),
            EgressError::Invalid(what) => format!("The request cannot be sent: {what}"),
        };
        let failure = Failure::from(error);
        // What only reads has no effect that could be in doubt.
        let unanswered = failure.unanswered && self.class != Class::Read;
        Failure { message, unanswered, ..failure }
    }

    /// Sends a request that has no turn to wait for: one for a token.
    async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        let sent = self.parts.egress.send(request).await;
        // No token, no effect: the call itself was not sent.
        sent.map_err(|error| Failure { unanswered: false, ..self.unanswered(error) })
    }
}

/// Whether a connection works: who is connected, where the platform says so. The connection
/// need not be kept yet: its fields are given.
pub async fn test(
    platform: &Platform,
    parts: &Parts,
    account: AccountId,
    config: Map<String, Value>,
) -> Result<Value, Failure> {
    let name = &platform.manifest().name;
    let Some(test) = &platform.manifest().test else {
        return Ok(
            json!({ "tested": false, "message": format!("{name} has nothing to test a connection with") }),
        );
    };
    let connection = ConnectionId(0);
    let line =
        Line { parts, platform, connection, account, class: Class::Read, until: TEST_TIMEOUT };
    let opened = token::fresh(&line, config).await?;
    let prepared = request::of_test(platform, test, &opened, parts.clock.now())?;
    let reading = line.sent(&opened, &prepared).await?;
    let rules = answer::Rules::of_platform(platform.manifest());
    reading.judged(&rules, Class::Read, &platform.manifest().limits, parts.clock.now())?;
    if let Some(success) = &test.success
        && !success.holds(reading.at(&success.at).as_ref())
    {
        return Err(Failure::lasting("refused", format!("{name} does not take these credentials")));
    }
    let shown = test.shows.as_ref().and_then(|place| reading.at(place)).unwrap_or_default();
    Ok(json!({ "tested": true, "connected_as": shown }))
}

#[cfg(test)]
mod tests;
