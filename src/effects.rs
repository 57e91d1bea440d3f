//! Effects: from what a state waits for to the command that it comes back with.
//!
//! One match names them all. Carrying out an effect never changes anything in the hub: what
//! came of it is a command, which the thing's own rules decide. Never here: HTTP, actors.

mod call;
mod converse;
mod direct;
mod plan;
mod prepare;
mod run;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hub_events::execution::{Command, Execution};
use hub_events::fact::DecodeError;
use hub_events::id::{AccountId, WorkflowId};
use hub_events::log::{Log, ReadError};
use hub_events::{Decider, Effect};

use crate::clock::Clock;
use crate::connections::{ConnectionError, Connections};
use crate::counters::Counters;
use crate::feed::Feed;
use crate::llm::Providers;
use crate::tools::Registry;
use crate::transact::TransactError;
use crate::vault::{Vault, VaultError};

use run::Run;

pub use converse::{Offers, Shelf};
pub use direct::make;
pub use plan::{Plan, PlanStep, Plans};

/// Everything that effects need of the world.
#[derive(Clone)]
pub struct Outside {
    /// Time.
    pub clock: Clock,
    /// The log, to read what a run is pinned to.
    pub log: Arc<dyn Log>,
    /// Opens and seals content.
    pub vault: Arc<Vault>,
    /// Who listens to work in the making.
    pub feed: Arc<Feed>,
    /// What can be called.
    pub tools: Arc<Registry>,
    /// Workflow versions, ready to run.
    pub plans: Plans,
    /// Fresh ids.
    pub counters: Arc<Counters>,
    /// The models that can be asked.
    pub models: Arc<Providers>,
    /// Accounts' access to platforms.
    pub connections: Arc<Connections>,
    /// The tools of each account, ready to be searched.
    pub offers: Offers,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outside(..)")
    }
}

/// Why an effect could not be carried out at all; it stays pending and is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Accident {
    /// Content could not be opened or sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A fresh id could not be had.
    #[error(transparent)]
    Id(#[from] TransactError),
    /// Connections could not be read.
    #[error(transparent)]
    Connections(#[from] ConnectionError),
    /// A stored event is not understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The workflow has no such version, or that version no such step.
    #[error("version {1} of workflow {0} is not in the log as it was")]
    NoPlan(WorkflowId, u32),
    /// It broke off.
    #[error("the effect panicked")]
    Panicked,
    /// The state does not have what the effect needs.
    #[error("the state has nothing to carry out {0:?} with")]
    Astray(Effect),
}

/// A kind of thing that waits for effects.
pub trait Effectful: Decider<Command: Clone + Unpin> + Unpin {
    /// Whose it is, once it has begun.
    fn account(&self) -> Option<AccountId>;

    /// Carries out one pending effect. Dropping the future cancels it.
    fn perform(
        &self,
        effect: Effect,
        outside: Arc<Outside>,
    ) -> BoxFuture<'static, Result<Self::Command, Accident>>;
}

impl Effectful for Execution {
    fn account(&self) -> Option<AccountId> {
        self.begun().map(|begun| begun.account)
    }

    fn perform(
        &self,
        effect: Effect,
        outside: Arc<Outside>,
    ) -> BoxFuture<'static, Result<Command, Accident>> {
        let run = Run::of(self).ok_or_else(|| Accident::Astray(effect.clone()));
        Box::pin(async move {
            let run = run?;
            match effect {
                Effect::Prepare { step, attempt } => {
                    prepare::prepare(&run, step, attempt, &outside).await
                }
                Effect::Call { step, attempt } => call::call(&run, step, attempt, &outside).await,
                Effect::Wake { step } => Ok(Command::WakeStep { step }),
                Effect::Complete { .. }
                | Effect::Summarise { .. }
                | Effect::CallTool { .. }
                | Effect::Expire { .. } => Err(Accident::Astray(effect)),
            }
        })
    }
}
