//! Reading connections: as their holder sees them, and as a call needs them.
//!
//! Never here: changes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hub_events::Position;
use hub_events::id::{AccountId, ConnectionId};
use hub_projections::connections::{self as views, ConnectionView};
use serde_json::{Map, Value};

use super::made_of::MadeOf;
use super::{ConnectionError, Connections, Opened, Shown, error};
use crate::platforms::Platform;

impl Connections {
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
    pub(super) async fn made_of(
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

    /// Waits until the read model knows what was written here.
    pub(super) async fn seen(&self) -> Result<(), ConnectionError> {
        let written = Position(self.written.load(Ordering::Acquire));
        Ok(self.views.wait_for(written).await?)
    }
}
