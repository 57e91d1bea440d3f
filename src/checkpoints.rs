//! Signed checkpoints of the log: the task that writes them while the hub runs, the key they
//! are signed with, and checking a signature.
//!
//! The key is derived from the root of the vault, which the master key wraps: who can write to
//! the log but does not have that cannot vouch for another history, and a rotation changes
//! nothing. Never here: what a checkpoint binds; that is in `events`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use futures_util::StreamExt as _;
use hub_events::checkpoint::{self, Checkpoints, Sign, Signed};
use hub_events::log::{Heads, Log, ReadError};
use hub_events::{Actor, Context, Decider as _, Recorded};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::{self, Clock};
use crate::config;
use crate::transact::{TransactError, load, transact};
use crate::vault::Vault;

/// What the key is derived for.
const PURPOSE: &str = "checkpoints";

/// How often it is looked whether the time for a checkpoint has come.
const LOOK: Duration = Duration::from_secs(60);

/// How long to wait after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// How long the last checkpoint may take when the hub stops.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many events are read at once.
const PAGE: usize = 1_000;

/// The public half of a vault's key, as it stands in checkpoints.
pub fn public_key(vault: &Vault) -> String {
    shown(&SigningKey::from_bytes(&vault.derived_key(PURPOSE)))
}

fn shown(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}

/// Whether a checkpoint was signed with the key that it names.
pub fn is_genuine(signed: &Signed) -> bool {
    let key = <[u8; 32]>::try_from(hex::decode(&signed.public_key).unwrap_or_default());
    let signature = <[u8; 64]>::try_from(hex::decode(&signed.signature).unwrap_or_default());
    let (Ok(key), Ok(signature)) = (key, signature) else { return false };
    VerifyingKey::from_bytes(&key).is_ok_and(|key| {
        let signature = Signature::from_bytes(&signature);
        key.verify_strict(signed.message().as_bytes(), &signature).is_ok()
    })
}

/// The task that writes checkpoints.
#[derive(Debug)]
pub(crate) struct Writing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Why no checkpoint was written.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Transact(#[from] TransactError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("another hub signed meanwhile")]
    Outrun,
}

impl Writing {
    /// Begins.
    pub(crate) fn start(
        log: Arc<dyn Log>,
        clock: Clock,
        key: &[u8; 32],
        every: &config::Checkpoints,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let signer = Signer {
            log,
            since: clock.now(),
            clock,
            key: SigningKey::from_bytes(key),
            events_each: every.events.max(1),
            time_each: TimeDelta::hours(every.hours.max(1).into()),
            heads: Heads::default(),
            events: 0,
        };
        Self { stop, task: tokio::spawn(signer.run(stopped)) }
    }

    /// The purpose that its key is to be derived for.
    pub(crate) const PURPOSE: &'static str = PURPOSE;

    /// Vouches for what has happened up to now, and ends.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let abort = self.task.abort_handle();
        if tokio::time::timeout(PATIENCE, self.task).await.is_err() {
            abort.abort();
            tracing::warn!("the last checkpoint took too long; the next start goes on from there");
        }
    }
}

struct Signer {
    log: Arc<dyn Log>,
    clock: Clock,
    key: SigningKey,
    events_each: u64,
    time_each: TimeDelta,
    heads: Heads,
    /// How many events were taken in, beside checkpoints.
    events: u64,
    /// When the last one was signed.
    since: DateTime<Utc>,
}

impl Signer {
    async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        while let Err(error) = self.follow(&mut stop).await {
            tracing::warn!(%error, "checkpoints.delayed");
            if stop.is_terminated() || tokio::time::timeout(TRY_AGAIN, &mut stop).await.is_ok() {
                return;
            }
        }
    }

    /// Goes on from the last checkpoint until the hub stops or the log is closed.
    async fn follow(&mut self, stop: &mut oneshot::Receiver<()>) -> Result<(), Failed> {
        let (known, _) = load::<Checkpoints>(&self.log, &checkpoint::stream()).await?;
        (self.heads, self.events) = (Heads::after(known.up_to()), 0);
        let mut news = self.log.follow(known.up_to());
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                _ = &mut *stop => {
                    drop(news);
                    self.catch_up().await?;
                    return self.sign().await;
                }
                batch = news.next() => match batch {
                    Some(batch) => self.take(&batch?).await?,
                    None => return Ok(()),
                },
                _ = look.tick() => {
                    if self.clock.now() - self.since >= self.time_each {
                        self.sign().await?;
                    }
                }
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), Failed> {
        while self.heads.up_to() < self.log.head() {
            let page = self.log.read_all(self.heads.up_to(), PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.take(&page).await?;
        }
        Ok(())
    }

    async fn take(&mut self, batch: &[Recorded]) -> Result<(), Failed> {
        for event in batch {
            self.heads.note(event);
            if event.stream.kind() != Checkpoints::KIND {
                self.events += 1;
            }
            if self.events >= self.events_each {
                self.sign().await?;
            }
        }
        Ok(())
    }

    /// Vouches for what was taken in; for nothing, and for checkpoints alone, there is none.
    async fn sign(&mut self) -> Result<(), Failed> {
        self.since = self.clock.now();
        if self.events == 0 {
            return Ok(());
        }
        let mut signed = Signed::of(&self.heads, shown(&self.key));
        signed.signature = hex::encode(self.key.sign(signed.message().as_bytes()).to_bytes());
        let up_to = signed.up_to;
        let context = Context {
            at: self.since,
            account: None,
            actor: Actor::Hub,
            correlation: clock::uuid(),
            causation: None,
        };
        let done = transact::<Checkpoints>(&self.log, &checkpoint::stream(), Sign(signed), context)
            .await?;
        if done.1.is_empty() {
            return Err(Failed::Outrun);
        }
        (self.heads, self.events) = (Heads::after(up_to), 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
