//! A call as clients see it: as a thing of its own, and as the answer of its tool.

use hub_events::Class;
use hub_events::call::Via;
use hub_projections::calls::{CallView, Status};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Hub;
use crate::http::envelope::Time;
use crate::http::problem::Problem;

/// A call.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallBody {
    /// The call, which is the key that a platform is given.
    pub id: String,
    /// The tool.
    pub tool_name: String,
    /// `running`, `waiting`, `in_doubt`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    pub status: Status,
    /// `read`, `idempotent`, `keyed` or `at_most_once`.
    #[schema(value_type = String)]
    pub effect_class: Class,
    /// The connection through which it goes.
    pub connection_id: Option<i64>,
    /// Through which door it was asked for: `http` or `mcp`.
    #[schema(value_type = String)]
    pub via: Via,
    /// The arguments.
    #[schema(value_type = Object)]
    pub arguments: Value,
    /// What the tool answered.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// The kind of failure, or of doubt.
    pub error_code: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// When another call may go better, where the other side named a moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retry_after: Option<Time>,
    /// Until when it sleeps or slept.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub waits_until: Option<Time>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Time,
    /// When it came to an end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Time>,
}

impl CallBody {
    /// Opens a call for its owner.
    pub(super) async fn open(hub: &Hub, view: CallView) -> Result<Self, Problem> {
        let (vault, account) = (&hub.vault, view.account);
        let result = match &view.result {
            Some(sealed) => Some(vault.open_sealed(account, sealed).await?),
            None => None,
        };
        let error_message = match &view.error {
            Some(sealed) => Some(vault.open_sealed(account, sealed).await?),
            None => None,
        };
        Ok(Self {
            id: view.id.to_string(),
            tool_name: view.tool,
            status: view.status,
            effect_class: view.class,
            connection_id: view.connection.map(|connection| connection.0),
            via: view.via,
            arguments: vault.open_sealed(account, &view.arguments).await?,
            result,
            error_code: view.error_code,
            error_message,
            retry_after: view.retry_after.map(Time),
            waits_until: view.until.map(Time),
            started_at: Time(view.started_at),
            completed_at: view.completed_at.map(Time),
        })
    }

    /// What is told of it in place of the tool's result, where the tool did not return: it may
    /// have taken effect, it was stopped, or it is still under way.
    pub(super) fn without_result(&self) -> Option<String> {
        let told = match self.status {
            Status::Completed | Status::Failed => return None,
            Status::InDoubt => format!(
                "It is not known whether the call took effect, and it was not repeated. Say what \
                 became of it at /mcp/calls/{}/resolve",
                self.id
            ),
            Status::Cancelled => "The call was cancelled".to_owned(),
            Status::Running | Status::Waiting => {
                format!("The call is under way; see /mcp/calls/{}", self.id)
            }
        };
        Some(told)
    }
}

/// The answer of a tool (contract, section 4.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct CalledBody {
    /// Whether the tool returned, or still may; what it says of itself is in `result`.
    pub success: bool,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What the tool answered; where it failed, `success` in it is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Where the call stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub status: Option<Status>,
}

impl CalledBody {
    /// The answer where no call was made.
    pub(super) fn not_made(error: String) -> Self {
        let (tool, result, call_id, status) = (None, None, None, None);
        Self { success: false, tool, result, error: Some(error), call_id, status }
    }

    /// The answer where the tool's own result says why it did nothing.
    pub(super) fn declined(tool: String, result: Value) -> Self {
        let (error, call_id, status) = (None, None, None);
        Self { success: true, tool: Some(tool), result: Some(result), error, call_id, status }
    }

    /// What came of a call.
    pub(super) fn of(call: CallBody) -> Self {
        let error = call.without_result();
        let success = !matches!(call.status, Status::InDoubt | Status::Cancelled);
        let result = match (call.status, call.result) {
            (Status::Failed, None) => {
                let code = call.error_code.as_deref().unwrap_or("tool_failed");
                Some(failed(code, call.error_message.as_deref().unwrap_or_default()))
            }
            (_, result) => result,
        };
        Self {
            success,
            tool: Some(call.tool_name),
            result,
            error,
            call_id: Some(call.id),
            status: Some(call.status),
        }
    }
}

/// A failure in the form of a tool's own result.
pub(super) fn failed(code: &str, message: &str) -> Value {
    json!({ "success": false, "error": message, "code": code, "result": null })
}
