//! A workflow: a definition with a version for each change, kept for the runs pinned to it.
//!
//! ```text
//! Create ──> kept ──Change──> kept (next version) ──Delete──> deleted
//! ```
//!
//! Never here: what a step's words mean; they are sealed, and read by the effects.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decider::{Decider, events};
use crate::id::{AccountId, StepId, WorkflowId};
use crate::refusal::{Kind, Refusal};
use crate::sealed::Sealed;

events! {
    /// What can happen to a workflow.
    "workflow" {
        /// It was made, with version 1.
        Created(Created) = "created" v 1,
        /// It was changed, which makes the next version.
        Changed(Changed) = "changed" v 1,
        /// It was deleted. Its history stays.
        Deleted(Deleted) = "deleted" v 1,
    }
}

/// A workflow was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Whose it is.
    pub account: AccountId,
    /// What it is.
    pub definition: Definition,
}

/// A workflow was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The number of the new version.
    pub version: u32,
    /// What it is now.
    pub definition: Definition,
}

/// A workflow was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {}

/// What a version of a workflow is: its structure in the open, its words sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// `draft`, `active`, `inactive`, `archived` or `paused`.
    pub status: Status,
    /// `manual`, `scheduled`, `event` or `webhook`.
    pub trigger_type: Trigger,
    /// Which tools its steps call.
    pub steps: Vec<StepOutline>,
    /// Everything else.
    pub content: Sealed<Content>,
}

/// The structure of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOutline {
    /// The step.
    pub id: StepId,
    /// Its number.
    pub number: u32,
    /// The tool that it calls.
    pub tool: String,
}

/// Whether a workflow is meant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not finished.
    Draft,
    /// In use.
    Active,
    /// Not in use.
    Inactive,
    /// Out of sight.
    Archived,
    /// Not in use for a while.
    Paused,
}

/// What begins its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Somebody.
    Manual,
    /// A moment.
    #[serde(alias = "schedule")]
    Scheduled,
    /// Something that happened in the hub.
    Event,
    /// A call from outside.
    Webhook,
}

/// The words of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How its trigger is set, such as `{"cron_expression": "0 9 * * 1"}`.
    pub trigger_config: Option<Map<String, Value>>,
    /// Name to definition: `{type, required?, default?, description?, enum?, format?, items?}`.
    pub variables: Option<Map<String, Value>>,
    /// Whatever its owner keeps with it.
    pub workflow_metadata: Option<Map<String, Value>>,
    /// The steps, in the order of their numbers.
    pub steps: Vec<Step>,
}

/// A step, as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The step; each version has its own.
    pub id: StepId,
    /// Its number, by which its result is named.
    pub step_number: u32,
    /// The tool that it calls.
    pub tool_name: String,
    /// The tool's arguments, with `{{…}}` to be filled in.
    pub tool_parameters: Map<String, Value>,
    /// What it is for.
    pub description: String,
    /// Whether it runs.
    pub condition: Option<Value>,
    /// `{max_retries, retry_delay}`, the delay in seconds.
    pub retry_config: Option<Map<String, Value>>,
    /// How long a try may take, in seconds.
    pub timeout: Option<u32>,
}

/// What can be asked of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make it.
    Create(Created),
    /// Change it.
    Change {
        /// The version on which the change is based.
        based_on: u32,
        /// What it shall be.
        definition: Definition,
    },
    /// Delete it.
    Delete,
}

/// A workflow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Workflow {
    account: Option<AccountId>,
    version: u32,
    definition: Option<Definition>,
}

impl Workflow {
    /// Whose it is; none where it was never made.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// The number of its present version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What it is; none once it is deleted.
    pub fn definition(&self) -> Option<&Definition> {
        self.definition.as_ref()
    }
}

/// Refuses steps of which two have one number: results and outcomes go by number.
pub(crate) fn distinct_numbers(numbers: impl Iterator<Item = u32>) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for number in numbers {
        if !seen.insert(number) {
            let detail = format!("More than one step has the number {number}");
            return Err(Refusal::new(Kind::Invalid, "step_numbers_repeated", detail));
        }
    }
    Ok(())
}

impl Decider for Workflow {
    const KIND: &'static str = WorkflowId::KIND;
    const STATE_VERSION: u32 = 1;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        match (command, &self.definition) {
            (Command::Create(created), _) if self.account.is_none() => {
                distinct_numbers(created.definition.steps.iter().map(|step| step.number))?;
                Ok(vec![Event::Created(created)])
            }
            (Command::Create(_), _) => Ok(Vec::new()),
            (_, None) => Err(Refusal::new(Kind::Missing, "workflow_missing", "Workflow not found")),
            (Command::Change { based_on, .. }, Some(_)) if based_on != self.version => {
                Err(Refusal::new(
                    Kind::Conflict,
                    "workflow_changed",
                    "The workflow has changed meanwhile",
                ))
            }
            (Command::Change { definition, .. }, Some(_)) => {
                distinct_numbers(definition.steps.iter().map(|step| step.number))?;
                Ok(vec![Event::Changed(Changed { version: self.version + 1, definition })])
            }
            (Command::Delete, Some(_)) => Ok(vec![Event::Deleted(Deleted {})]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created(Created { account, definition, .. }) => {
                self.account = Some(*account);
                self.version = 1;
                self.definition = Some(definition.clone());
            }
            Event::Changed(Changed { version, definition }) => {
                self.version = *version;
                self.definition = Some(definition.clone());
            }
            Event::Deleted(_) => self.definition = None,
        }
    }
}

#[cfg(test)]
mod tests;
