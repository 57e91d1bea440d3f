//! Secrets at rest: the master key, each account's data keys and secrets, password hashes.
//!
//! Data keys are wrapped by the master key, and all else that is secret is sealed under them and
//! kept in `vault.db`, apart from the log. Sealing and opening content goes through here, large
//! content through the blob store. Never here: who may see what.

mod keyring;
mod master;
mod rotation;
mod secrets;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hub_events::blob::{BlobError, Blobs};
use hub_events::id::AccountId;
use hub_events::sealed::{Content, DataKey, KeyId, SealError, Sealed};
use parking_lot::{Mutex, RwLock};
use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock;
use master::Place;
use store::Store;

pub use keyring::Keyring;
pub use master::{MasterKey, MasterKeyError};
pub use rotation::Rotated;
pub use secrets::Purpose;

/// Content above this size (sealed, in bytes) is kept as a blob.
const LARGEST_INLINE: usize = 64 * 1024;

/// Why the vault cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The account has no such key: it was never opened, or was erased.
    #[error("account {0} has no data key")]
    NoKey(AccountId),
    /// The key does not open it, or what is in it is not what was expected.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is kept as a blob, and the blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The vault's own file failed.
    #[error("the vault cannot be read or written: {0}")]
    Store(#[from] rusqlite::Error),
    /// The vault belongs to another master key.
    #[error("the master key does not open this vault")]
    WrongMaster,
    /// A rotation broke off, and one of its keys is not there.
    #[error(
        "the rotation of the master key is not complete: until it is, both the old key \
         (HUB_MASTER_KEY or the file master.key) and the new one (HUB_NEW_MASTER_KEY or the \
         file master.key.new) are needed"
    )]
    HalfRotated,
    /// A rotation to another key has begun.
    #[error("a rotation to another master key is not complete; complete that one first")]
    OtherRotation,
    /// There is nothing to rotate to.
    #[error("HUB_NEW_MASTER_KEY must give another key than the present one")]
    NoNewMaster,
    /// A master key's file cannot be read or made.
    #[error(transparent)]
    Master(#[from] MasterKeyError),
}

/// The vault.
pub struct Vault {
    store: Mutex<Store>,
    /// Held by the rotation that is under way.
    rotating: Mutex<()>,
    /// What keys for single purposes are derived from, whatever the master key is.
    root: Zeroizing<[u8; 32]>,
    index_key: [u8; 32],
    keys: RwLock<HashMap<AccountId, DataKey>>,
    blobs: Blobs,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// Opens the vault in a data directory, and makes it where there is none.
    pub fn open(directory: &Path, keyring: Keyring, blobs: Blobs) -> Result<Arc<Self>, VaultError> {
        let store = Store::open(directory, keyring)?;
        let root = store.root()?;
        let index_key = master::expand(&root, "index");
        let (store, rotating, keys) = (Mutex::new(store), Mutex::default(), RwLock::default());
        Ok(Arc::new(Self { store, rotating, root, index_key, keys, blobs }))
    }

    /// Makes sure that an account has a data key; durable when it returns.
    pub fn open_account(&self, account: AccountId) -> Result<(), VaultError> {
        let first = KeyId(1);
        let bytes = Zeroizing::new(clock::random());
        let store = self.store.lock();
        // Chosen while nobody rotates, so that no key is left with a master that goes.
        let master = store.newest()?;
        let wrapped = master.wrap(Place::Data(account, first), &bytes)?;
        store.file.execute(
            "INSERT OR IGNORE INTO data_keys(account, key, master, wrapped) VALUES (?1, ?2, ?3, ?4)",
            params![account.0, first.0, master.id(), wrapped],
        )?;
        drop(store);
        self.data_key(account).map(drop)
    }

