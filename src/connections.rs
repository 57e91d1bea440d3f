//! Accounts' connections: made, changed, chosen for a call, opened, and put down when they fail.
//!
//! Everything that happens to one goes through here, so that its secret in the vault and its
//! events agree: a secret is kept before the event that tells of it, and forgotten before the
//! event that the connection is gone. Never here: HTTP, or requests to platforms.

mod choice;
mod credentials;
mod error;
mod made_of;
mod outcomes;
pub mod probe;
mod reading;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hub_events::connection::{Changed, Command, Connection, Created, Status};
use hub_events::id::{AccountId, ConnectionId};
use hub_events::log::{self, AppendError, Log};
use hub_events::{Actor, Context};
use hub_projections::Views;
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
        if surely_failed(&done) {
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
        if rotated && surely_failed(&done) {
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

/// Whether an event is surely not on record.
fn surely_failed(done: &Result<(), ConnectionError>) -> bool {
    match done {
        Ok(()) | Err(ConnectionError::Log(TransactError::Append(AppendError::Unknown(_)))) => false,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests;
