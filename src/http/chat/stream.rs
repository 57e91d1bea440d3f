//! Conversations as streams of server-sent events (contract, section 9).
//!
//! Never here: following a stream; `http/follow.rs` does.

mod tell;

use actix_web::HttpRequest;
use actix_web::web::Data;
use hub_events::Version;
use hub_events::id::ConversationId;

use super::conversations::find;
use super::send::{self, SendMessage};
use crate::Hub;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::follow::{follow, follow_heard, last_seen};
use crate::http::idempotency::Idempotency;
use crate::http::path::Id;
use crate::http::problem::Answer;

use tell::Talk;

/// Says something, and shows its turn as it goes.
///
/// The same request with the same `Idempotency-Key` posts nothing again: with `Last-Event-ID` it
/// goes on where the stream broke off.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/messages/stream",
    tag = "chat", security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    request_body = SendMessage,
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 404), (status = 409), (status = 422)))]
pub(super) async fn send_message_stream(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    request: HttpRequest,
    once: Idempotency,
    body: Body<SendMessage>,
) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    let signals = hub.feed.listen(&view.id.stream());
    let posted = send::post(&hub, &caller, &view, &once, body.0).await?;
    let teller = Talk::of(caller.account, view.id, Some(posted.message));
    let place = (posted.before, last_seen(&request));
    Ok(follow_heard(hub, view.id.stream(), signals, place, teller))
}

/// Follows a conversation until it is deleted.
#[utoipa::path(get, path = "/chat/conversations/{conversation_id}/events", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 404)))]
pub(super) async fn follow_conversation(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    request: HttpRequest,
) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    let teller = Talk::of(caller.account, view.id, None);
    Ok(follow(hub, view.id.stream(), (Version(0), last_seen(&request)), teller))
}
