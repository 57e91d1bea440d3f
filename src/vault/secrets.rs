//! Secrets of accounts, such as a connection's tokens: one for each purpose, sealed under the
//! account's data key and bound to both.
//!
//! Never here: who may use a secret, or what is in it.

use hub_events::id::{AccountId, ConnectionId};
use hub_events::sealed::{KeyId, SealError};
use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Vault, VaultError};
use crate::clock;

/// What a secret is for: `connection:17`, `llm:openai`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose(String);

impl Purpose {
    /// A purpose of a kind.
    pub fn new(kind: &str, key: &str) -> Self {
        Self(format!("{kind}:{key}"))
    }
}

impl From<ConnectionId> for Purpose {
    fn from(connection: ConnectionId) -> Self {
        Self::new(ConnectionId::KIND, &connection.to_string())
    }
}

impl Vault {
    /// Keeps a secret in the place of the one before, of which nothing is left; durable when it
    /// returns. This blocks.
    pub fn keep_secret(
        &self,
        account: AccountId,
        purpose: &Purpose,
        secret: &Value,
    ) -> Result<(), VaultError> {
        let plain = Zeroizing::new(serde_json::to_vec(secret).map_err(SealError::from)?);
        let key = self.data_key(account)?;
        let sealed = key.seal_for(&purpose.0, clock::random(), &plain)?;
        let store = self.store.lock();
        store.file.execute(
            "INSERT INTO secrets(account, purpose, key, sealed) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT(account, purpose) DO UPDATE SET key = excluded.key, sealed = excluded.sealed",
            params![account.0, purpose.0, key.id().0, sealed],
        )?;
        store.forget_traces()
    }

    /// The secret that is kept for a purpose.
    pub fn secret(
        &self,
        account: AccountId,
        purpose: &Purpose,
    ) -> Result<Option<Value>, VaultError> {
        let kept: Option<(u32, Vec<u8>)> = self
            .store
            .lock()
            .file
            .prepare_cached("SELECT key, sealed FROM secrets WHERE account = ?1 AND purpose = ?2")?
            .query_row(params![account.0, purpose.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, sealed)) = kept else { return Ok(None) };
        let key = self.data_key(account)?;
        if key.id() != KeyId(id) {
            return Err(VaultError::NoKey(account));
        }
        let plain = Zeroizing::new(key.open_for(&purpose.0, &sealed)?);
        Ok(Some(serde_json::from_slice(&plain).map_err(SealError::from)?))
    }

    /// Forgets the secret that is kept for a purpose, where there is one; nothing of it is left
    /// when it returns. This blocks.
    pub fn forget_secret(&self, account: AccountId, purpose: &Purpose) -> Result<(), VaultError> {
        let store = self.store.lock();
        store.file.execute(
            "DELETE FROM secrets WHERE account = ?1 AND purpose = ?2",
            params![account.0, purpose.0],
        )?;
        store.forget_traces()
    }
}
