//! A run and its steps as clients see them (contract, sections 2.3 and 9).

use hub_events::Class;
use hub_events::execution::Status;
use hub_projections::executions::{ExecutionView, StepStatus, StepView};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Hub;
use crate::http::envelope::Time;
use crate::http::problem::Problem;

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionBody {
    /// The run.
    pub id: i64,
    /// The workflow that it runs.
    pub workflow_id: i64,
    /// The version of that workflow to which it is pinned.
    pub workflow_version: u32,
    /// `running`, `in_doubt` (a step waits for somebody to say what became of its call),
    /// `completed`, `failed` or `cancelled`.
    pub status: &'static str,
    /// What began it.
    pub trigger_type: String,
    /// What the trigger brought; only where a run is begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_data: Option<Map<String, Value>>,
    /// What it was given.
    pub input_data: Map<String, Value>,
    /// `step_<n>` to result, for the steps that ran; empty where the run failed.
    pub output_data: Map<String, Value>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Time,
    /// When it came to an end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Time>,
    /// When it was made, which is when it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
}

/// Whether a run is shown with what its trigger brought (contract, section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// With it.
    WithTrigger,
    /// Without.
    Plain,
}

fn status(view: &ExecutionView) -> &'static str {
    match view.status {
        Status::Running if view.in_doubt => "in_doubt",
        Status::Pending => "pending",
        Status::Running => "running",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

impl ExecutionBody {
    /// Opens a run for its owner.
    pub(in crate::http) async fn open(
        hub: &Hub,
        view: ExecutionView,
        shown: Shown,
    ) -> Result<Self, Problem> {
        let status = status(&view);
        let account = view.account;
        let mut output_data = Map::new();
        if view.status != Status::Failed {
            for (number, result) in &view.results {
                let result = hub.vault.open_sealed(account, result).await?;
                output_data.insert(format!("step_{number}"), result);
            }
        }
        let error_message = match (view.failed_step, &view.error) {
            (Some(step), Some(error)) => {
                let error: String = hub.vault.open_sealed(account, error).await?;
                Some(format!("Step {step} failed: {error}"))
            }
            (Some(step), None) => Some(format!("Step {step} failed")),
            (None, _) => None,
        };
        Ok(Self {
            id: view.id.0,
            workflow_id: view.workflow.0,
            workflow_version: view.workflow_version,
            status,
            trigger_type: view.trigger,
            trigger_data: (shown == Shown::WithTrigger).then(Map::new),
            input_data: hub.vault.open_sealed(account, &view.input).await?,
            output_data,
            error_message,
            started_at: Time(view.started_at),
            completed_at: view.completed_at.map(Time),
            created_at: Time(view.started_at),
        })
    }
}

/// One try of a step.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// Its place among the tries of the run; it grows.
    pub id: u64,
    /// The run.
    pub workflow_execution_id: i64,
    /// The step of the workflow's version.
    pub step_id: i64,
    /// The step's number.
    pub step_number: u32,
    /// The tool that it calls.
    pub tool_name: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// `running`, `waiting`, `in_doubt`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    pub status: StepStatus,
    /// The call, which is the key that a platform is given.
    pub call_id: Option<String>,
    /// `read`, `idempotent`, `keyed` or `at_most_once`.
    #[schema(value_type = Option<String>)]
    pub effect_class: Option<Class>,
    /// The arguments, filled in.
    #[schema(value_type = Option<Object>)]
    pub input_data: Option<Value>,
    /// What the tool answered.
    #[schema(value_type = Option<Object>)]
    pub output_data: Option<Value>,
    /// The kind of failure, or of doubt.
    pub error_code: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// How many tries went before this one.
    pub retry_count: u32,
    /// When the step is tried again, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retry_at: Option<Time>,
    /// Until when it sleeps or slept.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub waits_until: Option<Time>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Time,
    /// When it came to an end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Time>,
}

impl AttemptBody {
    /// Opens a try for the run's owner.
    pub(in crate::http) async fn open(
        hub: &Hub,
        run: &ExecutionView,
        step: StepView,
    ) -> Result<Self, Problem> {
        let (vault, account) = (&hub.vault, run.account);
        let input_data = match &step.arguments {
            Some(sealed) => Some(vault.open_sealed(account, sealed).await?),
            None => None,
        };
        let output_data = match &step.result {
            Some(sealed) => Some(vault.open_sealed(account, sealed).await?),
            None => None,
        };
        let error_message = match &step.error {
            Some(sealed) => Some(vault.open_sealed(account, sealed).await?),
            None => None,
        };
        Ok(Self {
            id: step.seq,
            workflow_execution_id: run.id.0,
            step_id: step.step_id.0,
            step_number: step.step_number,
            tool_name: step.tool,
            attempt: step.attempt,
            status: step.status,
            call_id: step.call.map(|call| call.to_string()),
            effect_class: step.class,
            input_data,
            output_data,
            error_code: step.error_code,
            error_message,
            retry_count: step.attempt.saturating_sub(1),
            retry_at: step.retry_at.map(Time),
            waits_until: step.until.map(Time),
            started_at: Time(step.started_at),
            completed_at: step.completed_at.map(Time),
        })
    }
}
