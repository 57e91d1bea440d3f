//! Personal content under its account's data key.
//!
//! Words of people, arguments and results are [`Sealed`] wherever they stand in an event:
//! structure stays readable, content does not. Destroying an account's key destroys its
//! content everywhere while every hash still holds. Never here: where keys are kept (the
//! server's vault) or secrets such as passwords and tokens, which are in no event at all.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::blob::BlobId;
use crate::id::AccountId;

/// Which of an account's data keys; 1 is its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u32);

/// A value that only the holder of its account's key can read. Cheap to clone.
pub struct Sealed<T> {
    key: KeyId,
    content: Content,
    plain: PhantomData<fn() -> T>,
}

/// Where the sealed bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Here: nonce, then ciphertext with its tag.
    Inline(Arc<[u8]>),
    /// In the blob store.
    Blob(BlobId),
}

impl<T> Sealed<T> {
    /// Sealed bytes that are kept elsewhere.
    pub fn in_blob(key: KeyId, blob: BlobId) -> Self {
        Self { key, content: Content::Blob(blob), plain: PhantomData }
    }

    /// Sealed bytes that are kept here.
    pub fn inline(key: KeyId, bytes: Arc<[u8]>) -> Self {
        Self { key, content: Content::Inline(bytes), plain: PhantomData }
    }

    /// The key that opens it.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Where its bytes are.
    pub fn content(&self) -> &Content {
        &self.content
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self { key: self.key, content: self.content.clone(), plain: PhantomData }
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.content == other.content
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    key: KeyId,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    sealed: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blob: Option<BlobId>,
}

impl<T> Serialize for Sealed<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sealed, blob) = match &self.content {
            Content::Inline(bytes) => (Some(BASE64.encode(bytes).into()), None),
            Content::Blob(blob) => (None, Some(*blob)),
        };
        Wire { key: self.key, sealed, blob }.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let wire = Wire::deserialize(deserializer)?;
        match (wire.sealed, wire.blob) {
            (Some(text), None) => {
                let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
                Ok(Self::inline(wire.key, bytes.into()))
            }
            (None, Some(blob)) => Ok(Self::in_blob(wire.key, blob)),
            _ => Err(D::Error::custom("sealed content has either `sealed` or `blob`")),
        }
    }
}

/// Why sealed content cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It was sealed with another key, for another account, or altered.
    #[error("sealed content does not open with this key")]
    Closed,
    /// What was in it is not what was expected.
    #[error("sealed content is not readable: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A data key: AES-256-GCM, bound to one account.
#[derive(Clone)]
pub struct DataKey {
    id: KeyId,
    account: AccountId,
    cipher: Aes256Gcm,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey(account {}, {})", self.account, self.id.0)
    }
}

const NONCE: usize = 12;

impl DataKey {
    /// A key from its 32 bytes.
    pub fn new(id: KeyId, account: AccountId, bytes: &[u8; 32]) -> Self {
        Self { id, account, cipher: Aes256Gcm::new(bytes.into()) }
    }

    /// This key's number.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Seals bytes. The nonce must never be used twice with one key.
    pub fn seal_bytes(&self, nonce: [u8; NONCE], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_for("", nonce, plain)
    }

    /// Opens sealed bytes.
    pub fn open_bytes(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_for("", sealed)
    }

    /// Seals bytes for one purpose: they open for no other.
    pub fn seal_for(
        &self,
        purpose: &str,
        nonce: [u8; NONCE],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: plain, aad: &self.bound_to(purpose) };
        let sealed =
            self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Closed)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens bytes that were sealed for one purpose.
    pub fn open_for(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(SealError::Closed)?;
        let nonce = Nonce::try_from(nonce).map_err(|_| SealError::Closed)?;
        let payload = Payload { msg: sealed, aad: &self.bound_to(purpose) };
        self.cipher.decrypt(&nonce, payload).map_err(|_| SealError::Closed)
    }

    /// What sealed bytes are bound to beside the key.
    fn bound_to(&self, purpose: &str) -> Vec<u8> {
        [&self.account.0.to_be_bytes(), purpose.as_bytes()].concat()
    }

    /// Seals a value as JSON, kept inline.
    pub fn seal<T: Serialize>(
        &self,
        nonce: [u8; NONCE],
        plain: &T,
    ) -> Result<Sealed<T>, SealError> {
        let bytes = self.seal_bytes(nonce, &serde_json::to_vec(plain)?)?;
        Ok(Sealed::inline(self.id, bytes.into()))
    }

    /// Reads a value from sealed bytes.
    pub fn open<T: DeserializeOwned>(&self, sealed: &[u8]) -> Result<T, SealError> {
        Ok(serde_json::from_slice(&self.open_bytes(sealed)?)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    fn key(account: i64) -> DataKey {
        DataKey::new(KeyId(1), AccountId(account), &[7; 32])
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() -> Result<(), SealError> {
        let sealed = key(1).seal([3; 12], &"private".to_owned())?;
        let Content::Inline(bytes) = sealed.content() else { unreachable!() };
        assert_eq!(key(1).open::<String>(bytes)?, "private");
        assert!(matches!(key(2).open::<String>(bytes), Err(SealError::Closed)));
        let mut altered = bytes.to_vec();
        altered[20] ^= 1;
        assert!(matches!(key(1).open_bytes(&altered), Err(SealError::Closed)));
        assert!(matches!(key(1).open_bytes(&altered[..5]), Err(SealError::Closed)));
        Ok(())
    }

    #[test]
    fn what_is_sealed_for_one_purpose_opens_for_no_other() -> Result<(), SealError> {
        let sealed = key(1).seal_for("one", [3; 12], b"private")?;
        assert_eq!(key(1).open_for("one", &sealed)?, b"private");
        for (account, purpose) in [(1, "two"), (1, ""), (2, "one")] {
            let opened = key(account).open_for(purpose, &sealed);
            assert!(matches!(opened, Err(SealError::Closed)), "{account} {purpose}");
        }
        Ok(())
    }

    #[test]
    fn its_wire_form_hides_the_words_and_reads_back() -> Result<(), SealError> {
        let sealed = key(1).seal([3; 12], &"private".to_owned())?;
        let wire = serde_json::to_string(&sealed)?;
        assert!(!wire.contains("private") && wire.starts_with("{\"key\":1,\"sealed\":\""));
        assert_eq!(serde_json::from_str::<Sealed<String>>(&wire)?, sealed);
        let blob: Sealed<String> = Sealed::in_blob(KeyId(2), BlobId::of(b"x"));
        assert_eq!(serde_json::from_str::<Sealed<String>>(&serde_json::to_string(&blob)?)?, blob);
        assert!(serde_json::from_str::<Sealed<String>>("{\"key\":1}").is_err());
        Ok(())
    }
}
