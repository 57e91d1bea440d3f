//! Carrying out a call that somebody asked for directly.
//!
//! Never here: whether its arguments are right; that was looked at before it was asked for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hub_events::Effect;
use hub_events::call::{Call, Command, Requested};
use hub_events::execution;
use hub_events::id::AccountId;
use serde_json::Value;

use super::call::{carry_out, sealed, unknown};
use super::{Accident, Effectful, Outside};
use crate::feed::Progress;
use crate::tools::{self, Outcome, Registered};

/// Makes a call with these arguments, which are those of `requested` in the clear.
pub async fn make(
    requested: &Requested,
    tool: &Registered,
    arguments: Value,
    outside: &Outside,
) -> Result<execution::Outcome, Accident> {
    let Requested { call, account, connection, timeout_s, .. } = requested;
    let call = tools::Call {
        id: *call,
        account: *account,
        connection: *connection,
        arguments,
        context: None,
        now: outside.clock.now(),
        timeout: Duration::from_secs((*timeout_s).into()),
        progress: Some(Progress::of(&outside.feed, call.stream(), *call)),
    };
    sealed(*account, carry_out(&**tool, call).await, outside).await
}

/// Makes a call whose intent is on record.
async fn call(requested: Requested, outside: &Outside) -> Result<Command, Accident> {
    let Requested { account, tool, arguments, .. } = &requested;
    let outcome = match outside.tools.find(*account, tool) {
        None => sealed(*account, Outcome::Failed(unknown(tool)), outside).await?,
        Some(tool) => {
            let arguments = outside.vault.open_sealed(*account, arguments).await?;
            make(&requested, &tool, arguments, outside).await?
        }
    };
    Ok(Command::RecordOutcome { outcome })
}

impl Effectful for Call {
    fn account(&self) -> Option<AccountId> {
        self.requested().map(|requested| requested.account)
    }

    fn perform(
        &self,
        effect: Effect,
        outside: Arc<Outside>,
    ) -> BoxFuture<'static, Result<Command, Accident>> {
        let requested = self.requested().cloned();
        Box::pin(async move {
            match (effect, requested) {
                (Effect::CallTool { .. }, Some(requested)) => call(requested, &outside).await,
                (Effect::Wake { .. }, _) => Ok(Command::Wake),
                (other, _) => Err(Accident::Astray(other)),
            }
        })
    }
}
