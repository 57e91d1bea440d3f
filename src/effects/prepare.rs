//! Preparing a step: its condition, its arguments, its tool. A call that only reads is made
//! here and now; any other is put on record first.

use std::sync::Arc;
use std::time::Duration;

use hub_events::execution::{Command, StepStarted};
use hub_events::id::{AccountId, CallId, ConnectionId};
use hub_events::{Class, Effect};
use serde_json::Value;

use super::call::{carry_out, sealed, sealed_failure, unknown};
use super::run::Run;
use super::{Accident, Outside, PlanStep};
use crate::clock;
use crate::expressions::context::Context;
use crate::feed::Progress;
use crate::tools::{Call, Failure, Fault, Registered, Registry};

/// What preparing a step comes to.
enum Prepared {
    /// Its condition is false.
    Skip,
    /// It can be called.
    Ready(Arc<Registered>, Value),
    /// It cannot.
    Rejected(Failure),
}

/// Prepares one try of a step.
pub(super) async fn prepare(
    run: &Run,
    step: u32,
    attempt: u32,
    outside: &Outside,
) -> Result<Command, Accident> {
    let plan = outside.plans.find(run.account, run.pinned, outside).await?;
    let Some(planned) = plan.step(step) else {
        return Err(Accident::Astray(Effect::Prepare { step, attempt }));
    };
    let (input, results) = run.known(outside).await?;
    let context = plan.context(input, results);
    match evaluate(run.account, planned, &context, &outside.tools) {
        Prepared::Skip => Ok(Command::SkipStep { step, attempt }),
        Prepared::Rejected(failure) => {
            let failure = sealed_failure(run.account, failure, outside).await?;
            Ok(Command::RejectStep { step, attempt, failure })
        }
        Prepared::Ready(tool, arguments) => {
            let connection = match connection(run, &tool, &arguments).await {
                Ok(connection) => connection,
                Err(failure) => {
                    let failure = sealed_failure(run.account, failure, outside).await?;
                    return Ok(Command::RejectStep { step, attempt, failure });
                }
            };
            let started = StepStarted {
                step,
                attempt,
                call: run.call.unwrap_or_else(|| CallId(clock::uuid())),
                class: tool.class(&arguments),
                connection,
                arguments: outside.vault.seal(run.account, &arguments).await?,
            };
            if started.class != Class::Read {
                return Ok(Command::StartStep { started, outcome: None });
            }
            let call = Call {
                id: started.call,
                account: run.account,
                connection,
                arguments,
                context: Some(context),
                now: outside.clock.now(),
                timeout: Duration::from_secs(planned.planned.timeout_s.into()),
                progress: Some(Progress::of(&outside.feed, run.execution.stream(), started.call)),
            };
            let outcome = carry_out(&**tool, call).await;
            let outcome = Some(sealed(run.account, outcome, outside).await?);
            Ok(Command::StartStep { started, outcome })
        }
    }
}

/// The connection for this try: that of the call which is to be made again under its name, else
/// the tool's choice.
async fn connection(
    run: &Run,
    tool: &Registered,
    arguments: &Value,
) -> Result<Option<ConnectionId>, Failure> {
    match run.call.and(run.connection) {
        Some(connection) => Ok(Some(connection)),
        None => tool.connection(run.account, arguments).await,
    }
}

/// Decides by condition, arguments and schema whether a step can be called.
fn evaluate(account: AccountId, step: &PlanStep, context: &Context, tools: &Registry) -> Prepared {
    match step.condition.holds(context) {
        Ok(true) => {}
        Ok(false) => return Prepared::Skip,
        Err(error) => {
            return Prepared::Rejected(Failure::lasting("condition_unclear", error.to_string()));
        }
    }
    let name = &step.planned.tool;
    let Some(tool) = tools.find(account, name) else { return Prepared::Rejected(unknown(name)) };
    let arguments = match step.arguments.render_step(step.planned.number, context) {
        Ok(arguments) => tool.coerced(Value::Object(arguments)),
        Err(limit) => {
            return Prepared::Rejected(Failure::lasting("expression_limit", limit.to_string()));
        }
    };
    let faults = tool.faults(&arguments);
    if faults.is_empty() {
        return Prepared::Ready(tool, arguments);
    }
    let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();
    Prepared::Rejected(Failure::lasting("invalid_arguments", faults.join("; ")))
}
