//! Direct calls of tools, for HTTP and the Model Context Protocol alike: looked at first, then
//! put on record and made.
//!
//! A call that only reads is made here and comes on record with its outcome; any other is on
//! record before the world can notice, and made by its actor. Never here: the form of answers.

use std::sync::Arc;
use std::time::Duration;

use hub_events::account::Tier;
use hub_events::call::{Command, Requested, Via};
use hub_events::id::{AccountId, CallId};
use hub_events::log::{self, AppendError};
use hub_events::{Class, Context};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::actors::{AskError, Tell};
use crate::effects::{self, Accident};
use crate::limits::platforms::allowed;
use crate::limits::writes::{Lacking, lacking};
use crate::tools::{Card, Failure, Fault, Registered};
use crate::vault::VaultError;
use crate::{Hub, clock};

/// How long one call may take, in seconds.
const TIMEOUT_S: u32 = 120;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// On whose behalf.
    pub account: AccountId,
    /// The account's plan.
    pub tier: Tier,
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Through which door it is asked for.
    pub via: Via,
}

/// Why a call is not made. Nothing happened and nothing is on record.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// There is no such tool for this account.
    #[error("Unknown tool: {0}")]
    Unknown(String),
    /// The arguments are not what the tool's schema asks for.
    #[error("The arguments do not fit the tool's schema")]
    Faults(Vec<Fault>),
    /// The account's plan does not have it.
    #[error("{}", .0.message)]
    Plan(Restriction),
    /// There is no connection that it could go through.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The arguments could not be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What a plan does not have.
#[derive(Clone, Debug)]
pub struct Restriction {
    /// In words.
    pub message: String,
    /// The feature that is lacking, where it is not the platform as a whole.
    pub feature: Option<&'static str>,
    /// The plan.
    pub tier: Tier,
}

/// Whether a plan has a tool's platform.
pub fn has_platform(hub: &Hub, tier: Tier, platform: &str) -> bool {
    let named = hub.catalogue.get(platform).map(|platform| platform.manifest().tier);
    allowed(tier, platform, named).is_ok()
}

/// What a plan lacks for a call of a tool (contract, section 1.7).
fn restricted(hub: &Hub, tier: Tier, card: &Card, arguments: &Value) -> Option<Restriction> {
    let platform = card.platform.as_deref()?;
    if !has_platform(hub, tier, platform) {
        let message = format!(
            "Plan restriction: Your {} plan does not have access to the '{platform}' integration. \
             Please upgrade.",
            tier.as_str()
        );
        return Some(Restriction { message, feature: None, tier });
    }
    let Lacking { feature, allows } = lacking(tier, platform, &card.name, arguments)?;
    let message = format!("Upgrade to Starter to {allows}");
    Some(Restriction { message, feature: Some(feature), tier })
}

/// Why nothing came of a call, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It could not be put on record, or asked about.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It could not be made.
    #[error(transparent)]
    Accident(#[from] Accident),
}

/// A call that can be made.
#[derive(Debug)]
pub struct Ready {
    requested: Requested,
    tool: Arc<Registered>,
    arguments: Value,
}

/// Looks at a call before it is made: tool, arguments, connection.
pub async fn look(hub: &Hub, wanted: Wanted) -> Result<Ready, NotMade> {
    let Wanted { account, tier, tool: name, arguments, via } = wanted;
    let Some(tool) = hub.tools.find(account, &name) else { return Err(NotMade::Unknown(name)) };
    let arguments = Value::Object(arguments);
    if let Some(restriction) = restricted(hub, tier, tool.card(), &arguments) {
        return Err(NotMade::Plan(restriction));
    }
    let faults = tool.faults(&arguments);
    if !faults.is_empty() {
        return Err(NotMade::Faults(faults));
    }
    let connection = tool.connection(account, &arguments).await.map_err(NotMade::Failed)?;
    let requested = Requested {
        call: CallId(clock::uuid()),
        account,
        tool: name,
        class: tool.class(&arguments),
        connection,
        timeout_s: TIMEOUT_S,
        arguments: hub.vault.seal(account, &arguments).await?,
        via,
    };
    Ok(Ready { requested, tool, arguments })
}

impl Ready {
    /// The call's name.
    pub fn id(&self) -> CallId {
        self.requested.call
    }

    /// Makes the call, and waits a while for it to come to an end; what does not, goes on.
    /// Answers with the call that was made: an earlier one, where the same was asked for once
    /// already.
    pub async fn make(
        self,
        hub: &Hub,
        context: Context,
        once: Option<log::Command>,
        wait: Duration,
    ) -> Result<CallId, CallError> {
        let Self { requested, tool, arguments } = self;
        let call = requested.call;
        let until = Instant::now() + wait;
        let mut outcome = None;
        if requested.class == Class::Read {
            let reading = async {
                let _permit = hub.actors.calls.permit().await;
                effects::make(&requested, &tool, arguments, &hub.outside).await
            };
            // One that takes longer is made once more, by its actor: it changes nothing.
            outcome = tokio::time::timeout_at(until, reading).await.ok().transpose()?;
        }
        let command = Command::Request { requested, outcome };
        let tell = Tell { command, context, once, fresh: true };
        let call = match hub.actors.calls.ask(&call.stream(), tell).await {
            Ok(_) => call,
            // Another request with the same key was quicker.
            Err(AskError::Append(AppendError::Duplicate(before))) => {
                CallId::of(&before.stream).unwrap_or(call)
            }
            Err(error) => return Err(error.into()),
        };
        settle(hub, call, until).await?;
        Ok(call)
    }
}

/// Waits until a call is over, or waits for a person, or the time is up.
pub async fn settle(hub: &Hub, call: CallId, until: Instant) -> Result<(), AskError> {
    match tokio::time::timeout_at(until, hub.actors.calls.settled(&call.stream())).await {
        Ok(settled) => settled.map(drop),
        Err(_) => Ok(()),
    }
}
