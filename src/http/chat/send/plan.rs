//! How a message shall be answered: by which models, within which limits, with whose approval.
//!
//! Never here: what follows from it; the decider of conversations has the rules.

use hub_events::conversation::{Approval, Limits, ModelRef, Plan};
use hub_events::id::MessageId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SendMessage;
use crate::Hub;
use crate::config::Chat;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::llm::Choice;

/// Limits of one turn. They can be closer than those of the settings, never wider.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct LimitsBody {
    /// How many answers may lead to calls.
    pub rounds: Option<u32>,
    /// Tokens, read and written.
    pub tokens: Option<u64>,
    /// Money, in millionths of a US dollar, where prices are known.
    pub cost_micros: Option<u64>,
    /// Calls of tools.
    pub calls: Option<u32>,
    /// Time, in seconds.
    pub time_s: Option<u32>,
    /// How much of the conversation a model is shown, in tokens, estimated.
    pub window: Option<u32>,
}

/// Which calls of one turn a person must approve.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct ApprovalBody {
    /// Those that can never be repeated, such as sending a message.
    pub at_most_once: Option<bool>,
    /// Those that delete or overwrite what cannot be had back.
    pub destructive: Option<bool>,
    /// How long a person has for it, in seconds.
    pub time_s: Option<u32>,
}

/// How a message is answered.
pub(super) async fn of(hub: &Hub, caller: &Caller, said: &SendMessage) -> Result<Plan, Problem> {
    let set = &hub.config.chat;
    let asked = said.provider.as_deref().map(str::trim).filter(|text| !text.is_empty());
    Ok(Plan {
        reply: MessageId(hub.counters.next_id(MessageId::KIND).await?),
        provider: asked.map(str::to_owned),
        models: models(hub, caller, asked).await?,
        limits: limits(set, said.limits.unwrap_or_default()),
        approval: approval(set, said.approval.unwrap_or_default()),
    })
}

/// The models to ask. What was asked for and cannot be had stays as it is: the turn fails then
/// and says why.
async fn models(hub: &Hub, caller: &Caller, asked: Option<&str>) -> Result<Vec<ModelRef>, Problem> {
    let own: Vec<String> = hub.connections.platforms(caller.account).await?.into_iter().collect();
    let choice = match hub.providers.resolve(asked, &own).await {
        Ok(choice) => choice,
        Err(_) => {
            let provider = asked.unwrap_or_default().to_owned();
            return Ok(vec![ModelRef { provider, model: String::new() }]);
        }
    };
    let others = match asked {
        None if hub.config.chat.fallback => hub.providers.fallbacks(&choice, &own).await,
        _ => Vec::new(),
    };
    Ok(std::iter::once(choice).chain(others).map(model).collect())
}

fn model(Choice { provider, model }: Choice) -> ModelRef {
    ModelRef { provider, model }
}

fn limits(set: &Chat, asked: LimitsBody) -> Limits {
    let least = |asked: Option<u32>, set: u32| asked.map_or(set, |asked| asked.min(set));
    let cost = asked.cost_micros.into_iter().chain(set.cost_micros).min();
    Limits {
        rounds: least(asked.rounds, set.rounds),
        tokens: asked.tokens.map_or(set.tokens, |asked| asked.min(set.tokens)),
        cost_micros: cost,
        calls: least(asked.calls, set.calls),
        time_s: least(asked.time_s, set.time_s),
        window: least(asked.window, set.window),
    }
}

fn approval(set: &Chat, asked: ApprovalBody) -> Approval {
    Approval {
        at_most_once: asked.at_most_once.unwrap_or(set.approve_at_most_once),
        destructive: asked.destructive.unwrap_or(set.approve_destructive),
        time_s: asked.time_s.unwrap_or(set.approval_s),
    }
}
