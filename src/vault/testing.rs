//! A vault for tests: over a temporary directory, with accounts that are open.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hub_events::blob::Blobs;
use hub_events::id::AccountId;
use tempfile::TempDir;

use super::{Keyring, Vault};

/// A vault in which these accounts have keys, and the directory that it lives in.
pub(crate) fn vault(accounts: &[AccountId]) -> (TempDir, Arc<Vault>) {
    let directory = TempDir::new().unwrap();
    let master = "07".repeat(32).into();
    let keyring = Keyring::load(directory.path(), Some(&master), None).unwrap();
    let vault = Vault::open(directory.path(), keyring, Blobs::in_memory()).unwrap();
    accounts.iter().for_each(|account| vault.open_account(*account).unwrap());
    (directory, vault)
}
