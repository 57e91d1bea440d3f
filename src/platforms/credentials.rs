//! What calls need to know of connections: which one, what it is made of, and what became of
//! its tokens.
//!
//! Never here: where that is kept.

use futures_util::future::BoxFuture;
use hub_events::id::{AccountId, ConnectionId};
use serde_json::{Map, Value};

/// The connections of accounts, as far as calls need them.
pub trait Credentials: Send + Sync + 'static {
    /// The connection of an account to a platform: the one that is named, else the oldest that
    /// is active.
    fn choose<'a>(
        &'a self,
        account: AccountId,
        platform: &'a str,
        named: Option<ConnectionId>,
    ) -> BoxFuture<'a, Result<ConnectionId, CredentialError>>;

    /// What a connection is made of, secrets included.
    fn open(
        &self,
        account: AccountId,
        connection: ConnectionId,
    ) -> BoxFuture<'_, Result<Map<String, Value>, CredentialError>>;

    /// Keeps fields that a platform has given out, such as a new refresh token: durable when it
    /// returns.
    fn learnt(
        &self,
        account: AccountId,
        connection: ConnectionId,
        fields: Map<String, Value>,
    ) -> BoxFuture<'_, Result<(), CredentialError>>;

    /// Notes that a platform no longer takes a connection's credentials; why, in words without
    /// secrets.
    fn refused(
        &self,
        account: AccountId,
        connection: ConnectionId,
        why: String,
    ) -> BoxFuture<'_, ()>;
}

/// Why a connection cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CredentialError {
    /// The kind, in snake case: `not_connected`, `connection_not_active`, ….
    pub code: &'static str,
    /// In words, for a person; never with a secret in it.
    pub message: String,
    /// Whether another try may go better.
    pub passing: bool,
}
