//! Preparing a step: its condition, its arguments, its tool. A call that only reads is made
//! here and now; any other is put on record first.

use std::sync::Arc;
use std::time::Duration;

use hub_events::execution::{Command, StepStarted};
use hub_events::id::CallId;
use hub_events::{Class, Effect};
use serde_json::Value;

use super::call::{carry_out, sealed, sealed_failure, unknown};
use super::run::Run;
use super::{Accident, Outside, PlanStep};
use crate::clock;
use crate::expressions::context::Context;
use crate::tools::{Call, Failure, Fault, Registry, Tool};

/// What preparing a step comes to.
enum Prepared<'a> {
    /// Its condition is false.
    Skip,
    /// It can be called.
    Ready(&'a Arc<dyn Tool>, Value),
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
    match evaluate(planned, &context, &outside.tools) {
        Prepared::Skip => Ok(Command::SkipStep { step, attempt }),
        Prepared::Rejected(failure) => {
            let failure = sealed_failure(run.account, failure, outside).await?;
            Ok(Command::RejectStep { step, attempt, failure })
        }
        Prepared::Ready(tool, arguments) => {
            let started = StepStarted {
                step,
                attempt,
                call: run.call.unwrap_or_else(|| CallId(clock::uuid())),
                class: tool.class(&arguments),
                arguments: outside.vault.seal(run.account, &arguments).await?,
            };
            if started.class != Class::Read {
                return Ok(Command::StartStep { started, outcome: None });
            }
            let call = Call {
                id: started.call,
                account: run.account,
                arguments,
                context: Some(context),
                now: outside.clock.now(),
                timeout: Duration::from_secs(planned.planned.timeout_s.into()),
            };
            let outcome = carry_out(&**tool, call).await;
            let outcome = Some(sealed(run.account, outcome, outside).await?);
            Ok(Command::StartStep { started, outcome })
        }
    }
}

/// Decides by condition, arguments and schema whether a step can be called.
fn evaluate<'a>(step: &PlanStep, context: &Context, tools: &'a Registry) -> Prepared<'a> {
    match step.condition.holds(context) {
        Ok(true) => {}
        Ok(false) => return Prepared::Skip,
        Err(error) => {
            return Prepared::Rejected(Failure::lasting("condition_unclear", error.to_string()));
        }
    }
    let name = &step.planned.tool;
    let Some(tool) = tools.find(name) else { return Prepared::Rejected(unknown(name)) };
    let arguments = match step.arguments.render_step(step.planned.number, context) {
        Ok(arguments) => tools.coerced(name, Value::Object(arguments)),
        Err(limit) => {
            return Prepared::Rejected(Failure::lasting("expression_limit", limit.to_string()));
        }
    };
    let faults = tools.faults(name, &arguments);
    if faults.is_empty() {
        return Prepared::Ready(tool, arguments);
    }
    let said = |Fault { pointer, message }: &Fault| match &**pointer {
        "" => message.clone(),
        _ => format!("{pointer}: {message}"),
    };
    let faults: Vec<_> = faults.iter().map(said).collect();
    Prepared::Rejected(Failure::lasting("invalid_arguments", faults.join("; ")))
}
