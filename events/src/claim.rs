//! A claim to something that only one may have, such as an e-mail address
//! (`claim-email.<keyed hash>`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, events};
use crate::id::AccountId;
use crate::refusal::{Kind, Refusal};

events! {
    /// What can happen to a claim.
    "claim" {
        /// Somebody made it.
        Made(Made) = "made" v 1,
    }
}

/// A claim was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// By whom.
    pub account: AccountId,
}

/// Claim it for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MakeClaim {
    /// For whom.
    pub account: AccountId,
}

/// A claim.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Claim {
    holder: Option<AccountId>,
}

impl Claim {
    /// Who has it.
    pub fn holder(&self) -> Option<AccountId> {
        self.holder
    }
}

impl Decider for Claim {
    const KIND: &'static str = "claim";
    const STATE_VERSION: u32 = 1;
    type Command = MakeClaim;
    type Event = Event;

    fn decide(&self, claim: MakeClaim, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        match self.holder {
            None => Ok(vec![Event::Made(Made { account: claim.account })]),
            Some(holder) if holder == claim.account => Ok(Vec::new()),
            Some(_) => Err(Refusal::new(Kind::Conflict, "claim_taken", "It is taken")),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Made(Made { account }) => self.holder = Some(*account),
        }
    }
}

#[cfg(test)]
mod tests;
