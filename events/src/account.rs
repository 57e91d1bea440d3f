//! An account: who signs in, what its plan is, which API keys it has.
//!
//! ```text
//! Register ──> open ──ChangeTier, IssueKey, RevokeKey──> open
//! ```
//!
//! Never here: passwords, keys or tokens. The vault keeps what proves them; an event holds an
//! API key's SHA-256 and its first characters.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, events};
use crate::id::AccountId;
use crate::refusal::{Kind, Refusal};
use crate::sealed::Sealed;

events! {
    /// What can happen to an account.
    "account" {
        /// It was opened.
        Registered(Registered) = "registered" v 1,
        /// Its plan changed.
        TierChanged(TierChanged) = "tier_changed" v 1,
        /// It got an API key.
        KeyIssued(KeyIssued) = "key_issued" v 1,
        /// An API key no longer counts.
        KeyRevoked(KeyRevoked) = "key_revoked" v 1,
    }
}

/// The plan of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// No charge.
    Free,
    /// The smallest paid plan.
    Starter,
    /// For small companies.
    Business,
    /// For companies.
    Pro,
    /// By agreement.
    Enterprise,
}

impl Tier {
    /// Every plan, smallest first.
    pub const ALL: [Self; 5] =
        [Self::Free, Self::Starter, Self::Business, Self::Pro, Self::Enterprise];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Business => "business",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }
}

impl std::str::FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, UnknownTier> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or_else(|| UnknownTier(text.to_owned()))
    }
}

/// A plan that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no tier; expected free, starter, business, pro or enterprise")]
pub struct UnknownTier(String);

/// What an account may do beyond its own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs this hub.
    Owner,
    /// Uses it.
    Member,
}

/// What an API key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything that the account may do.
    Full,
    /// Only looking.
    Read,
}

/// An account was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The account.
    pub account: AccountId,
    /// Its address, as written.
    pub email: Sealed<String>,
    /// A keyed hash of the address in lower case, by which it is found.
    pub email_index: String,
    /// What its holder is called.
    pub name: Sealed<String>,
    /// Its plan.
    pub tier: Tier,
    /// What it may do beyond its own things.
    pub role: Role,
}

/// The plan changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierChanged {
    /// The new plan.
    pub tier: Tier,
}

/// The account got an API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyIssued {
    /// SHA-256 of the key, in hex.
    pub hash: String,
    /// Its first characters, by which a person knows it.
    pub prefix: String,
    /// What it opens.
    pub scope: Scope,
    /// Until when it counts.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key no longer counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// SHA-256 of the key, in hex.
    pub hash: String,
}

/// What can be asked of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open it.
    Register(Registered),
    /// Change its plan.
    ChangeTier(Tier),
    /// Give it an API key.
    IssueKey {
        /// The key's traits.
        key: KeyIssued,
        /// Whether all its other keys end.
        replacing: bool,
    },
    /// End a key.
    RevokeKey {
        /// SHA-256 of the key, in hex.
        hash: String,
    },
}

/// An account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    tier: Option<Tier>,
    keys: Vec<String>,
}

impl Account {
    /// Its plan; none where it was never opened.
    pub fn tier(&self) -> Option<Tier> {
        self.tier
    }
}

impl Decider for Account {
    const KIND: &'static str = AccountId::KIND;
    const STATE_VERSION: u32 = 1;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Some(tier) = self.tier else {
            return match command {
                Command::Register(registered) => Ok(vec![Event::Registered(registered)]),
                _ => Err(Refusal::new(Kind::Missing, "account_missing", "Account not found")),
            };
        };
        match command {
            Command::Register(_) => Ok(Vec::new()),
            Command::ChangeTier(to) if to == tier => Ok(Vec::new()),
            Command::ChangeTier(tier) => Ok(vec![Event::TierChanged(TierChanged { tier })]),
            Command::IssueKey { key, .. } if self.keys.contains(&key.hash) => Ok(Vec::new()),
            Command::IssueKey { key, replacing } => {
                let ended = self.keys.iter().filter(|_| replacing).cloned();
                let mut events: Vec<_> =
                    ended.map(|hash| Event::KeyRevoked(KeyRevoked { hash })).collect();
                events.push(Event::KeyIssued(key));
                Ok(events)
            }
            Command::RevokeKey { hash } if self.keys.contains(&hash) => {
                Ok(vec![Event::KeyRevoked(KeyRevoked { hash })])
            }
            Command::RevokeKey { .. } => {
                Err(Refusal::new(Kind::Missing, "key_missing", "API key not found"))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Registered(Registered { tier, .. })
            | Event::TierChanged(TierChanged { tier }) => self.tier = Some(*tier),
            Event::KeyIssued(KeyIssued { hash, .. }) => self.keys.push(hash.clone()),
            Event::KeyRevoked(KeyRevoked { hash }) => self.keys.retain(|kept| kept != hash),
        }
    }
}

#[cfg(test)]
mod tests;
