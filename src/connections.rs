//! Accounts' connections: made, changed, chosen for a call, opened, and put down when they fail.
//!
//! Everything that happens to one goes through here, so that its secret in the vault and its
//! events agree: a secret is kept before the event that tells of it, and forgotten before the
//! event that the connection is gone. Never here: HTTP, or requests to platforms.

mod choice;
mod error;
mod made_of;
pub mod probe;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use hub_events::connection::{
    Changed, Command, Connection, Created, Expired, Refreshed, Status, Tested,
};
use hub_events::id::{AccountId, ConnectionId};
use hub_events::log::{self, AppendError, Log};
use hub_events::{Actor, Context, Position};
use hub_projections::Views;
use hub_projections::connections::{self as views, ConnectionView};
use serde_json::{Map, Value};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::clock::{self, Clock};
use crate::platforms::{Catalogue, Platform};
use crate::transact::{TransactError, transact_once};
use crate::vault::{Purpose, Vault};
use made_of::MadeOf;

pub use error::ConnectionError;

/// In how many groups connections wait for their turn.
const TURNS: usize = 64;

/// The connections of all accounts.
pub struct Connections {
    log: Arc<dyn Log>,
    views: Arc<Views>,
    vault: Arc<Vault>,
    clock: Clock,
    catalogue: Arc<Catalogue>,
    /// What was last written here; reads of connections wait for that, and for no more.
    written: AtomicU64,
    /// Whoever changes a secret does it alone.
    turns: [AsyncMutex<()>; TURNS],
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connections(..)")
    }
}

/// A connection that is to be made.
#[derive(Debug)]
pub struct New {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub account: AccountId,
    /// What people call it.
    pub name: String,
    /// Whether it can be used at once.
    pub status: Status,
    /// What it is made of, secrets in the clear.
    pub config: Map<String, Value>,
}

/// What shall be of a connection.
#[derive(Debug)]
pub struct Change {
    /// What people call it.
    pub name: String,
    /// Whether it can be used.
    pub status: Status,
    /// What it is made of; a secret that is given as its mask stays what it is.
    pub config: Map<String, Value>,
}

/// A connection as its holder sees it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What people call it.
    pub name: String,
    /// What it is made of: every key, with a mask in the place of each secret.
    pub config: Map<String, Value>,
    /// Why it cannot be used, where something went wrong.
    pub error: Option<String>,
}

/// What a call needs of a connection.
pub struct Opened {
    /// The platform to which it leads.
    pub platform: Arc<Platform>,
    /// What it is made of, under the platform's own names, secrets in the clear.
    pub config: Map<String, Value>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("platform", &self.platform.id()).finish_non_exhaustive()
    }
}

/// Access that was renewed.
pub struct Renewed {
    /// What changes in what the connection is made of, secrets in the clear.
    pub config: Map<String, Value>,
    /// When the access ends, where the platform said so.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Connections {
    /// The connections that are on record.
    pub fn new(
        log: Arc<dyn Log>,
        views: Arc<Views>,
        vault: Arc<Vault>,
        clock: Clock,
        catalogue: Arc<Catalogue>,
    ) -> Self {
        let written = AtomicU64::new(log.head().0);
        let turns = std::array::from_fn(|_| AsyncMutex::default());
        Self { log, views, vault, clock, catalogue, written, turns }
    }

    /// Makes a connection; answers with the one that an earlier request with the same key made,
    /// where there was one.
    pub async fn create(
        &self,
        platform: &Platform,
        new: New,
        context: Context,
        once: Option<log::Command>,
    ) -> Result<ConnectionId, ConnectionError> {
        let New { id, account, name, status, config } = new;
        let made = MadeOf::of(platform, &config);
        let created = Created {
            connection: id,
            account,
            platform: platform.id().to_owned(),
            name: self.vault.seal(account, &name).await?,
            status,
            config: self.vault.seal(account, &Value::Object(made.shown)).await?,
        };
        self.keep(account, id, made.secret).await?;
        let done = self.write(id, Command::Create(created), context, once).await;
        if done.is_err() {
            self.forget(account, id).await?;
        }
        match done {
            Ok(()) => Ok(id),
            Err(ConnectionError::Log(TransactError::Append(AppendError::Duplicate(before)))) => {
                Ok(ConnectionId(before.stream.number().unwrap_or_default()))
            }
            Err(error) => Err(error),
        }
    }

