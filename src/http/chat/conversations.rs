//! Conversations: listed, opened, read, renamed, deleted.
//!
//! Never here: what is said in them.

use actix_web::http::header::{LINK, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hub_events::conversation::{Command, Opened};
use hub_events::id::ConversationId;
use hub_events::log;
use hub_events::log::AppendError;
use hub_projections::conversations::{self, ConversationView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::{self, ConversationBody, MessageBody, WholeConversation};
use crate::Hub;
use crate::actors::{Accepted, AskError, Tell};
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::envelope::{self, Time};
use crate::http::idempotency::Idempotency;
use crate::http::page::Page;
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};

/// A new conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateConversation {
    /// Its title. Without one it gets that of its first message.
    pub title: Option<String>,
}

/// A conversation's new title.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RenameConversation {
    /// The title.
    pub title: String,
}

/// A conversation is deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedConversation {
    /// Always true.
    pub success: bool,
    /// What was done, in words.
    pub message: &'static str,
    /// The conversation.
    pub conversation_id: i64,
}

/// The caller's conversation with this id.
pub(super) async fn find(
    hub: &Hub,
    caller: &Caller,
    id: ConversationId,
) -> Result<ConversationView, Problem> {
    hub.read_your_writes().await?;
    let found = hub.views.read(|views| conversations::get(views, id))?;
    found
        .filter(|conversation| conversation.account == caller.account)
        .ok_or_else(|| Problem::not_found("Conversation not found"))
}

/// Has a conversation carry out a command of a caller; none where the same request did before.
pub(super) async fn tell(
    hub: &Hub,
    caller: &Caller,
    id: ConversationId,
    once: Option<log::Command>,
    command: Command,
) -> Result<Option<Accepted>, Problem> {
    let fresh = matches!(command, Command::Open(_));
    let tell = Tell { command, context: caller.context(&hub.clock), once, fresh };
    match hub.actors.conversations.ask(&id.stream(), tell).await {
        Ok(accepted) => Ok(Some(accepted)),
        Err(AskError::Append(AppendError::Duplicate(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a conversation.
pub(in crate::http) async fn open(
    hub: &Hub,
    caller: &Caller,
    title: Option<&str>,
    once: Option<log::Command>,
) -> Result<ConversationId, Problem> {
    let id = hub.counters.next_id(ConversationId::KIND).await?;
    let conversation = ConversationId(id);
    let title = match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => Some(hub.vault.seal(caller.account, &title.to_owned()).await?),
        None => None,
    };
    let command = Command::Open(Opened { conversation, account: caller.account, title });
    let tell = Tell { command, context: caller.context(&hub.clock), once, fresh: true };
    match hub.actors.conversations.ask(&conversation.stream(), tell).await {
        Ok(_) => Ok(conversation),
        // Another request with the same key was quicker.
        Err(AskError::Append(AppendError::Duplicate(before))) => {
            Ok(ConversationId(before.stream.number().unwrap_or_default()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Lists the caller's conversations, the newest activity first.
#[utoipa::path(get, path = "/chat/conversations", tag = "chat", security(("HTTPBearer" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "At most this many; all where none is given"),
        ("cursor" = Option<String>, Query,
            description = "Only what is before it; `Link` leads to the next page")),
    responses((status = 200, body = envelope::Success<Vec<ConversationBody>>), (status = 422)))]
pub(super) async fn list_conversations(
    hub: Data<Hub>,
    caller: Caller,
    page: Page,
    request: HttpRequest,
) -> Answer {
    hub.read_your_writes().await?;
    let account = caller.account;
    let listed =
        hub.views.read(|views| conversations::list(views, account, page.before, page.limit))?;
    let mut answer = HttpResponse::Ok();
    if let (Some(limit), Some(last)) = (page.limit, listed.last())
        && listed.len() == limit as usize
    {
        let path = request.path();
        let next = format!("<{path}?limit={limit}&cursor={}>; rel=\"next\"", last.active);
        answer.insert_header((LINK, next));
    }
    let mut bodies = Vec::with_capacity(listed.len());
    for view in &listed {
        bodies.push(ConversationBody::open(&hub, view).await?);
    }
    Ok(answer.json(envelope::Success::of(bodies)))
}

/// Opens a conversation.
#[utoipa::path(post, path = "/chat/conversations", tag = "chat", security(("HTTPBearer" = [])),
    request_body = CreateConversation,
    responses((status = 201, body = envelope::Success<ConversationBody>), (status = 422)))]
pub(super) async fn create_conversation(
    hub: Data<Hub>,
    caller: Caller,
    once: Idempotency,
    body: Body<CreateConversation>,
) -> Answer {
    let id = match once.earlier(&hub).await? {
        Some(earlier) => ConversationId(earlier.stream.number().unwrap_or_default()),
        None => open(&hub, &caller, body.0.title.as_deref(), once.command()).await?,
    };
    let view = find(&hub, &caller, id).await?;
    let body = ConversationBody::open(&hub, &view).await?;
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, format!("/chat/conversations/{id}")));
    Ok(answer.json(envelope::Success::of(body)))
}

/// Reads a conversation with the messages of the branch that goes on.
#[utoipa::path(get, path = "/chat/conversations/{conversation_id}", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path)),
    responses((status = 200, body = WholeConversation), (status = 404)))]
pub(super) async fn get_conversation(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    let said = hub.views.read(|views| conversations::messages(views, view.id, None, None))?;
    let mut messages = Vec::with_capacity(said.len());
    for message in &said {
        messages.push(MessageBody::open(&hub, caller.account, message).await?);
    }
    Ok(HttpResponse::Ok().json(WholeConversation {
        id: view.id.0,
        title: view::title(&hub, &view).await?,
        is_active: true,
        messages,
        created_at: Time(view.created_at),
        updated_at: view.updated_at.map(Time),
    }))
}

/// Gives a conversation a title.
#[utoipa::path(put, path = "/chat/conversations/{conversation_id}", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path)),
    request_body = RenameConversation,
    responses((status = 200, body = envelope::Said<ConversationBody>), (status = 404),
        (status = 422)))]
pub(super) async fn rename_conversation(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    once: Idempotency,
    body: Body<RenameConversation>,
) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    if once.earlier(&hub).await?.is_none() {
        let title = hub.vault.seal(caller.account, &body.0.title).await?;
        tell(&hub, &caller, view.id, once.command(), Command::Rename { title }).await?;
    }
    let view = find(&hub, &caller, id.0).await?;
    let body = ConversationBody::open(&hub, &view).await?;
    let said = "Conversation updated successfully";
    Ok(HttpResponse::Ok().json(envelope::Said::of(said, body)))
}

/// Deletes a conversation, and stops what is under way in it.
#[utoipa::path(delete, path = "/chat/conversations/{conversation_id}", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path)),
    responses((status = 200, body = DeletedConversation), (status = 404)))]
pub(super) async fn delete_conversation(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    tell(&hub, &caller, view.id, None, Command::Delete).await?;
    Ok(HttpResponse::Ok().json(DeletedConversation {
        success: true,
        message: "Conversation deleted successfully",
        conversation_id: view.id.0,
    }))
}
