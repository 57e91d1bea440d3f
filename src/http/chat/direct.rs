//! Asking once, in a conversation that is deleted afterwards (contract, section 5.10).
//!
//! Never here: anything that stays.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use hub_events::conversation::Command;
use hub_events::id::ConversationId;
use hub_projections::conversations::MessageStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::conversations::{find, open, tell};
use super::rest::{self, Turn};
use super::send::{self, SendMessage};
use super::view::{CalledTool, MessageBody};
use crate::Hub;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::idempotency::Idempotency;
use crate::http::problem::{Answer, Problem};

/// Who answers where nobody is named.
const PROVIDER: &str = "ollama";

/// What was answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct DirectResponse {
    /// Whether a model answered.
    pub success: bool,
    /// The words.
    pub response: String,
    /// The calls that were made.
    pub tools_called: Vec<CalledTool>,
    /// The conversation, which is deleted.
    pub conversation_id: i64,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Asks a model once; nothing of it stays. Calls that need a person's approval are not made.
#[utoipa::path(post, path = "/chat/test/direct-response", tag = "chat",
    security(("HTTPBearer" = [])), request_body = SendMessage,
    responses((status = 200, body = DirectResponse), (status = 422)))]
pub(super) async fn test_direct_response(
    hub: Data<Hub>,
    caller: Caller,
    body: Body<SendMessage>,
) -> Answer {
    let mut said = body.0;
    said.provider.get_or_insert_with(|| PROVIDER.to_owned());
    // Also where the client goes away meanwhile, the conversation is deleted.
    let asked = actix_rt::spawn(async move {
        let conversation = open(&hub, &caller, None, None).await?;
        let answer = ask(&hub, &caller, conversation, said).await;
        tell(&hub, &caller, conversation, None, Command::Delete).await?;
        Ok::<_, Problem>((conversation, answer?))
    });
    let (conversation, message) = asked.await.map_err(Problem::accident)??;
    let success = message.status == MessageStatus::Completed;
    let late = || "The answer did not come in time, or waits for a person's approval".to_owned();
    let error = message.error_message.or_else(|| (!success).then(late));
    Ok(HttpResponse::Ok().json(DirectResponse {
        success,
        response: message.content,
        tools_called: message.tools_called.unwrap_or_default(),
        conversation_id: conversation.0,
        error,
    }))
}

async fn ask(
    hub: &Hub,
    caller: &Caller,
    conversation: ConversationId,
    said: SendMessage,
) -> Result<MessageBody, Problem> {
    let view = find(hub, caller, conversation).await?;
    let posted = send::post(hub, caller, &view, &Idempotency::default(), said).await?;
    let wait = Duration::from_secs(hub.config.chat.wait_s.into());
    let mut turn = Turn::of(posted.message);
    rest::until(hub, conversation, posted.before, wait, |event| turn.take(event)).await?;
    send::answer(hub, caller, conversation, posted).await
}
