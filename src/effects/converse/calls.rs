//! Making a call that a model asked for and whose intent is on record.
//!
//! Never here: whether it is made again.

use std::time::Duration;

use hub_events::conversation::{Answered, Command, Event, OpenCall, Outcome, RequestedCall};
use hub_events::fact::decode_as;
use hub_events::{Effect, Version};
use serde_json::Value;

use super::Talk;
use crate::chat::tokens;
use crate::effects::call::{carry_out, sealed_failure, unknown};
use crate::effects::{Accident, Outside};
use crate::feed::Progress;
use crate::tools::{self, Call, Failure};

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How much of a result a model is shown, in tokens, estimated. It is kept whole.
const SHOWN: u32 = 4_000;

/// Makes the call.
pub(super) async fn call(
    talk: &Talk,
    open: &OpenCall,
    attempt: u32,
    outside: &Outside,
) -> Result<Command, Accident> {
    let requested = requested(talk, open, outside)
        .await?
        .ok_or(Accident::Astray(Effect::CallTool { call: open.call, attempt }))?;
    let outcome = match outside.tools.find(talk.account, &requested.tool) {
        None => tools::Outcome::Failed(unknown(&requested.tool)),
        Some(tool) => {
            let call = Call {
                id: open.call,
                account: talk.account,
                connection: requested.verdict.connection(),
                arguments: outside.vault.open_sealed(talk.account, &requested.arguments).await?,
                context: None,
                now: outside.clock.now(),
                timeout: TIMEOUT,
                progress: Some(Progress::of(&outside.feed, talk.stream(), open.call)),
            };
            carry_out(&**tool, call).await
        }
    };
    let outcome = match outcome {
        tools::Outcome::Done(result) => succeeded(talk, &result, outside).await?,
        tools::Outcome::Failed(failure) => {
            Outcome::Failed(sealed_failure(talk.account, failure, outside).await?)
        }
        tools::Outcome::Deferred { .. } => {
            let failure =
                Failure::lasting("cannot_wait", "A conversation does not sleep; a workflow can");
            Outcome::Failed(sealed_failure(talk.account, failure, outside).await?)
        }
    };
    Ok(Command::RecordOutcome { call: open.call, attempt, outcome })
}

/// What was asked for, from the answer that asked for it.
async fn requested(
    talk: &Talk,
    open: &OpenCall,
    outside: &Outside,
) -> Result<Option<RequestedCall>, Accident> {
    let before = Version(open.asked.0.saturating_sub(1));
    let read = outside.log.read_stream(&talk.stream(), before, 1).await?;
    let Some(recorded) = read.first() else { return Ok(None) };
    Ok(match decode_as::<Event>(recorded)? {
        Event::Answered(Answered { calls, .. }) => {
            calls.into_iter().find(|requested| requested.call == open.call)
        }
        _ => None,
    })
}

/// The outcome of a call that is done; what is too long for a model is cut for it.
async fn succeeded(talk: &Talk, result: &Value, outside: &Outside) -> Result<Outcome, Accident> {
    let text = result.to_string();
    let cut = tokens::cut(&text, SHOWN);
    let tokens = tokens::estimate(cut.as_deref().unwrap_or(&text));
    Ok(Outcome::Succeeded {
        result: outside.vault.seal(talk.account, result).await?,
        shown: match cut {
            Some(cut) => Some(outside.vault.seal(talk.account, &cut).await?),
            None => None,
        },
        tokens,
    })
}
