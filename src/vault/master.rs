//! The master key: what is derived from it, how it wraps the keys below it.
//!
//! Never here: content; that is sealed with data keys. Nor where master keys come from
//! (`keyring`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hub_events::id::AccountId;
use hub_events::sealed::{DataKey, KeyId};
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

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
    File(PathBuf, #[source] std::io::Error),
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

    /// A fresh key in a new file, readable by its owner only; durable when it returns.
    pub(super) fn make(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |error| MasterKeyError::File(path.to_owned(), error);
        let key = Self(clock::random());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        writeln!(file, "{}", STANDARD.encode(key.0)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync_directory_of(path)?;
        Ok(key)
    }

    /// A name for this key that does not give it away.
    pub fn id(&self) -> String {
        let [a, b, c, d, ..] = expand(&self.extracted(), "id");
        hex::encode([a, b, c, d])
    }

    /// What keys are derived from: the first half of HKDF.
    pub(super) fn extracted(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(Hkdf::<Sha256>::extract(None, &self.0).0.into())
    }

    fn wrapping(&self, place: Place) -> DataKey {
        let (account, key, label) = match place {
            Place::Root => (AccountId(0), KeyId(0), "wrap root".to_owned()),
            Place::Data(account, key) => (account, key, format!("wrap {account} {}", key.0)),
        };
        DataKey::new(key, account, &expand(&self.extracted(), &label))
    }

    /// Wraps a key for its place.
    pub(super) fn wrap(&self, place: Place, bytes: &[u8; 32]) -> Result<Vec<u8>, VaultError> {
        Ok(self.wrapping(place).seal_bytes(clock::random(), bytes)?)
    }

    /// Unwraps the key of a place.
    pub(super) fn unwrap(
        &self,
        place: Place,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let bytes = Zeroizing::new(self.wrapping(place).open_bytes(wrapped)?);
        let bytes = bytes.as_slice().try_into().map_err(|_| VaultError::WrongMaster)?;
        Ok(Zeroizing::new(bytes))
    }
}

/// Where a wrapped key belongs; it opens for no other place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The root of derived keys.
    Root,
    /// A data key of an account.
    Data(AccountId, KeyId),
}

/// A key for one purpose: the second half of HKDF.
pub(super) fn expand(extracted: &[u8; 32], purpose: &str) -> [u8; 32] {
    let mut derived = [0; 32];
    // 32 bytes are always a key for this, and always within what it can give.
    if let Ok(kdf) = Hkdf::<Sha256>::from_prk(extracted) {
        let _ = kdf.expand(purpose.as_bytes(), &mut derived);
    }
    derived
}

/// Makes a file's name durable.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), MasterKeyError> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let synced = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| MasterKeyError::File(path.to_owned(), error))
}
