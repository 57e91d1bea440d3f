//! The master keys at hand: the present one, and the one to which a rotation leads.
//!
//! The operator gives them in the settings, or they lie in files of the data directory:
//! `master.key`, and beside it `master.key.new` from the beginning of a rotation to its end.
//! Never here: what is wrapped by which.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::master::{MasterKey, MasterKeyError, sync_directory_of};
use crate::config::Secret;

/// Master keys, and where they come from.
pub struct Keyring {
    present: Arc<MasterKey>,
    next: Option<Arc<MasterKey>>,
    files: Option<Files>,
}

/// Where master keys lie that the operator does not keep.
struct Files {
    present: PathBuf,
    next: PathBuf,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Keyring {
    /// The keys of the vault in a directory: those that are given, else those in its files. The
    /// first start makes one.
    pub fn load(
        directory: &Path,
        present: Option<&Secret>,
        next: Option<&Secret>,
    ) -> Result<Self, MasterKeyError> {
        let parse = |key: &Secret| MasterKey::parse(key.reveal()).map(Arc::new);
        let next = next.map(parse).transpose()?;
        if let Some(present) = present {
            return Ok(Self { present: parse(present)?, next, files: None });
        }
        let files =
            Files { present: directory.join("master.key"), next: directory.join("master.key.new") };
        // A fresh key would open nothing of a vault that is there already.
        let present = match files.present.exists() || directory.join("vault.db").exists() {
            true => MasterKey::read(&files.present)?,
            false => MasterKey::make(&files.present)?,
        };
        let present = Arc::new(present);
        if next.is_some() {
            return Ok(Self { present, next, files: None });
        }
        let next = files.next.exists().then(|| MasterKey::read(&files.next));
        let next = next.transpose()?.map(Arc::new);
        Ok(Self { present, next, files: Some(files) })
    }

    /// The key by which a new vault begins.
    pub(super) fn present(&self) -> &Arc<MasterKey> {
        &self.present
    }

    /// The key of this name.
    pub(super) fn find(&self, id: &str) -> Option<Arc<MasterKey>> {
        let keys = std::iter::once(&self.present).chain(&self.next);
        keys.into_iter().find(|key| key.id() == id).cloned()
    }

    /// The key to which to rotate. Where keys lie in files a fresh one is made; none where the
    /// operator keeps them and gave no other than the present one.
    pub(super) fn next(&mut self) -> Result<Option<Arc<MasterKey>>, MasterKeyError> {
        if let (None, Some(files)) = (&self.next, &self.files) {
            self.next = Some(Arc::new(MasterKey::make(&files.next)?));
        }
        Ok(self.next.clone().filter(|next| next.id() != self.present.id()))
    }

    /// Nothing is wrapped by any other key than this one now. The file of the one before is
    /// replaced by its successor's.
    pub(super) fn settle(&mut self, id: &str) -> Result<(), MasterKeyError> {
        let Some(next) = self.next.take_if(|next| next.id() == id) else { return Ok(()) };
        if let Some(Files { present, next }) = &self.files {
            let failed = |error| MasterKeyError::File(present.clone(), error);
            std::fs::rename(next, present).map_err(failed)?;
            sync_directory_of(present)?;
        }
        self.present = next;
        Ok(())
    }
}
