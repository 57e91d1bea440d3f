//! A vault for tests: over a temporary directory, with accounts that are open.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hub_events::blob::Blobs;
use hub_events::id::AccountId;
use tempfile::TempDir;

use super::{MasterKey, Vault};

/// A vault in which these accounts have keys, and the directory that it lives in.
pub(crate) fn vault(accounts: &[AccountId]) -> (TempDir, Arc<Vault>) {
    let directory = TempDir::new().unwrap();
    let master = MasterKey::parse(&"07".repeat(32)).unwrap();
    let vault = Vault::open(directory.path(), master, Blobs::in_memory()).unwrap();
    accounts.iter().for_each(|account| vault.open_account(*account).unwrap());
    (directory, vault)
}
