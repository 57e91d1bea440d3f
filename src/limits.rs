//! What a plan allows of workflows and runs, held also under concurrent requests.
//!
//! The numbers are those of the contract, section 1.7. Requests per day are counted elsewhere
//! (`counters`), since they leave no other trace. Never here: who is asking.

pub mod platforms;
pub mod writes;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Utc};
use hub_events::account::Tier;
use hub_events::id::AccountId;
use hub_events::log::Log;
use hub_events::refusal::{Kind, Refusal};
use hub_projections::{Lagging, ViewError, Views, usage, workflows};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// What stands for "as many as you like".
const UNLIMITED: u64 = 999_999;

/// How many workflows may be active.
pub fn active_workflows(tier: Tier) -> u64 {
    match tier {
        Tier::Free => 3,
        Tier::Starter => 5,
        Tier::Business => 30,
        Tier::Pro | Tier::Enterprise => UNLIMITED,
    }
}

/// How many runs may begin in a calendar month (UTC).
pub fn runs_per_month(tier: Tier) -> u64 {
    match tier {
        Tier::Free => 500,
        Tier::Starter => 2_000,
        Tier::Business => 15_000,
        Tier::Pro => 50_000,
        Tier::Enterprise => UNLIMITED,
    }
}

/// Why a limit could not be looked up, or is reached.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// It is reached.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The read model failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// It is too far behind.
    #[error(transparent)]
    Lagging(#[from] Lagging),
}

/// Counts, and places to wait one's turn.
pub struct Limits {
    log: Arc<dyn Log>,
    views: Arc<Views>,
    turns: Mutex<HashMap<AccountId, Arc<AsyncMutex<()>>>>,
    runs: Mutex<HashMap<AccountId, MonthRuns>>,
}

/// The runs of one month.
#[derive(Clone, Debug)]
struct MonthRuns {
    month: String,
    count: u64,
}

/// A run that was counted. It stays counted only if it is told that it began.
#[derive(Debug)]
pub struct CountedRun<'a> {
    limits: &'a Limits,
    account: AccountId,
    began: bool,
}

impl CountedRun<'_> {
    /// The run is on record.
    pub fn began(mut self) {
        self.began = true;
    }
}

impl Drop for CountedRun<'_> {
    fn drop(&mut self) {
        if !self.began
            && let Some(runs) = self.limits.runs.lock().get_mut(&self.account)
        {
            runs.count = runs.count.saturating_sub(1);
        }
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limits(..)")
    }
}

impl Limits {
    /// Limits over what is on record.
    pub fn new(log: Arc<dyn Log>, views: Arc<Views>) -> Self {
        Self { log, views, turns: Mutex::default(), runs: Mutex::default() }
    }

    /// Room for one more active workflow. As long as the guard is held, nobody else of this
    /// account gets an answer.
    pub async fn room_for_workflow(
        &self,
        account: AccountId,
        tier: Tier,
    ) -> Result<Option<OwnedMutexGuard<()>>, LimitError> {
        let limit = active_workflows(tier);
        if limit == UNLIMITED {
            return Ok(None);
        }
        let turn = Arc::clone(self.turns.lock().entry(account).or_default());
        let guard = turn.lock_owned().await;
        self.views.wait_for(self.log.head()).await?;
        let active = self.views.read(|views| workflows::count_active(views, account))?;
        if active >= limit {
            return Err(LimitError::Refused(Refusal::new(
                Kind::Forbidden,
                "workflow_limit",
                format!(
                    "The {} plan is limited to {limit} active workflows. Please upgrade.",
                    tier.as_str()
                ),
            )));
        }
        Ok(Some(guard))
    }

    /// Room for one more run this month.
    pub async fn room_for_run(
        &self,
        account: AccountId,
        tier: Tier,
        now: DateTime<Utc>,
    ) -> Result<Option<CountedRun<'_>>, LimitError> {
        let limit = runs_per_month(tier);
        if limit == UNLIMITED {
            return Ok(None);
        }
        let month = format!("{:04}-{:02}", now.year(), now.month());
        if self.runs.lock().get(&account).is_none_or(|runs| runs.month != month) {
            let turn = Arc::clone(self.turns.lock().entry(account).or_default());
            let _first = turn.lock().await;
            self.views.wait_for(self.log.head()).await?;
            let count = self.views.read(|views| usage::runs(views, account, &month))?;
            let mut runs = self.runs.lock();
            let known = runs.get(&account).is_some_and(|runs| runs.month == month);
            if !known {
                runs.insert(account, MonthRuns { month, count });
            }
        }
        let mut runs = self.runs.lock();
        if let Some(runs) = runs.get_mut(&account) {
            if runs.count >= limit {
                return Err(LimitError::Refused(Refusal::new(
                    Kind::Limit,
                    "run_limit",
                    format!(
                        "Monthly automation run limit reached ({limit}). Please upgrade to continue."
                    ),
                )));
            }
            runs.count += 1;
        }
        Ok(Some(CountedRun { limits: self, account, began: false }))
    }
}
