//! Saying something in a conversation, and waiting for the answer (contract, section 5.6).
//!
//! Never here: how a turn is carried out.

mod plan;
mod title;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hub_events::Version;
use hub_events::conversation::{Command, Event, MessagePosted, Post, WhenBusy};
use hub_events::fact::decode_as;
use hub_events::id::{ConversationId, MessageId};
use hub_projections::conversations::{self, ConversationView};
use serde::Deserialize;
use utoipa::ToSchema;

use super::conversations::{find, tell};
use super::rest::{self, Turn};
use super::view::MessageBody;
use crate::Hub;
use crate::chat::tokens;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::executions::Preference;
use crate::http::idempotency::{Earlier, Idempotency};
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};

pub use plan::{ApprovalBody, LimitsBody};

/// Something that a person says.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct SendMessage {
    /// The words.
    pub content: String,
    /// A provider, a model, or `provider:model` that answers; the default where there is none.
    pub provider: Option<String>,
    /// The earlier message of a person in whose place this stands. That one is kept, in a branch
    /// of its own.
    pub edits: Option<i64>,
    /// What to do while a turn is under way: `queue` (the default) or `refuse`.
    pub when_busy: Option<Busy>,
    /// Closer limits than those of the settings.
    pub limits: Option<LimitsBody>,
    /// Which calls a person must approve.
    pub approval: Option<ApprovalBody>,
}

/// What becomes of a message that is sent while a turn is under way.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Busy {
    /// It waits for its turn.
    Queue,
    /// It is refused with 409.
    Refuse,
}

/// A message that is on record.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Posted {
    /// The message.
    pub(in crate::http) message: MessageId,
    /// The message that its answer is or will be.
    pub(in crate::http) reply: MessageId,
    /// A version of the conversation before it.
    pub(in crate::http) before: Version,
}

/// How many events posting a message has at most: the message, and its turn's start.
const OF_A_POST: u64 = 2;

/// Says something in a conversation, once for requests with the same key.
pub(in crate::http) async fn post(
    hub: &Hub,
    caller: &Caller,
    view: &ConversationView,
    once: &Idempotency,
    said: SendMessage,
) -> Result<Posted, Problem> {
    if let Some(Earlier { version, .. }) = once.earlier(hub).await? {
        return earlier(hub, view.id, version).await;
    }
    if view.title.is_none()
        && let Some(title) = title::of(&said.content)
    {
        let title = hub.vault.seal(caller.account, &title).await?;
        tell(hub, caller, view.id, None, Command::SetTitle { title }).await?;
    }
    let message = MessageId(hub.counters.next_id(MessageId::KIND).await?);
    let plan = plan::of(hub, caller, &said).await?;
    let reply = plan.reply;
    let post = Post {
        message,
        content: hub.vault.seal(caller.account, &said.content).await?,
        tokens: tokens::estimate(&said.content),
        edits: said.edits.map(MessageId),
        plan,
        when_busy: match said.when_busy {
            Some(Busy::Refuse) => WhenBusy::Refuse,
            Some(Busy::Queue) | None => WhenBusy::Queue,
        },
    };
    match tell(hub, caller, view.id, once.command(), Command::PostMessage(post)).await? {
        Some(_) => Ok(Posted { message, reply, before: view.version }),
        None => match once.earlier(hub).await? {
            // Another request with the same key was quicker.
            Some(Earlier { version, .. }) => earlier(hub, view.id, version).await,
            None => Err(Problem::accident("a message was neither posted nor posted before")),
        },
    }
}

/// The message that a request with the same key posted.
async fn earlier(
    hub: &Hub,
    conversation: ConversationId,
    version: Version,
) -> Result<Posted, Problem> {
    let before = Version(version.0.saturating_sub(OF_A_POST));
    let page = hub.log.read_stream(&conversation.stream(), before, OF_A_POST as usize).await?;
    let mut found = None;
    for recorded in &page {
        if let Event::MessagePosted(MessagePosted { message, plan, .. }) = decode_as(recorded)? {
            found = Some(Posted { message, reply: plan.reply, before });
        }
    }
    found.ok_or_else(|| Problem::not_found("Message not found"))
}

/// The answer to a message, as far as it has come.
pub(in crate::http) async fn answer(
    hub: &Hub,
    caller: &Caller,
    conversation: ConversationId,
    posted: Posted,
) -> Result<MessageBody, Problem> {
    let view = find(hub, caller, conversation).await?;
    let Posted { message, reply, .. } = posted;
    let (answer, question) = hub.views.read(|views| {
        let answer = conversations::message(views, view.id, reply)?;
        Ok((answer, conversations::message(views, view.id, message)?))
    })?;
    match (answer, question) {
        (Some(answer), _) => MessageBody::open(hub, caller.account, &answer).await,
        (None, Some(question)) => Ok(MessageBody::not_begun(&question, reply)),
        (None, None) => Err(Problem::not_found("Message not found")),
    }
}

/// Says something, and answers with the assistant's message when its turn is over, or when the
/// wait is.
#[utoipa::path(post, path = "/chat/conversations/{conversation_id}/messages", tag = "chat",
    security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>`")),
    request_body = SendMessage,
    responses((status = 200, body = MessageBody), (status = 202, body = MessageBody),
        (status = 404), (status = 409), (status = 422), (status = 429)))]
pub(super) async fn send_message(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    request: HttpRequest,
    once: Idempotency,
    body: Body<SendMessage>,
) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    let posted = post(&hub, &caller, &view, &once, body.0).await?;
    let preference = Preference::of(&request, hub.config.chat.wait_s.into());
    if let Preference::Wait(wait) = preference {
        let mut turn = Turn::of(posted.message);
        rest::until(&hub, view.id, posted.before, wait, |event| turn.take(event)).await?;
    }
    let message = answer(&hub, &caller, view.id, posted).await?;
    let mut answer = HttpResponse::Ok();
    if matches!(preference, Preference::Async) {
        answer.status(StatusCode::ACCEPTED);
        let applied = HeaderName::from_static("preference-applied");
        answer.insert_header((applied, "respond-async"));
    }
    let path = format!("/chat/conversations/{}/messages/{}", view.id, posted.reply);
    answer.insert_header((LOCATION, path));
    Ok(answer.json(message))
}
