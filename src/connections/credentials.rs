//! Connections as calls need them.
//!
//! Never here: what is done with them.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hub_events::id::{AccountId, ConnectionId};
use serde_json::{Map, Value};

use super::{ConnectionError, Connections};
use crate::platforms::{CredentialError, Credentials};

impl From<ConnectionError> for CredentialError {
    fn from(error: ConnectionError) -> Self {
        let (code, passing) = match &error {
            ConnectionError::Refused(refusal) => (refusal.code, false),
            ConnectionError::Invalid(_) => ("config_invalid", false),
            ConnectionError::Log(_)
            | ConnectionError::Vault(_)
            | ConnectionError::View(_)
            | ConnectionError::Lagging(_)
            | ConnectionError::Stopping => {
                tracing::error!(%error, "a connection could not be used");
                let message = "The connection cannot be used at present".to_owned();
                return Self { code: "connection_unavailable", message, passing: true };
            }
        };
        Self { code, message: error.to_string(), passing }
    }
}

impl Credentials for Connections {
    fn choose<'a>(
        &'a self,
        account: AccountId,
        platform: &'a str,
        named: Option<ConnectionId>,
    ) -> BoxFuture<'a, Result<ConnectionId, CredentialError>> {
        async move { Ok(Self::choose(self, account, platform, named).await?) }.boxed()
    }

    fn open(
        &self,
        account: AccountId,
        connection: ConnectionId,
    ) -> BoxFuture<'_, Result<Map<String, Value>, CredentialError>> {
        async move { Ok(Self::open(self, account, connection).await?.config) }.boxed()
    }

    fn learnt(
        &self,
        account: AccountId,
        connection: ConnectionId,
        fields: Map<String, Value>,
    ) -> BoxFuture<'_, Result<(), CredentialError>> {
        async move { Ok(self.keep_learnt(account, connection, fields).await?) }.boxed()
    }

    fn refused(
        &self,
        account: AccountId,
        connection: ConnectionId,
        why: String,
    ) -> BoxFuture<'_, ()> {
        async move {
            if let Err(error) = self.record_expired(account, connection, &why).await {
                tracing::error!(%connection, %error, "an expired connection was not put down");
            }
        }
        .boxed()
    }
}
