//! The vault's file: its tables, the master keys that open it, and the root of derived keys.
//!
//! Never here: data keys, or what is sealed under them.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use super::VaultError;
use super::keyring::Keyring;
use super::master::{MasterKey, Place};
use crate::clock;

/// The vault's file, and the keys that open it.
pub(super) struct Store {
    pub(super) file: Connection,
    pub(super) keyring: Keyring,
    /// By which keys are wrapped: one, or the old and the new one during a rotation.
    pub(super) masters: Vec<Arc<MasterKey>>,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS data_keys(
        account INTEGER NOT NULL, key INTEGER NOT NULL, master TEXT NOT NULL, wrapped BLOB NOT NULL,
        PRIMARY KEY(account, key)) STRICT;
    CREATE TABLE IF NOT EXISTS passwords(
        account INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS secrets(
        account INTEGER NOT NULL, purpose TEXT NOT NULL, key INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY(account, purpose)) STRICT;
    CREATE TABLE IF NOT EXISTS masters(id TEXT PRIMARY KEY) STRICT;
    CREATE TABLE IF NOT EXISTS root(
        one INTEGER PRIMARY KEY CHECK (one = 1), master TEXT NOT NULL, wrapped BLOB NOT NULL) STRICT;
";

const KEEP_ROOT: &str = "INSERT INTO root(one, master, wrapped) VALUES (1, ?1, ?2)";

impl Store {
    pub(super) fn open(directory: &Path, keyring: Keyring) -> Result<Self, VaultError> {
        let file = Connection::open(directory.join("vault.db"))?;
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "synchronous", "FULL")?;
        // What is overwritten or deleted is overwritten on the disk too.
        file.pragma_update(None, "secure_delete", "ON")?;
        file.execute_batch(SCHEMA)?;
        let mut store = Self { file, keyring, masters: Vec::new() };
        store.masters = store.known()?;
        if let [_, _] = store.masters.as_slice() {
            tracing::warn!("a rotation of the master key is not complete; rotate again");
        } else {
            let newest = store.newest()?.id();
            store.keyring.settle(&newest)?;
        }
        Ok(store)
    }

    /// The master keys that wrap something, the newest last; a new vault begins with the
    /// present one and a random root.
    fn known(&mut self) -> Result<Vec<Arc<MasterKey>>, VaultError> {
        let ids: Vec<String> = self
            .file
            .prepare("SELECT id FROM masters ORDER BY rowid")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if ids.is_empty() {
            let master = Arc::clone(self.keyring.present());
            let root = Zeroizing::new(clock::random());
            let wrapped = master.wrap(Place::Root, &root)?;
            let tx = self.file.transaction()?;
            tx.execute("INSERT INTO masters(id) VALUES (?1)", [master.id()])?;
            tx.execute(KEEP_ROOT, params![master.id(), wrapped])?;
            tx.commit()?;
            return Ok(vec![master]);
        }
        let found: Vec<_> = ids.iter().filter_map(|id| self.keyring.find(id)).collect();
        match (found.len(), ids.len()) {
            (found, known) if found == known => {}
            (0, _) => return Err(VaultError::WrongMaster),
            _ => return Err(VaultError::HalfRotated),
        }
        Ok(found)
    }

    /// The master key by which new keys are wrapped.
    pub(super) fn newest(&self) -> Result<&Arc<MasterKey>, VaultError> {
        self.masters.last().ok_or(VaultError::WrongMaster)
    }

    /// The master key of this name.
    pub(super) fn master(&self, id: &str) -> Result<&MasterKey, VaultError> {
        let named = self.masters.iter().find(|master| master.id() == id);
        named.map(Arc::as_ref).ok_or(VaultError::WrongMaster)
    }

    /// The root of derived keys. A vault from before there was one takes what they were derived
    /// from then, so that they stay the same.
    pub(super) fn root(&self) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let sql = "SELECT master, wrapped FROM root";
        let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let kept: Option<(String, Vec<u8>)> = self.file.query_row(sql, [], columns).optional()?;
        if let Some((master, wrapped)) = kept {
            return self.master(&master)?.unwrap(Place::Root, &wrapped);
        }
        let master = self.newest()?;
        let root = master.extracted();
        let wrapped = master.wrap(Place::Root, &root)?;
        self.file.execute(KEEP_ROOT, params![master.id(), wrapped])?;
        Ok(root)
    }

    /// Empties the write-ahead log, in which what was overwritten still stands.
    pub(super) fn forget_traces(&self) -> Result<(), VaultError> {
        Ok(self.file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}
