//! Messages: listed, read, taken back, and the branches in which they stand.
//!
//! Never here: saying something; `send` does.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use hub_events::conversation::Command;
use hub_events::id::{ConversationId, MessageId};
use hub_projections::conversations::{self, MessageView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::conversations::{find, tell};
use super::view::MessageBody;
use crate::Hub;
use crate::http::caller::Caller;
use crate::http::envelope;
use crate::http::idempotency::Idempotency;
use crate::http::page::Page;
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};

/// The message of one of the caller's conversations.
pub(super) async fn message(
    hub: &Hub,
    caller: &Caller,
    conversation: ConversationId,
    message: MessageId,
) -> Result<MessageView, Problem> {
    let view = find(hub, caller, conversation).await?;
    let found = hub.views.read(|views| conversations::message(views, view.id, message))?;
    found.ok_or_else(|| Problem::not_found("Message not found"))
}

/// Opens messages for their owner.
async fn opened(
    hub: &Hub,
    caller: &Caller,
    said: &[MessageView],
) -> Result<Vec<MessageBody>, Problem> {
    let mut bodies = Vec::with_capacity(said.len());
    for message in said {
        bodies.push(MessageBody::open(hub, caller.account, message).await?);
    }
    Ok(bodies)
}

/// Which messages of a branch are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

/// Lists the messages of the branch that goes on, oldest first; of another branch those before
/// one of its messages.
#[utoipa::path(get, path = "/chat/conversations/{conversation_id}/messages", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path),
        ("limit" = Option<u32>, Query,
            description = "At most this many, the newest; all where none is given"),
        ("before" = Option<i64>, Query, description = "Only those before this message")),
    responses((status = 200, body = envelope::Success<Vec<MessageBody>>), (status = 404),
        (status = 422)))]
pub(super) async fn list_messages(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    page: Page,
    before: Result<Query<Before>, actix_web::Error>,
) -> Answer {
    let before = before.map_err(|_| {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        Problem::invalid(&["query", "before"], "int_parsing", message, None)
    })?;
    let before = before.before.map(MessageId);
    let view = find(&hub, &caller, id.0).await?;
    let said =
        hub.views.read(|views| conversations::messages(views, view.id, before, page.limit))?;
    Ok(HttpResponse::Ok().json(envelope::Success::of(opened(&hub, &caller, &said).await?)))
}

/// Reads a message, in whichever branch it stands.
#[utoipa::path(get, path = "/chat/conversations/{conversation_id}/messages/{message_id}",
    tag = "chat", security(("HTTPBearer" = [])),
    params(("conversation_id" = i64, Path), ("message_id" = i64, Path)),
    responses((status = 200, body = MessageBody), (status = 404)))]
pub(super) async fn get_message(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    place: Id<MessageId>,
) -> Answer {
    let view = message(&hub, &caller, id.0, place.0).await?;
    Ok(HttpResponse::Ok().json(MessageBody::open(&hub, caller.account, &view).await?))
}

/// The turn of a message is stopped.
#[derive(Debug, Serialize, ToSchema)]
pub struct CancelledTurn {
    /// Always true.
    pub success: bool,
    /// What was done, in words.
    pub message: &'static str,
    /// The conversation.
    pub conversation_id: i64,
    /// The message of a person whose turn it was.
    pub turn_id: i64,
}

/// Stops the turn of a message, or takes the message back where it waits for its turn. A turn
/// that is over stays as it is.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/messages/{message_id}/cancel",
    tag = "chat", security(("HTTPBearer" = [])),
    params(("conversation_id" = i64, Path), ("message_id" = i64, Path)),
    responses((status = 200, body = CancelledTurn), (status = 404)))]
pub(super) async fn cancel_turn(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    place: Id<MessageId>,
    once: Idempotency,
) -> Answer {
    let view = message(&hub, &caller, id.0, place.0).await?;
    if once.earlier(&hub).await?.is_none() {
        let command = Command::CancelTurn { turn: view.turn };
        tell(&hub, &caller, view.conversation, once.command(), command).await?;
    }
    Ok(HttpResponse::Ok().json(CancelledTurn {
        success: true,
        message: "Turn cancelled",
        conversation_id: view.conversation.0,
        turn_id: view.turn.0,
    }))
}

/// Lists the messages of persons that stand in each other's place, oldest first: this one and its
/// edits, each the beginning of a branch.
#[utoipa::path(get, path = "/chat/conversations/{conversation_id}/messages/{message_id}/siblings",
    tag = "chat", security(("HTTPBearer" = [])),
    params(("conversation_id" = i64, Path), ("message_id" = i64, Path)),
    responses((status = 200, body = envelope::Success<Vec<MessageBody>>), (status = 404)))]
pub(super) async fn list_siblings(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    place: Id<MessageId>,
) -> Answer {
    let turn = message(&hub, &caller, id.0, place.0).await?.turn;
    let siblings = hub.views.read(|views| {
        let siblings = conversations::siblings(views, id.0, turn)?.into_iter();
        let said = siblings.map(|sibling| conversations::message(views, id.0, sibling));
        said.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(HttpResponse::Ok().json(envelope::Success::of(opened(&hub, &caller, &siblings).await?)))
}

/// Goes on in the branch of a message; answers with the messages of that branch.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/messages/{message_id}/select",
    tag = "chat", security(("HTTPBearer" = [])),
    params(("conversation_id" = i64, Path), ("message_id" = i64, Path)),
    responses((status = 200, body = envelope::Success<Vec<MessageBody>>), (status = 404)))]
pub(super) async fn select_branch(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    place: Id<MessageId>,
    once: Idempotency,
) -> Answer {
    let turn = message(&hub, &caller, id.0, place.0).await?.turn;
    if once.earlier(&hub).await?.is_none() {
        let command = Command::SelectBranch { message: turn };
        tell(&hub, &caller, id.0, once.command(), command).await?;
    }
    let view = find(&hub, &caller, id.0).await?;
    let said = hub.views.read(|views| conversations::messages(views, view.id, None, None))?;
    Ok(HttpResponse::Ok().json(envelope::Success::of(opened(&hub, &caller, &said).await?)))
}
