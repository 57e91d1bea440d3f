//! Large payloads, kept beside the log under the hash of their bytes.
//!
//! What is stored is already sealed. Never here: keys, or names that people give to files.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a blob's stored bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobId(pub [u8; 32]);

impl BlobId {
    /// The id of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for BlobId {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Serialize for BlobId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a blob could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The store failed.
    #[error("the blob store failed: {0}")]
    Store(#[from] object_store::Error),
    /// It could not be opened.
    #[error("the blob store cannot be opened: {0}")]
    Open(#[from] std::io::Error),
    /// Its bytes are not those that were stored.
    #[error("blob {0} is damaged")]
    Damaged(BlobId),
}

/// A content-addressed store.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
}

impl Blobs {
    /// A store in a local directory, which is created where it is missing. Files are synced
    /// before a `put` is answered.
    pub fn local(directory: &Path) -> Result<Self, BlobError> {
        std::fs::create_dir_all(directory)?;
        let store = LocalFileSystem::new_with_prefix(directory)?.with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    /// A store in memory, for tests.
    pub fn in_memory() -> Self {
        Self { store: Arc::new(object_store::memory::InMemory::new()) }
    }

    /// Stores bytes and answers when they are durable.
    pub async fn put(&self, bytes: Bytes) -> Result<BlobId, BlobError> {
        let id = BlobId::of(&bytes);
        self.store.put(&path(id), bytes.into()).await?;
        Ok(id)
    }

    /// The bytes of a blob, checked against its id.
    pub async fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        let bytes = self.store.get(&path(id)).await?.bytes().await?;
        if BlobId::of(&bytes) == id { Ok(bytes) } else { Err(BlobError::Damaged(id)) }
    }
}

fn path(id: BlobId) -> object_store::path::Path {
    let name = id.to_string();
    let (folder, _) = name.split_at(2);
    object_store::path::Path::from(format!("{folder}/{name}"))
}