    /// Changes a connection.
    pub async fn change(
        &self,
        account: AccountId,
        id: ConnectionId,
        change: Change,
        context: Context,
    ) -> Result<(), ConnectionError> {
        let Change { name, status, config } = change;
        let _turn = self.turn(id).await;
        let (platform, before) = self.made_of(account, id).await?;
        let made = before.with(&platform, config);
        let faults = platform.check(&made.whole());
        if !faults.is_empty() {
            return Err(ConnectionError::Invalid(faults));
        }
        let changed = Changed {
            name: self.vault.seal(account, &name).await?,
            status,
            config: self.vault.seal(account, &Value::Object(made.shown)).await?,
        };
        let rotated = made.secret != before.secret;
        if rotated {
            self.keep(account, id, made.secret).await?;
        }
        let done = self.write(id, Command::Change { changed, rotated }, context, None).await;
        if done.is_err() && rotated {
            self.keep(account, id, before.secret).await?;
        }
        done
    }

    /// Deletes a connection and forgets its secret.
    pub async fn delete(
        &self,
        account: AccountId,
        id: ConnectionId,
        context: Context,
    ) -> Result<(), ConnectionError> {
        let _turn = self.turn(id).await;
        self.find(account, id).await?;
        self.forget(account, id).await?;
        self.write(id, Command::Delete, context, None).await
    }

    /// Puts down what a test of a connection came to.
    pub async fn record_test(
        &self,
        account: AccountId,
        id: ConnectionId,
        outcome: Result<(), String>,
        context: Context,
    ) -> Result<(), ConnectionError> {
        let error = match &outcome {
            Ok(()) => None,
            Err(error) => Some(self.vault.seal(account, error).await?),
        };
        let tested = Tested { ok: outcome.is_ok(), error };
        self.write(id, Command::RecordTest(tested), context, None).await
    }

    /// Puts down that the platform does not accept a connection any more.
    pub async fn record_error(
        &self,
        account: AccountId,
        id: ConnectionId,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        let reason = self.vault.seal(account, &reason.to_owned()).await?;
        self.write(id, Command::RecordError { reason }, self.by_hub(account), None).await
    }

    /// Puts down that the access of a connection ended and that its holder has to sign in again.
    pub async fn record_expired(
        &self,
        account: AccountId,
        id: ConnectionId,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        let reason = self.vault.seal(account, &reason.to_owned()).await?;
        let command = Command::Expire(Expired { reason });
        self.write(id, command, self.by_hub(account), None).await
    }

    /// Renews the access of a connection, alone: whoever comes meanwhile waits and is given what
    /// was learnt. `renew` answers with nothing where the access is still good. What it learnt
    /// is kept before this returns.
    pub async fn renew<E, F>(
        &self,
        account: AccountId,
        id: ConnectionId,
        renew: impl FnOnce(Opened) -> F,
    ) -> Result<Opened, E>
    where
        E: From<ConnectionError>,
        F: Future<Output = Result<Option<Renewed>, E>>,
    {
        let _turn = self.turn(id).await;
        let Some(renewed) = renew(self.open(account, id).await?).await? else {
            return Ok(self.open(account, id).await?);
        };
        self.keep_renewed(account, id, renewed).await?;
        Ok(self.open(account, id).await?)
    }

    async fn keep_renewed(
        &self,
        account: AccountId,
        id: ConnectionId,
        renewed: Renewed,
    ) -> Result<(), ConnectionError> {
        let (platform, before) = self.made_of(account, id).await?;
        let mut config = before.whole();
        config.extend(renewed.config);
        let made = MadeOf::of(&platform, &config);
        let config = self.vault.seal(account, &Value::Object(made.shown)).await?;
        let refreshed = Refreshed { config, expires_at: renewed.expires_at };
        // The new secret stays also where the event cannot be written: the old one is spent.
        self.keep(account, id, made.secret).await?;
        let command = Command::RecordRefresh(refreshed);
        self.write(id, command, self.by_hub(account), None).await
    }

