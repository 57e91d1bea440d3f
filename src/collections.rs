//! What an account keeps by name: its files, its e-mail templates.
//!
//! Names, what is said of a thing and its content are sealed; a thing is found by a keyed hash
//! of its name. Every set has limits, so that an account cannot fill the disk. Never here: what
//! the things mean.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hub_events::collection::{self, Collection, Command, ItemPut};
use hub_events::id::AccountId;
use hub_events::log::Log;
use hub_events::refusal::Kind;
use hub_events::sealed::{SealError, Sealed};
use hub_events::{Context, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::transact::{self, TransactError};
use crate::vault::{Vault, VaultError};

/// A kind of set, and how much of it an account may have.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// Its name, as it stands in the names of streams.
    pub name: &'static str,
    /// How many things it may hold.
    pub items: usize,
    /// How large one thing may be, in bytes.
    pub item_bytes: u64,
    /// How large the contents of all things may be together, in bytes. Puts at the same moment
    /// may exceed it by what they bring.
    pub total_bytes: u64,
}

/// A thing that is to be kept.
#[derive(Clone, Debug)]
pub struct New {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub about: Value,
    /// Its content, where it has any beside that.
    pub content: Option<Vec<u8>>,
}

/// A thing that is kept.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub about: Value,
    /// The size of its content in bytes.
    pub size: u64,
    /// When it was put in as it is now.
    pub put_at: DateTime<Utc>,
    content: Option<Sealed<Vec<u8>>>,
}

/// What is sealed of a thing beside its content.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    about: Value,
    /// SHA-256 of the content, by which the same content is known again.
    digest: Option<String>,
    put_at: DateTime<Utc>,
}

/// Why a set could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// An expected no: a limit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log failed.
    #[error(transparent)]
    Log(TransactError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<TransactError> for CollectionError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Refused(refusal) => Self::Refused(refusal),
            other => Self::Log(other),
        }
    }
}

/// The sets of all accounts.
#[derive(Clone)]
pub struct Collections {
    log: Arc<dyn Log>,
    vault: Arc<Vault>,
}

impl std::fmt::Debug for Collections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collections(..)")
    }
}

impl Collections {
    /// Sets that are kept in a log and sealed by a vault.
    pub fn new(log: Arc<dyn Log>, vault: Arc<Vault>) -> Self {
        Self { log, vault }
    }

    /// Puts a thing in, in place of the one of that name. The same thing again changes nothing
    /// and is answered with the one that is there.
    pub async fn put(
        &self,
        account: AccountId,
        set: &Set,
        new: New,
        context: Context,
    ) -> Result<Item, CollectionError> {
        let New { name, about, content } = new;
        let size = content.as_ref().map_or(0, |content| content.len() as u64);
        let said = serde_json::to_vec(&about).map_err(unreadable)?.len() as u64;
        if size.max(said) > set.item_bytes {
            let detail = format!("No more than {} bytes can be kept of one thing", set.item_bytes);
            return Err(Refusal::new(Kind::Limit, "item_too_large", detail).into());
        }
        let key = self.key(account, set, &name);
        let state = self.load(account, set).await?;
        let digest = content.as_ref().map(|content| hex::encode(Sha256::digest(content)));
        if let Some(put) = state.item(&key) {
            let kept = self.kept(account, put).await?;
            if kept.about == about && kept.digest == digest {
                return Ok(item(kept, put));
            }
        }
        let others = state.items().filter(|put| put.key != key).map(|put| put.size).sum::<u64>();
        if others.saturating_add(size) > set.total_bytes {
            let detail = format!("No more than {} bytes can be kept in all", set.total_bytes);
            return Err(Refusal::new(Kind::Limit, "collection_full", detail).into());
        }
        let kept = Kept { name, about, digest, put_at: context.at };
        let said = serde_json::to_value(&kept).map_err(unreadable)?;
        let content = match content {
            Some(content) => Some(self.vault.seal_bytes(account, &content).await?),
            None => None,
        };
        let put = ItemPut { key, item: self.vault.seal(account, &said).await?, content, size };
        let command = Command::Put { put: put.clone(), limit: set.items };
        self.transact(account, set, command, context).await?;
        Ok(item(kept, &put))
    }

    /// The thing of this name.
    pub async fn get(
        &self,
        account: AccountId,
        set: &Set,
        name: &str,
    ) -> Result<Option<Item>, CollectionError> {
        let state = self.load(account, set).await?;
        match state.item(&self.key(account, set, name)) {
            Some(put) => Ok(Some(item(self.kept(account, put).await?, put))),
            None => Ok(None),
        }
    }

    /// The content of a thing; empty where it has none.
    pub async fn content(
        &self,
        account: AccountId,
        item: &Item,
    ) -> Result<Vec<u8>, CollectionError> {
        match &item.content {
            Some(content) => Ok(self.vault.open_bytes(account, content).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Everything in a set, by name.
    pub async fn list(&self, account: AccountId, set: &Set) -> Result<Vec<Item>, CollectionError> {
        let state = self.load(account, set).await?;
        let mut items = Vec::new();
        for put in state.items() {
            items.push(item(self.kept(account, put).await?, put));
        }
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(items)
    }

    /// Takes a thing out; says whether there was one.
    pub async fn remove(
        &self,
        account: AccountId,
        set: &Set,
        name: &str,
        context: Context,
    ) -> Result<bool, CollectionError> {
        let key = self.key(account, set, name);
        match self.transact(account, set, Command::Remove { key }, context).await {
            Ok(()) => Ok(true),
            Err(CollectionError::Refused(refusal)) if refusal.kind == Kind::Missing => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn load(&self, account: AccountId, set: &Set) -> Result<Collection, CollectionError> {
        let stream = collection::stream(account, set.name);
        Ok(transact::load::<Collection>(&self.log, &stream).await?.0)
    }

    async fn transact(
        &self,
        account: AccountId,
        set: &Set,
        command: Command,
        context: Context,
    ) -> Result<(), CollectionError> {
        let stream = collection::stream(account, set.name);
        transact::transact::<Collection>(&self.log, &stream, command, context).await?;
        Ok(())
    }

    async fn kept(&self, account: AccountId, put: &ItemPut) -> Result<Kept, CollectionError> {
        let said = self.vault.open_sealed(account, &put.item).await?;
        Ok(serde_json::from_value(said).map_err(unreadable)?)
    }

    fn key(&self, account: AccountId, set: &Set, name: &str) -> String {
        self.vault.index(&format!("{}:{account}", set.name), name)
    }
}

fn unreadable(error: serde_json::Error) -> VaultError {
    SealError::from(error).into()
}

fn item(kept: Kept, put: &ItemPut) -> Item {
    let Kept { name, about, put_at, .. } = kept;
    Item { name, about, size: put.size, put_at, content: put.content.clone() }
}

#[cfg(test)]
mod tests;
