//! Passwords: hashed with argon2id, a few at a time, off the threads that answer requests.
//!
//! Never here: where hashes are kept.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use tokio::sync::Semaphore;

use super::super::problem::Problem;
use crate::clock;

/// The hash of a password that nobody has.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash(&hex::encode(clock::random::<32>())).unwrap_or_default());

/// Hashes and compares passwords.
pub(super) struct Passwords {
    turns: Semaphore,
}

impl Passwords {
    pub(super) fn new(at_once: usize) -> Self {
        Self { turns: Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS)) }
    }

    /// The hash of a password, with its salt and parameters in it.
    pub(super) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.off_thread(move || hash(&password)).await?.map_err(Problem::accident)
    }

    /// Whether a password is the one that was hashed. Without a hash it is wrong, and that takes
    /// as long to say.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Problem> {
        self.off_thread(move || {
            let known = hash.is_some();
            let hash = hash.as_ref().unwrap_or(&NOBODY);
            let right = PasswordHash::new(hash).is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            });
            right && known
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _turn = self.turns.acquire().await.map_err(Problem::accident)?;
        tokio::task::spawn_blocking(work).await.map_err(Problem::accident)
    }
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let salt = clock::random::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt)?;
    Ok(hash.to_string())
}