    /// What a call needs of a connection.
    pub async fn open(
        &self,
        account: AccountId,
        id: ConnectionId,
    ) -> Result<Opened, ConnectionError> {
        let (platform, made) = self.made_of(account, id).await?;
        let config = platform.complete(&made.whole());
        Ok(Opened { platform, config })
    }

    /// An account's connection.
    pub async fn find(
        &self,
        account: AccountId,
        id: ConnectionId,
    ) -> Result<ConnectionView, ConnectionError> {
        self.seen().await?;
        let found = self.views.read(|connection| views::get(connection, id))?;
        let found = found.filter(|view| view.account == account);
        found.ok_or_else(|| error::missing().into())
    }

    /// An account's connections, newest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<ConnectionView>, ConnectionError> {
        self.seen().await?;
        Ok(self.views.read(|connection| views::list(connection, account))?)
    }

    /// A connection as its holder sees it.
    pub async fn shown(&self, view: &ConnectionView) -> Result<Shown, ConnectionError> {
        let account = view.account;
        let error = match &view.error {
            Some(error) => Some(self.vault.open_sealed(account, error).await?),
            None => None,
        };
        let name = self.vault.open_sealed(account, &view.name).await?;
        Ok(Shown { name, config: self.config(view).await?, error })
    }

    async fn config(&self, view: &ConnectionView) -> Result<Map<String, Value>, ConnectionError> {
        match self.vault.open_sealed(view.account, &view.config).await? {
            Value::Object(config) => Ok(config),
            _ => Ok(Map::new()),
        }
    }

    /// What a connection is made of, and the platform to which it leads.
    async fn made_of(
        &self,
        account: AccountId,
        id: ConnectionId,
    ) -> Result<(Arc<Platform>, MadeOf), ConnectionError> {
        let view = self.find(account, id).await?;
        let platform = self.catalogue.get(&view.platform);
        let platform = platform.ok_or_else(|| error::no_platform(&view.platform))?;
        let shown = self.config(&view).await?;
        match self.vault.secret(account, &id.into())? {
            Some(Value::Object(secret)) => Ok((platform, MadeOf { shown, secret })),
            // It is being deleted.
            _ => Err(error::missing().into()),
        }
    }

    async fn keep(
        &self,
        account: AccountId,
        id: ConnectionId,
        secret: Map<String, Value>,
    ) -> Result<(), ConnectionError> {
        let vault = Arc::clone(&self.vault);
        let keeping = move || vault.keep_secret(account, &id.into(), &Value::Object(secret));
        Ok(tokio::task::spawn_blocking(keeping).await.map_err(|_| ConnectionError::Stopping)??)
    }

    async fn forget(&self, account: AccountId, id: ConnectionId) -> Result<(), ConnectionError> {
        let vault = Arc::clone(&self.vault);
        let forgetting = move || vault.forget_secret(account, &Purpose::from(id));
        Ok(tokio::task::spawn_blocking(forgetting)
            .await
            .map_err(|_| ConnectionError::Stopping)??)
    }

    async fn write(
        &self,
        id: ConnectionId,
        command: Command,
        context: Context,
        once: Option<log::Command>,
    ) -> Result<(), ConnectionError> {
        let stream = id.stream();
        let done = transact_once::<Connection>(&self.log, &stream, command, context, once).await;
        self.written.fetch_max(self.log.head().0, Ordering::AcqRel);
        done.map(drop).map_err(ConnectionError::from)
    }

    /// Waits until the read model knows what was written here.
    async fn seen(&self) -> Result<(), ConnectionError> {
        let written = Position(self.written.load(Ordering::Acquire));
        Ok(self.views.wait_for(written).await?)
    }

    async fn turn(&self, id: ConnectionId) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turns.get(id.0.unsigned_abs() as usize % TURNS)?;
        Some(turn.lock().await)
    }

    fn by_hub(&self, account: AccountId) -> Context {
        Context {
            at: self.clock.now(),
            account: Some(account),
            actor: Actor::Hub,
            correlation: clock::uuid(),
            causation: None,
        }
    }
}

#[cfg(test)]
mod tests;
