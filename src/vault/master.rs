//! The master key: from where it comes, what is derived from it, how it wraps data keys.
//!
//! Never here: content; that is sealed with data keys.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hub_events::id::AccountId;
use hub_events::sealed::{DataKey, KeyId};
use sha2::Sha256;
use zeroize::ZeroizeOnDrop;

use super::VaultError;
use crate::clock;

/// The key under which all others are kept.
#[derive(ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// It is not 32 bytes in a known form.
    #[error("the master key must be 32 bytes as base64, base64url or hex")]
    Malformed,
    /// Its file cannot be read or made.
    #[error("the master key file {0}: {1}")]
    File(std::path::PathBuf, #[source] std::io::Error),
}

impl MasterKey {
    /// A key from text: 32 bytes as base64, base64url or hex.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = hex::decode(text)
            .ok()
            .or_else(|| STANDARD.decode(text).ok())
            .or_else(|| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok())
            .ok_or(MasterKeyError::Malformed)?;
        bytes.try_into().map(Self).map_err(|_| MasterKeyError::Malformed)
    }

    /// The key in a file.
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        let text = std::fs::read_to_string(path);
        Self::parse(&text.map_err(|error| MasterKeyError::File(path.to_owned(), error))?)
    }

    /// The key in a file, which is made with a fresh key, readable by its owner only, where it
    /// is missing.
    pub fn read_or_make(path: &Path) -> Result<Self, MasterKeyError> {
        if path.exists() {
            return Self::read(path);
        }
        let failed = |error| MasterKeyError::File(path.to_owned(), error);
        let key = Self(clock::random());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        writeln!(file, "{}", STANDARD.encode(key.0)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        Ok(key)
    }

    /// A name for this key that does not give it away.
    pub fn id(&self) -> String {
        let [a, b, c, d, ..] = self.derive("id");
        hex::encode([a, b, c, d])
    }

    /// A key for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut derived = [0; 32];
        // 32 bytes are always within what the function can give.
        let _ = Hkdf::<Sha256>::new(None, &self.0).expand(purpose.as_bytes(), &mut derived);
        derived
    }

    fn wrapping(&self, account: AccountId, key: KeyId) -> DataKey {
        DataKey::new(key, account, &self.derive(&format!("wrap {account} {}", key.0)))
    }

    /// Wraps an account's data key.
    pub(super) fn wrap(
        &self,
        account: AccountId,
        key: KeyId,
        bytes: &[u8; 32],
    ) -> Result<Vec<u8>, VaultError> {
        Ok(self.wrapping(account, key).seal_bytes(clock::random(), bytes)?)
    }

    /// Unwraps an account's data key.
    pub(super) fn unwrap(
        &self,
        account: AccountId,
        key: KeyId,
        wrapped: &[u8],
    ) -> Result<[u8; 32], VaultError> {
        let bytes = self.wrapping(account, key).open_bytes(wrapped)?;
        bytes.try_into().map_err(|_| VaultError::WrongMaster)
    }
}
