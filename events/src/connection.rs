//! A connection: an account's access to a platform or a server.
//!
//! ```text
//! Create ──> active ──RecordError──> error ────┐
//!              │ ▲ └──Expire──> expired ──┐    │
//!              │ └──RecordRefresh─────────┘    │
//!              └──Change, RecordTest──> any <──┘   Delete, at any time ──> deleted
//! ```
//!
//! Never here: a secret. The server's vault keeps those; events say only that there is another.

mod command;
mod event;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decider::Decider;
use crate::id::{AccountId, ConnectionId};
use crate::refusal::{Kind, Refusal};

pub use command::Command;
pub use event::{
    Changed, Created, Deleted, Event, Expired, Refreshed, SecretRotated, StatusChanged, Tested,
};

/// Whether a connection can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It can.
    Active,
    /// Its holder does not want it used.
    Inactive,
    /// The platform did not accept it.
    Error,
    /// Its holder has not signed in yet.
    Pending,
    /// Its holder has to sign in again.
    Expired,
}

/// A connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Connection {
    account: Option<AccountId>,
    status: Option<Status>,
}

impl Connection {
    /// Whose it is; none where it was never made.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Whether it can be used; none once it is deleted.
    pub fn status(&self) -> Option<Status> {
        self.status
    }
}

impl Decider for Connection {
    const KIND: &'static str = ConnectionId::KIND;
    const STATE_VERSION: u32 = 1;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Some(status) = self.status else {
            return match command {
                Command::Create(created) if self.account.is_none() => {
                    Ok(vec![Event::Created(created)])
                }
                // What is gone does not come back because a request was sent twice.
                Command::Create(_) => Ok(Vec::new()),
                _ => Err(missing()),
            };
        };
        Ok(match command {
            Command::Create(_) => Vec::new(),
            Command::Change { changed, rotated } => {
                let rotated = rotated.then_some(Event::SecretRotated(SecretRotated {}));
                std::iter::once(Event::Changed(changed)).chain(rotated).collect()
            }
            Command::RecordTest(tested) => vec![Event::Tested(tested)],
            // Of many calls that fail at once the first one says enough.
            Command::RecordError { reason } if status == Status::Active => {
                let (status, reason) = (Status::Error, Some(reason));
                vec![Event::StatusChanged(StatusChanged { status, reason })]
            }
            Command::RecordError { .. } => Vec::new(),
            Command::RecordRefresh(refreshed) => vec![Event::Refreshed(refreshed)],
            Command::Expire(_) if matches!(status, Status::Expired | Status::Inactive) => {
                Vec::new()
            }
            Command::Expire(expired) => vec![Event::Expired(expired)],
            Command::Delete => vec![Event::Deleted(Deleted {})],
        })
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created(created) => {
                self.account = Some(created.account);
                self.status = Some(created.status);
            }
            Event::Changed(Changed { status, .. })
            | Event::StatusChanged(StatusChanged { status, .. }) => self.status = Some(*status),
            Event::Tested(Tested { ok: true, .. }) => self.status = Some(Status::Active),
            Event::Tested(Tested { ok: false, .. }) => self.status = Some(Status::Error),
            Event::Refreshed(_) if self.status == Some(Status::Expired) => {
                self.status = Some(Status::Active);
            }
            Event::Refreshed(_) | Event::SecretRotated(_) => {}
            Event::Expired(_) => self.status = Some(Status::Expired),
            Event::Deleted(_) => self.status = None,
        }
    }
}

fn missing() -> Refusal {
    Refusal::new(Kind::Missing, "connection_missing", "Connection not found")
}

#[cfg(test)]
mod tests;
