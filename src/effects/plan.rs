//! A version of a workflow, ready to run: conditions and templates compiled once.

use std::collections::BTreeMap;
use std::sync::Arc;

use hub_events::Version;
use hub_events::execution::PlannedStep;
use hub_events::fact::decode_as;
use hub_events::id::{AccountId, WorkflowId};
use hub_events::sealed::Sealed;
use hub_events::workflow::{Changed, Content, Created, Event, Step};
use serde_json::{Map, Value};

use super::{Accident, Outside};
use crate::expressions::condition::Condition;
use crate::expressions::context::Context;
use crate::expressions::template::Template;

/// How many versions are kept ready.
const KEPT: u64 = 1_000;

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// What holds where a step says nothing (contract, section 2.2).
const RETRIES: u32 = 3;
const RETRY_DELAY_S: f64 = 5.0;
const TIMEOUT_S: u32 = 30;

/// The most retries that a step may ask for.
const MOST_RETRIES: u32 = 100;

/// A version, ready to run.
#[derive(Debug)]
pub struct Plan {
    steps: BTreeMap<u32, PlanStep>,
    variables: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
}

/// One of its steps.
#[derive(Debug)]
pub struct PlanStep {
    /// Its structure.
    pub planned: PlannedStep,
    /// Whether it runs.
    pub condition: Condition,
    /// Its arguments.
    pub arguments: Template,
    /// The value of its parameter `operation`, under which its result is known too.
    operation: Option<String>,
}

impl Plan {
    /// Compiles a version.
    pub fn new(content: Content) -> Self {
        let Content { steps, variables, workflow_metadata, .. } = content;
        let steps = steps.into_iter().map(|step| (step.step_number, PlanStep::new(&step)));
        Self { steps: steps.collect(), variables, metadata: workflow_metadata }
    }

    /// The structure of its steps, in the order in which they run.
    pub fn planned(&self) -> Vec<PlannedStep> {
        self.steps.values().map(|step| step.planned.clone()).collect()
    }

    /// The step with this number.
    pub fn step(&self, number: u32) -> Option<&PlanStep> {
        self.steps.get(&number)
    }

    /// What expressions see in a run with this input and these results.
    pub fn context(&self, input: Map<String, Value>, results: Vec<(u32, Value)>) -> Context {
        let mut context = Context::of_run(input, self.metadata.clone(), self.variables.as_ref());
        for (number, result) in results {
            let operation = self.steps.get(&number).and_then(|step| step.operation.as_deref());
            context.record(number, operation, Arc::new(result));
        }
        context
    }
}

impl PlanStep {
    fn new(step: &Step) -> Self {
        let setting = |name: &str| step.retry_config.as_ref()?.get(name)?.as_f64();
        let retries = setting("max_retries").map_or(RETRIES, |retries| retries as u32);
        let delay = setting("retry_delay").unwrap_or(RETRY_DELAY_S);
        Self {
            planned: PlannedStep {
                id: step.id,
                number: step.step_number,
                tool: step.tool_name.clone(),
                max_retries: retries.min(MOST_RETRIES),
                retry_delay_ms: (delay * 1_000.0) as u64,
                timeout_s: step.timeout.unwrap_or(TIMEOUT_S),
            },
            condition: Condition::compile(step.condition.as_ref()),
            arguments: Template::compile(&step.tool_parameters),
            operation: step
                .tool_parameters
                .get("operation")
                .and_then(Value::as_str)
                .map(str::to_owned),
        }
    }
}

/// The versions that ran lately.
#[derive(Clone, Debug)]
pub struct Plans(moka::sync::Cache<(WorkflowId, u32), Arc<Plan>>);

impl Default for Plans {
    fn default() -> Self {
        Self(moka::sync::Cache::new(KEPT))
    }
}

impl Plans {
    /// A version of a workflow, from its stream where it is not at hand.
    pub async fn find(
        &self,
        account: AccountId,
        (workflow, version): (WorkflowId, u32),
        outside: &Outside,
    ) -> Result<Arc<Plan>, Accident> {
        if let Some(plan) = self.0.get(&(workflow, version)) {
            return Ok(plan);
        }
        let content = content(workflow, version, outside)
            .await?
            .ok_or(Accident::NoPlan(workflow, version))?;
        let plan = Arc::new(Plan::new(outside.vault.open_sealed(account, &content).await?));
        self.0.insert((workflow, version), Arc::clone(&plan));
        Ok(plan)
    }
}

/// The words of a version, from the workflow's stream.
async fn content(
    workflow: WorkflowId,
    wanted: u32,
    outside: &Outside,
) -> Result<Option<Sealed<Content>>, Accident> {
    let stream = workflow.stream();
    let mut after = Version(0);
    loop {
        let page = outside.log.read_stream(&stream, after, PAGE).await?;
        for recorded in &page {
            after = recorded.version;
            let (version, definition) = match decode_as::<Event>(recorded)? {
                Event::Created(Created { definition, .. }) => (1, definition),
                Event::Changed(Changed { version, definition }) => (version, definition),
                Event::Deleted(_) => continue,
            };
            if version == wanted {
                return Ok(Some(definition.content));
            }
        }
        if page.len() < PAGE {
            return Ok(None);
        }
    }
}
