//! Calling a tool: its time, its size, its panics, and what came of it as a command.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use hub_events::execution::{self, Command};
use hub_events::id::{AccountId, CallId};
use serde_json::Value;

use super::run::Run;
use super::{Accident, Outside};
use crate::feed::Progress;
use crate::tools::{Call, Failure, Outcome, Tool};

/// Calls the tool of a step whose intent is on record.
pub(super) async fn call(
    run: &Run,
    step: u32,
    attempt: u32,
    outside: &Outside,
) -> Result<Command, Accident> {
    let (Some(id), Some(arguments)) = (run.call, &run.arguments) else {
        return Err(Accident::Astray(hub_events::Effect::Call { step, attempt }));
    };
    let outcome = match outside.tools.find(run.account, &run.step.tool) {
        None => Outcome::Failed(unknown(&run.step.tool)),
        Some(tool) => {
            let arguments = outside.vault.open_sealed(run.account, arguments).await?;
            let call = Call {
                id,
                account: run.account,
                connection: run.connection,
                arguments,
                context: None,
                now: outside.clock.now(),
                timeout: Duration::from_secs(run.step.timeout_s.into()),
                progress: Some(Progress::of(&outside.feed, run.execution.stream(), id)),
            };
            carry_out(&**tool, call).await
        }
    };
    let outcome = sealed(run.account, outcome, outside).await?;
    Ok(Command::RecordOutcome { step, attempt, outcome })
}

/// A tool that does not exist.
pub(super) fn unknown(tool: &str) -> Failure {
    Failure::lasting("unknown_tool", format!("There is no tool named {tool}"))
}

/// Calls a tool and takes its result for what it says.
pub(super) async fn carry_out(tool: &dyn Tool, call: Call) -> Outcome {
    let (name, timeout, id): (&str, _, CallId) = (&tool.card().name, call.timeout, call.id);
    let made = AssertUnwindSafe(tool.call(call)).catch_unwind();
    match tokio::time::timeout(timeout, made).await {
        Ok(Ok(Outcome::Done(result))) => said(result),
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => {
            tracing::error!(tool = name, call = %id, "the tool panicked");
            Outcome::Failed(Failure::unanswered("tool_panicked", "The tool broke off"))
        }
        Err(_) => {
            let message = format!("No answer within {} s", timeout.as_secs());
            Outcome::Failed(Failure::unanswered("timeout", message))
        }
    }
}

/// A result that says `"success": false` is a failure (contract, section 8, row 14).
fn said(result: Value) -> Outcome {
    if result.get("success") != Some(&Value::Bool(false)) {
        return Outcome::Done(result);
    }
    let message = ["error", "message"]
        .iter()
        .find_map(|key| result.get(key)?.as_str())
        .unwrap_or("The tool reported a failure")
        .to_owned();
    let failure = Failure::passing("tool_failed", message);
    Outcome::Failed(Failure { result: Some(result), ..failure })
}

/// What came of a call, with its content sealed.
pub(super) async fn sealed(
    account: AccountId,
    outcome: Outcome,
    outside: &Outside,
) -> Result<execution::Outcome, Accident> {
    Ok(match outcome {
        Outcome::Done(result) => {
            execution::Outcome::Succeeded(outside.vault.seal(account, &result).await?)
        }
        Outcome::Deferred { until, result } => {
            let result = outside.vault.seal(account, &result).await?;
            execution::Outcome::Deferred { until, result }
        }
        Outcome::Failed(failure) => {
            execution::Outcome::Failed(sealed_failure(account, failure, outside).await?)
        }
    })
}

/// A failure, with its words sealed.
pub(super) async fn sealed_failure(
    account: AccountId,
    failure: Failure,
    outside: &Outside,
) -> Result<execution::Failure, Accident> {
    let Failure { code, message, result, retryable, unanswered, retry_after } = failure;
    Ok(execution::Failure {
        code: code.to_owned(),
        error: outside.vault.seal(account, &message).await?,
        result: match result {
            Some(result) => Some(outside.vault.seal(account, &result).await?),
            None => None,
        },
        retryable,
        unanswered,
        retry_after,
    })
}