    fn data_key(&self, account: AccountId) -> Result<DataKey, VaultError> {
        if let Some(key) = self.keys.read().get(&account) {
            return Ok(key.clone());
        }
        let store = self.store.lock();
        let (id, master, wrapped): (u32, String, Vec<u8>) = store
            .file
            .query_row(
                "SELECT key, master, wrapped FROM data_keys WHERE account = ?1
                 ORDER BY key DESC LIMIT 1",
                [account.0],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?
            .ok_or(VaultError::NoKey(account))?;
        let place = Place::Data(account, KeyId(id));
        let bytes = store.master(&master)?.unwrap(place, &wrapped)?;
        drop(store);
        let key = DataKey::new(KeyId(id), account, &bytes);
        self.keys.write().insert(account, key.clone());
        Ok(key)
    }

    /// Seals a value for an account.
    pub async fn seal<T: Serialize>(
        &self,
        account: AccountId,
        plain: &T,
    ) -> Result<Sealed<T>, VaultError> {
        let plain = serde_json::to_vec(plain).map_err(SealError::from)?;
        self.seal_as(account, &plain).await
    }

    /// Seals bytes as they are, without a detour through JSON.
    pub async fn seal_bytes(
        &self,
        account: AccountId,
        plain: &[u8],
    ) -> Result<Sealed<Vec<u8>>, VaultError> {
        self.seal_as(account, plain).await
    }

    async fn seal_as<T>(&self, account: AccountId, plain: &[u8]) -> Result<Sealed<T>, VaultError> {
        let key = self.data_key(account)?;
        let sealed = key.seal_bytes(clock::random(), plain)?;
        if sealed.len() <= LARGEST_INLINE {
            return Ok(Sealed::inline(key.id(), sealed.into()));
        }
        Ok(Sealed::in_blob(key.id(), self.blobs.put(Bytes::from(sealed)).await?))
    }

    /// Opens a value that was sealed for an account.
    pub async fn open_sealed<T: DeserializeOwned>(
        &self,
        account: AccountId,
        sealed: &Sealed<T>,
    ) -> Result<T, VaultError> {
        let plain = self.plain(account, sealed).await?;
        Ok(serde_json::from_slice(&plain).map_err(SealError::from)?)
    }

    /// Opens bytes that were sealed as they are.
    pub async fn open_bytes(
        &self,
        account: AccountId,
        sealed: &Sealed<Vec<u8>>,
    ) -> Result<Vec<u8>, VaultError> {
        self.plain(account, sealed).await
    }

    async fn plain<T>(
        &self,
        account: AccountId,
        sealed: &Sealed<T>,
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.data_key(account)?;
        if key.id() != sealed.key() {
            return Err(VaultError::NoKey(account));
        }
        Ok(match sealed.content() {
            Content::Inline(bytes) => key.open_bytes(bytes)?,
            Content::Blob(id) => key.open_bytes(&self.blobs.get(*id).await?)?,
        })
    }

    /// A keyed hash by which a private text can be found again: the same for the same text,
    /// and useless without the vault. `scope` keeps different uses apart.
    pub fn index(&self, scope: &str, text: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.index_key).map(|mut mac| {
            for part in [scope, text] {
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part.as_bytes());
            }
            mac.finalize().into_bytes()
        });
        // A key of 32 bytes is always accepted.
        mac.map(hex::encode).unwrap_or_default()
    }

    /// A key for one purpose, the same as long as the vault is, whatever its master key.
    pub fn derived_key(&self, purpose: &str) -> [u8; 32] {
        master::expand(&self.root, purpose)
    }

    /// Keeps the hash of an account's password, in place of the one before.
    pub fn set_password(&self, account: AccountId, hash: &str) -> Result<(), VaultError> {
        self.store.lock().file.execute(
            "INSERT INTO passwords(account, hash) VALUES (?1, ?2)
             ON CONFLICT(account) DO UPDATE SET hash = excluded.hash",
            params![account.0, hash],
        )?;
        Ok(())
    }

    /// The hash of an account's password; none where it signs in by key only.
    pub fn password(&self, account: AccountId) -> Result<Option<String>, VaultError> {
        let store = self.store.lock();
        let sql = "SELECT hash FROM passwords WHERE account = ?1";
        Ok(store.file.query_row(sql, [account.0], |row| row.get(0)).optional()?)
    }
}
