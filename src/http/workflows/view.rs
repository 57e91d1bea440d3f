//! A workflow as clients see it (contract, sections 2.1 and 2.2).

use hub_events::workflow::{Content, Status, Step, Trigger};
use hub_projections::workflows::WorkflowView;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Hub;
use crate::http::envelope::Time;
use crate::http::problem::Problem;

/// A workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowBody {
    /// The workflow.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `draft`, `active`, `inactive`, `archived` or `paused`.
    #[schema(value_type = String)]
    pub status: Status,
    /// Counts its changes, from 1.
    pub version: u32,
    /// Always false here.
    pub is_template: bool,
    /// What begins its runs.
    #[schema(value_type = String)]
    pub trigger_type: Trigger,
    /// How its trigger is set.
    pub trigger_config: Option<Map<String, Value>>,
    /// Name to definition of what a run can be given.
    pub variables: Option<Map<String, Value>>,
    /// Whatever its owner keeps with it.
    pub workflow_metadata: Option<Map<String, Value>>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When it was last changed, if it was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Time>,
    /// Its steps, in the order of their numbers.
    pub steps: Vec<StepBody>,
}

/// A step.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepBody {
    /// The step; each version has its own.
    pub id: i64,
    /// Its number, by which its result is named.
    pub step_number: u32,
    /// The tool that it calls.
    pub tool_name: String,
    /// The tool's arguments, with `{{…}}` to be filled in.
    pub tool_parameters: Map<String, Value>,
    /// What it is for.
    pub description: String,
    /// Whether it runs.
    #[schema(value_type = Option<Object>)]
    pub condition: Option<Value>,
    /// `{max_retries, retry_delay}`, the delay in seconds.
    pub retry_config: Option<Map<String, Value>>,
    /// How long a try may take, in seconds.
    pub timeout: Option<u32>,
}

impl WorkflowBody {
    /// Opens a workflow for its owner.
    pub(super) async fn open(hub: &Hub, view: WorkflowView) -> Result<Self, Problem> {
        let WorkflowView { id, account, version, definition, created_at, updated_at } = view;
        let content: Content = hub.vault.open_sealed(account, &definition.content).await?;
        Ok(Self {
            id: id.0,
            name: content.name,
            description: content.description,
            status: definition.status,
            version,
            is_template: false,
            trigger_type: definition.trigger_type,
            trigger_config: content.trigger_config,
            variables: content.variables,
            workflow_metadata: content.workflow_metadata,
            created_at: Time(created_at),
            updated_at: updated_at.map(Time),
            steps: content.steps.into_iter().map(StepBody::from).collect(),
        })
    }
}

impl From<Step> for StepBody {
    fn from(step: Step) -> Self {
        Self {
            id: step.id.0,
            step_number: step.step_number,
            tool_name: step.tool_name,
            tool_parameters: step.tool_parameters,
            description: step.description,
            condition: step.condition,
            retry_config: step.retry_config,
            timeout: step.timeout,
        }
    }
}
