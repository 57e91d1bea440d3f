//! Turns of conversations: asking a model, making the calls that it asks for, keeping what
//! went before in short.
//!
//! Never here: what may happen next; the decider of conversations has the rules.

mod ask;
mod calls;
mod check;
mod offer;
mod summary;
mod window;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hub_events::Effect;
use hub_events::conversation::{Command, CompletionFailure, Conversation, ModelRef};
use hub_events::id::{AccountId, ConversationId, StreamId};

use serde_json::Value;

use super::{Accident, Effectful, Outside};
use crate::config::Secret;
use crate::connections::ConnectionError;
use crate::llm::providers::Choice;
use crate::llm::{Answer, CompletionError, Deltas, Request};

pub use offer::{Offers, Shelf};

/// The conversation in which an effect is carried out.
#[derive(Clone, Debug)]
struct Talk {
    conversation: ConversationId,
    account: AccountId,
}

impl Talk {
    fn of(state: &Conversation) -> Option<Self> {
        Some(Self { conversation: state.id()?, account: state.account()? })
    }

    fn stream(&self) -> StreamId {
        self.conversation.stream()
    }
}

impl Effectful for Conversation {
    fn account(&self) -> Option<AccountId> {
        Conversation::account(self)
    }

    fn perform(
        &self,
        effect: Effect,
        outside: Arc<Outside>,
    ) -> BoxFuture<'static, Result<Command, Accident>> {
        let astray = Accident::Astray(effect.clone());
        let (Some(talk), Some(turn)) = (Talk::of(self), self.turn().cloned()) else {
            return Box::pin(std::future::ready(Err(astray)));
        };
        match effect {
            Effect::Complete { round, attempt, .. } => {
                let window = self.window(turn.plan.limits.window);
                Box::pin(async move {
                    ask::ask(&talk, &turn, &window, (round, attempt), &outside).await
                })
            }
            Effect::Summarise { up_to, attempt, .. } => {
                let window = self.unsummarised();
                Box::pin(async move {
                    summary::summarise(&talk, &turn, &window, (up_to, attempt), &outside).await
                })
            }
            Effect::CallTool { call, attempt } => {
                let open = turn.call(call).cloned();
                Box::pin(async move {
                    calls::call(&talk, &open.ok_or(astray)?, attempt, &outside).await
                })
            }
            Effect::Expire { call } => {
                Box::pin(std::future::ready(Ok(Command::ExpireCall { call })))
            }
            Effect::Prepare { .. } | Effect::Call { .. } | Effect::Wake { .. } => {
                Box::pin(std::future::ready(Err(astray)))
            }
        }
    }
}

/// Has a model answer, by the account's own key where it has one.
async fn complete(
    account: AccountId,
    model: &ModelRef,
    request: &Request,
    deltas: Deltas<'_>,
    outside: &Outside,
) -> Result<Result<Answer, CompletionError>, Accident> {
    if model.model.is_empty() {
        // It was asked for by a text that named no model which could be had.
        let own = outside.connections.platforms(account).await?.into_iter().collect::<Vec<_>>();
        let missing = outside.models.resolve(Some(&model.provider), &own).await.err();
        let named = || CompletionError::unknown_model("The model was not there when it was asked");
        return Ok(Err(missing.unwrap_or_else(named)));
    }
    let Some(provider) = outside.models.get(&model.provider) else {
        let message = format!("There is no provider `{}` any more", model.provider);
        return Ok(Err(CompletionError::unknown_model(message)));
    };
    let key = own_key(account, &model.provider, outside).await?;
    let asked = provider.complete(key.as_ref(), request, deltas);
    Ok(tokio::time::timeout(request.timeout, asked)
        .await
        .unwrap_or_else(|_| Err(CompletionError::timeout())))
}

/// The account's own key for a provider: that of its connection to the platform of that name.
async fn own_key(
    account: AccountId,
    provider: &str,
    outside: &Outside,
) -> Result<Option<Secret>, Accident> {
    let connections = &outside.connections;
    match connections.choose(account, provider, None).await {
        Ok(connection) => {
            let opened = connections.open(account, connection).await?;
            let key = opened.config.get("api_key").and_then(Value::as_str);
            Ok(key.map(|key| Secret::from(key.to_owned())))
        }
        Err(ConnectionError::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What an answer cost, in micro-dollars, where that is known.
fn cost(model: &ModelRef, answer: &Answer, outside: &Outside) -> Option<u64> {
    let ModelRef { provider, model } = model.clone();
    outside.models.cost(&Choice { provider, model }, answer)
}

/// What was used up, as events have it.
fn usage(answer: &Answer) -> hub_events::conversation::Usage {
    let crate::llm::Usage { input_tokens, output_tokens, cached_tokens } = answer.usage;
    hub_events::conversation::Usage { input_tokens, output_tokens, cached_tokens }
}

/// Why no answer came, with its words sealed.
async fn failure(
    talk: &Talk,
    error: CompletionError,
    outside: &Outside,
) -> Result<CompletionFailure, Accident> {
    let after = error.retry_after.and_then(|wait| chrono::TimeDelta::from_std(wait).ok());
    Ok(CompletionFailure {
        code: error.code.to_owned(),
        error: outside.vault.seal(talk.account, &error.message).await?,
        retryable: error.retryable,
        retry_after: after.and_then(|wait| outside.clock.now().checked_add_signed(wait)),
    })
}
