//! A new master key: everything that the old one wraps is wrapped anew, row by row.
//!
//! Each row says which key wraps it, and while there are two, both open what is theirs. What
//! was begun and broke off, at whatever row, goes on when it is asked for again. Never here:
//! content and data keys; those stay as they are.

use std::sync::Arc;

use hub_events::id::AccountId;
use hub_events::sealed::KeyId;
use rusqlite::{Connection, TransactionBehavior, params};

use super::master::{MasterKey, Place};
use super::store::Store;
use super::{Vault, VaultError};

/// How many keys are wrapped anew at a time; meanwhile nobody else gets at the vault.
const BATCH: u32 = 64;

/// What a rotation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The name of the master key that wraps everything now.
    pub master: String,
    /// How many data keys were wrapped anew.
    pub data_keys: u64,
}

impl Vault {
    /// Puts a new master key in the place of the present one; durable when it returns. This
    /// blocks, but lets others at the vault in between.
    pub fn rotate(&self) -> Result<Rotated, VaultError> {
        let _alone = self.rotating.lock();
        let (old, new) = self.store.lock().begin_rotation()?;
        let mut data_keys = 0;
        loop {
            match self.store.lock().rewrap(&old, &new, BATCH)? {
                0 => break,
                count => data_keys += count,
            }
        }
        self.store.lock().end_rotation(&old, &new)?;
        Ok(Rotated { master: new.id(), data_keys })
    }
}

impl Store {
    /// From now on new keys are wrapped by the next master key, and the root already is. Where
    /// that was so before, nothing changes.
    pub(super) fn begin_rotation(
        &mut self,
    ) -> Result<(Arc<MasterKey>, Arc<MasterKey>), VaultError> {
        let next = self.keyring.next()?;
        if let [old, new] = self.masters.as_slice() {
            let goes_on = next.is_some_and(|next| next.id() == new.id());
            let keys = (Arc::clone(old), Arc::clone(new));
            return if goes_on { Ok(keys) } else { Err(VaultError::OtherRotation) };
        }
        let next = next.ok_or(VaultError::NoNewMaster)?;
        let old = Arc::clone(self.newest()?);
        let tx = self.file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute("INSERT INTO masters(id) VALUES (?1)", [next.id()])?;
        let wrapped: Vec<u8> = tx.query_row("SELECT wrapped FROM root", [], |row| row.get(0))?;
        let wrapped = next.wrap(Place::Root, &*old.unwrap(Place::Root, &wrapped)?)?;
        tx.execute("UPDATE root SET master = ?1, wrapped = ?2", params![next.id(), wrapped])?;
        tx.commit()?;
        self.masters.push(Arc::clone(&next));
        Ok((old, next))
    }

    /// Wraps at most so many more keys anew; says how many.
    pub(super) fn rewrap(
        &mut self,
        old: &MasterKey,
        new: &MasterKey,
        limit: u32,
    ) -> Result<u64, VaultError> {
        let tx = self.file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let batch = wrapped_by(&tx, &old.id(), limit)?;
        for (account, key, wrapped) in &batch {
            let place = Place::Data(*account, *key);
            let wrapped = new.wrap(place, &*old.unwrap(place, wrapped)?)?;
            tx.prepare_cached(
                "UPDATE data_keys SET master = ?3, wrapped = ?4 WHERE account = ?1 AND key = ?2",
            )?
            .execute(params![account.0, key.0, new.id(), wrapped])?;
        }
        tx.commit()?;
        Ok(batch.len() as u64)
    }

    /// The old master key wraps nothing any more, and no trace of what it wrapped is left.
    fn end_rotation(&mut self, old: &MasterKey, new: &MasterKey) -> Result<(), VaultError> {
        self.file.execute("DELETE FROM masters WHERE id = ?1", [old.id()])?;
        self.forget_traces()?;
        self.masters.retain(|master| master.id() == new.id());
        Ok(self.keyring.settle(&new.id())?)
    }
}

type Row = (AccountId, KeyId, Vec<u8>);

fn wrapped_by(file: &Connection, master: &str, limit: u32) -> rusqlite::Result<Vec<Row>> {
    file.prepare_cached("SELECT account, key, wrapped FROM data_keys WHERE master = ?1 LIMIT ?2")?
        .query_map(params![master, limit], |row| {
            Ok((AccountId(row.get(0)?), KeyId(row.get(1)?), row.get(2)?))
        })?
        .collect()
}
