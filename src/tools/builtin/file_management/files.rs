//! An account's files.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hub_events::Context;
use hub_events::id::AccountId;
use hub_events::log::Log;
use serde_json::{Value, json};

use super::name;
use crate::collections::{CollectionError, Collections, Item, New, Set};
use crate::vault::Vault;

/// How large a file may be, in bytes.
pub const LARGEST: usize = 10 * 1024 * 1024;

const SET: Set = Set {
    name: "files",
    items: 1_000,
    item_bytes: LARGEST as u64,
    total_bytes: 1024 * 1024 * 1024,
};

/// The files of all accounts.
#[derive(Clone, Debug)]
pub struct Files(Collections);

/// A file, without its content.
#[derive(Clone, Debug)]
pub struct File(Item);

impl File {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// When its content was put there.
    pub fn modified(&self) -> DateTime<Utc> {
        self.0.put_at
    }

    /// Its media type: as it was given, or as its name says. It is the account's word and not
    /// to be trusted; serve files as attachments.
    pub fn content_type(&self) -> &str {
        let given = self.0.about.get("content_type").and_then(Value::as_str);
        given.unwrap_or_else(|| name::content_type(&self.0.name))
    }
}

impl Files {
    /// Files that are kept in a log and sealed by a vault.
    pub fn new(log: Arc<dyn Log>, vault: Arc<Vault>) -> Self {
        Self(Collections::new(log, vault))
    }

    /// Keeps a file, in place of the one of that name. The name must have been checked.
    pub(super) async fn put(
        &self,
        account: AccountId,
        name: String,
        content_type: &str,
        content: Vec<u8>,
        context: Context,
    ) -> Result<File, CollectionError> {
        let about = json!({ "content_type": content_type });
        let new = New { name, about, content: Some(content) };
        self.0.put(account, &SET, new, context).await.map(File)
    }

    /// The file of this name.
    pub async fn find(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Option<File>, CollectionError> {
        Ok(self.0.get(account, &SET, name).await?.map(File))
    }

    /// A file's content.
    pub async fn content(
        &self,
        account: AccountId,
        file: &File,
    ) -> Result<Vec<u8>, CollectionError> {
        self.0.content(account, &file.0).await
    }

    /// All files, by name.
    pub async fn list(&self, account: AccountId) -> Result<Vec<File>, CollectionError> {
        Ok(self.0.list(account, &SET).await?.into_iter().map(File).collect())
    }

    /// Deletes a file; says whether there was one.
    pub(super) async fn remove(
        &self,
        account: AccountId,
        name: &str,
        context: Context,
    ) -> Result<bool, CollectionError> {
        self.0.remove(account, &SET, name, context).await
    }
}
