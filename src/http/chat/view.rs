//! Conversations and messages as clients see them (contract, section 5).
//!
//! Never here: which of them somebody may see.

use hub_events::conversation::{AnswerContent, Note};
use hub_events::id::{AccountId, MessageId};
use hub_projections::conversations::{
    Body, CallStatus, CallView, ConversationView, MessageStatus, MessageView, Role,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Hub;
use crate::http::envelope::Time;
use crate::http::problem::Problem;

/// What a conversation without a title is called.
const UNTITLED: &str = "New Conversation";

/// What is said where a turn ended without an answer.
const APOLOGY: &str = "I apologize, but I could not answer this message";

/// A conversation in a list, and after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationBody {
    /// The conversation.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Always true: what is deleted is not shown.
    pub is_active: bool,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When something was last said or answered, or it got a title; else the empty text.
    pub updated_at: String,
}

impl ConversationBody {
    /// Opens a conversation for its owner.
    pub(super) async fn open(hub: &Hub, view: &ConversationView) -> Result<Self, Problem> {
        Ok(Self {
            id: view.id.0,
            title: title(hub, view).await?,
            is_active: true,
            created_at: Time(view.created_at),
            updated_at: view.updated_at.map(|at| Time(at).to_string()).unwrap_or_default(),
        })
    }
}

/// What a conversation is called.
pub(super) async fn title(hub: &Hub, view: &ConversationView) -> Result<String, Problem> {
    let title = match &view.title {
        Some(title) => hub.vault.open_sealed(view.account, title).await?,
        None => String::new(),
    };
    Ok(if title.is_empty() { UNTITLED.to_owned() } else { title })
}

/// A conversation with its messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeConversation {
    /// The conversation.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Always true: what is deleted is not shown.
    pub is_active: bool,
    /// The messages of the branch that goes on, oldest first.
    pub messages: Vec<MessageBody>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When something was last said or answered, or it got a title.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Time>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageBody {
    /// The message.
    pub id: i64,
    /// Its conversation.
    pub conversation_id: i64,
    /// `user`, `assistant` or `tool`.
    #[schema(value_type = String)]
    pub role: Role,
    /// What it says.
    pub content: String,
    /// `pending`, `processing`, `completed` or `error`.
    #[schema(value_type = String)]
    pub status: MessageStatus,
    /// Of an answer: the tokens of its whole turn, read and written.
    pub tokens_used: Option<u64>,
    /// Of an answer: the calls of its turn, in the order in which they were asked for.
    pub tools_called: Option<Vec<CalledTool>>,
    /// Of a tool's message: the call whose result it is.
    pub tool_call_id: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// When it was said, begun to be answered, or asked for.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Time>,
    /// The message of a person whose turn this is.
    pub turn_id: i64,
    /// Of a person's message: what was asked for; of an answer: who answered.
    pub provider: Option<String>,
    /// Of an answer: the model.
    pub model: Option<String>,
    /// Of an answer: what its turn cost, in millionths of a US dollar, where that is known.
    pub cost_micros: Option<u64>,
    /// Of an answer: what its turn had used up, where that ended it.
    #[schema(value_type = Option<String>)]
    pub limit_reached: Option<Note>,
    /// The kind of failure.
    pub error_code: Option<String>,
}

/// A call that a model asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalledTool {
    /// The call; a tool's message names it, and a proposal is approved by it.
    pub id: String,
    /// The tool, as the model named it.
    pub name: String,
    /// What it is called with.
    #[schema(value_type = Object)]
    pub arguments: Value,
    /// What it answered, or what went wrong; null while it is under way.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// `proposed`, `running`, `completed`, `failed`, `in_doubt`, `rejected`, `withheld`,
    /// `declined`, `expired` or `cancelled`.
    #[schema(value_type = String)]
    pub status: CallStatus,
}

impl CalledTool {
    /// Opens a call for its owner.
    pub(super) async fn open(hub: &Hub, call: &CallView) -> Result<Self, Problem> {
        Ok(Self {
            id: call.call.to_string(),
            name: call.tool.clone(),
            arguments: hub.vault.open_sealed(call.account, &call.arguments).await?,
            result: result(hub, call).await?,
            status: call.status,
        })
    }
}

