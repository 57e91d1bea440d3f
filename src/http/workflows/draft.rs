//! What clients send of a workflow, and the content that it makes.

use std::collections::HashSet;

use hub_events::id::StepId;
use hub_events::workflow::{Content, Status, Step, StepOutline, Trigger};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// The most steps that a workflow may have.
const MOST_STEPS: usize = 500;

/// A workflow made from its steps.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateFromSteps {
    /// What people call it.
    pub workflow_name: String,
    /// What it is for.
    pub description: String,
    /// Its steps, in their order.
    pub steps: Vec<StepDraft>,
    /// What begins its runs: `manual`, `scheduled` (or `schedule`), `event` or `webhook`.
    #[serde(default = "manual")]
    #[schema(value_type = String, default = "manual", pattern = "^(manual|scheduled|schedule|event|webhook)$")]
    pub trigger_type: Trigger,
    /// How its trigger is set.
    #[serde(default)]
    #[schema(nullable = false)]
    pub trigger_config: Option<Map<String, Value>>,
    /// Name to definition of what a run can be given.
    #[serde(default)]
    #[schema(nullable = false)]
    pub variables: Option<Map<String, Value>>,
    /// Whatever its owner keeps with it.
    #[serde(default)]
    #[schema(nullable = false)]
    pub workflow_metadata: Option<Map<String, Value>>,
}

/// What shall change of a workflow; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct UpdateWorkflow {
    /// What people call it.
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// What it is for.
    #[schema(nullable = false)]
    pub description: Option<String>,
    /// `draft`, `active`, `inactive`, `archived` or `paused`.
    #[schema(nullable = false, value_type = Option<String>,
        pattern = "^(draft|active|inactive|archived|paused)$")]
    pub status: Option<Status>,
    /// What begins its runs: `manual`, `scheduled` (or `schedule`), `event` or `webhook`.
    #[schema(nullable = false, value_type = Option<String>,
        pattern = "^(manual|scheduled|schedule|event|webhook)$")]
    pub trigger_type: Option<Trigger>,
    /// How its trigger is set.
    #[schema(nullable = false)]
    pub trigger_config: Option<Map<String, Value>>,
    /// Name to definition of what a run can be given.
    #[schema(nullable = false)]
    pub variables: Option<Map<String, Value>>,
    /// Whatever its owner keeps with it.
    #[schema(nullable = false)]
    pub workflow_metadata: Option<Map<String, Value>>,
    /// Its steps, all of them.
    #[schema(nullable = false)]
    pub steps: Option<Vec<StepDraft>>,
}

/// A step.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StepDraft {
    /// The tool that it calls.
    pub tool_name: String,
    /// Its number; its place in the list where none is given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub step_number: Option<u32>,
    /// The tool's arguments, with `{{…}}` to be filled in.
    #[serde(default)]
    #[schema(nullable = false)]
    pub tool_parameters: Map<String, Value>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it runs.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub condition: Option<Value>,
    /// `{max_retries, retry_delay}`, the delay in seconds.
    #[serde(default = "three_retries")]
    pub retry_config: Option<RetryConfig>,
    /// How long a try may take, in seconds.
    #[serde(default = "half_a_minute")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub timeout: Option<u32>,
}

/// How a failed step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetryConfig {
    /// How many times a failed try is repeated.
    #[serde(default = "three")]
    #[schema(minimum = 0, maximum = 100)]
    pub max_retries: u32,
    /// How long to wait before the first repetition, in seconds; doubled for each more.
    #[serde(default = "five")]
    #[schema(value_type = f64, minimum = 0, maximum = 86_400)]
    pub retry_delay: Number,
}

fn manual() -> Trigger {
    Trigger::Manual
}

fn three() -> u32 {
    3
}

fn five() -> Number {
    5.into()
}

fn three_retries() -> Option<RetryConfig> {
    Some(RetryConfig { max_retries: three(), retry_delay: five() })
}

fn half_a_minute() -> Option<u32> {
    Some(30)
}

impl StepDraft {
    fn into_step(self, id: StepId, place: usize) -> Step {
        let place = u32::try_from(place + 1).unwrap_or(u32::MAX);
        Step {
            id,
            step_number: self.step_number.unwrap_or(place),
            tool_name: self.tool_name,
            tool_parameters: self.tool_parameters,
            description: self.description.unwrap_or_default(),
            condition: self.condition.filter(|condition| !condition.is_null()),
            retry_config: self.retry_config.map(RetryConfig::into_object),
            timeout: self.timeout,
        }
    }
}

impl RetryConfig {
    fn into_object(self) -> Map<String, Value> {
        let Self { max_retries, retry_delay } = self;
        Map::from_iter([
            ("max_retries".to_owned(), max_retries.into()),
            ("retry_delay".to_owned(), Value::Number(retry_delay)),
        ])
    }
}

/// Steps from what a client sent, in the order of their numbers, each with an id of its own
/// from `ids`.
fn steps(drafts: Vec<StepDraft>, ids: impl Iterator<Item = StepId>) -> Result<Vec<Step>, Problem> {
    let steps = drafts.into_iter().zip(ids).enumerate();
    let mut steps: Vec<_> = steps.map(|(place, (draft, id))| draft.into_step(id, place)).collect();
    let mut numbers = HashSet::new();
    if let Some(place) = steps.iter().position(|step| !numbers.insert(step.step_number)) {
        let place = place.to_string();
        let loc = ["body", "steps", &place, "step_number"];
        return Err(Problem::invalid(&loc, "value_error", "Another step has this number", None));
    }
    steps.sort_by_key(|step| step.step_number);
    Ok(steps)
}

/// Refuses more steps than a workflow may have.
pub(super) fn count_steps(drafts: &[StepDraft]) -> Result<usize, Problem> {
    if drafts.len() <= MOST_STEPS {
        return Ok(drafts.len());
    }
    let message = format!("A workflow has at most {MOST_STEPS} steps");
    Err(Problem::invalid(&["body", "steps"], "too_long", &message, None))
}

impl CreateFromSteps {
    /// The content of a first version.
    pub(super) fn into_content(
        self,
        ids: impl Iterator<Item = StepId>,
    ) -> Result<(Trigger, Content), Problem> {
        let content = Content {
            name: self.workflow_name,
            description: Some(self.description),
            trigger_config: self.trigger_config,
            variables: self.variables,
            workflow_metadata: self.workflow_metadata,
            steps: steps(self.steps, ids)?,
        };
        Ok((self.trigger_type, content))
    }
}

impl UpdateWorkflow {
    /// Puts what is sent in place of what was.
    pub(super) fn apply(
        &self,
        content: &mut Content,
        ids: impl Iterator<Item = StepId>,
    ) -> Result<(), Problem> {
        if let Some(sent) = &self.steps {
            content.steps = steps(sent.clone(), ids)?;
        }
        if let Some(name) = &self.name {
            content.name.clone_from(name);
        }
        replace(&mut content.description, &self.description);
        replace(&mut content.trigger_config, &self.trigger_config);
        replace(&mut content.variables, &self.variables);
        replace(&mut content.workflow_metadata, &self.workflow_metadata);
        Ok(())
    }
}

/// What is sent, or what was.
fn replace<T: Clone>(was: &mut Option<T>, sent: &Option<T>) {
    if sent.is_some() {
        was.clone_from(sent);
    }
}

/// The structure of some steps, as it stands in the open.
pub(super) fn outline(steps: &[Step]) -> Vec<StepOutline> {
    let outline = |step: &Step| StepOutline {
        id: step.id,
        number: step.step_number,
        tool: step.tool_name.clone(),
    };
    steps.iter().map(outline).collect()
}