/// What a call came to; none while that is open.
pub(super) async fn result(hub: &Hub, call: &CallView) -> Result<Option<Value>, Problem> {
    if let Some(result) = &call.result {
        return Ok(Some(hub.vault.open_sealed(call.account, result).await?));
    }
    let said = match (call.status, &call.error) {
        (CallStatus::Proposed | CallStatus::Running, _) => return Ok(None),
        (CallStatus::InDoubt, _) => "It is not known whether this call took effect",
        (_, Some(error)) => {
            let error: String = hub.vault.open_sealed(call.account, error).await?;
            return Ok(Some(json!({ "success": false, "error": error })));
        }
        (CallStatus::Withheld, _) => "The limits of this turn are reached",
        (CallStatus::Declined, _) => "A person declined this call",
        (CallStatus::Expired, _) => "Nobody approved this call in time",
        (CallStatus::Cancelled, _) => "The turn was cancelled",
        (CallStatus::Completed | CallStatus::Failed | CallStatus::Rejected, None) => {
            "The call did not take effect"
        }
    };
    Ok(Some(json!({ "success": false, "error": said })))
}

impl MessageBody {
    /// Opens a message for its owner.
    pub(super) async fn open(
        hub: &Hub,
        account: AccountId,
        view: &MessageView,
    ) -> Result<Self, Problem> {
        let error: Option<String> = match &view.error {
            Some(error) => Some(hub.vault.open_sealed(account, error).await?),
            None => None,
        };
        let cancelled = view.error_code.as_deref() == Some("cancelled");
        let error = error.or_else(|| cancelled.then(|| "The turn was cancelled".to_owned()));
        let (mut content, mut tools_called, mut tool_call_id) = (String::new(), None, None);
        match &view.body {
            Body::Said(said) => content = hub.vault.open_sealed(account, said).await?,
            Body::Answer { content: answer, calls } => {
                if let Some(answer) = answer {
                    let answer: AnswerContent = hub.vault.open_sealed(account, answer).await?;
                    content = answer.text;
                }
                if view.status == MessageStatus::Error && !cancelled {
                    content = apology(&content, error.as_deref());
                }
                let mut opened = Vec::with_capacity(calls.len());
                for call in calls {
                    opened.push(CalledTool::open(hub, call).await?);
                }
                tools_called = Some(opened);
            }
            Body::Result(call) => {
                content = result(hub, call).await?.map(|it| it.to_string()).unwrap_or_default();
                tool_call_id = Some(call.call.to_string());
            }
        }
        Ok(Self {
            id: view.id.0,
            conversation_id: view.conversation.0,
            role: view.role,
            content,
            status: view.status,
            tokens_used: view.tokens_used,
            tools_called,
            tool_call_id,
            error_message: error,
            created_at: Some(Time(view.created_at)),
            turn_id: view.turn.0,
            provider: view.provider.clone(),
            model: view.model.as_ref().map(|model| model.model.clone()),
            cost_micros: view.cost_micros,
            limit_reached: view.note,
            error_code: view.error_code.clone(),
        })
    }

    /// An answer that has not begun: its question waits for its turn, or was taken back.
    pub(super) fn not_begun(question: &MessageView, reply: MessageId) -> Self {
        let waits = question.status == MessageStatus::Pending;
        let status = if waits { MessageStatus::Pending } else { MessageStatus::Error };
        Self {
            id: reply.0,
            conversation_id: question.conversation.0,
            role: Role::Assistant,
            content: String::new(),
            status,
            tokens_used: None,
            tools_called: None,
            tool_call_id: None,
            error_message: (!waits).then(|| "The message was taken back".to_owned()),
            created_at: None,
            turn_id: question.turn.0,
            provider: None,
            model: None,
            cost_micros: None,
            limit_reached: None,
            error_code: (!waits).then(|| "cancelled".to_owned()),
        }
    }
}

fn apology(said: &str, error: Option<&str>) -> String {
    let why = error.map(|error| format!(": {error}")).unwrap_or_default();
    let apology = format!("{APOLOGY}{why}");
    if said.is_empty() { apology } else { format!("{said}\n\n{apology}") }
}
