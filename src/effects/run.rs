//! What effects need to know of a run: its state at the moment they begin, opened as needed.

use hub_events::execution::{Execution, PlannedStep};
use hub_events::id::{AccountId, CallId, ConnectionId, ExecutionId, WorkflowId};
use hub_events::sealed::Sealed;
use serde_json::{Map, Value};

use super::{Accident, Outside};

/// A run at one moment.
pub(super) struct Run {
    pub(super) execution: ExecutionId,
    pub(super) account: AccountId,
    /// The workflow and its version.
    pub(super) pinned: (WorkflowId, u32),
    pub(super) input: Sealed<Map<String, Value>>,
    /// Results so far, by step number.
    pub(super) results: Vec<(u32, Sealed<Value>)>,
    /// The step that is next or under way.
    pub(super) step: PlannedStep,
    /// The call under way, or the one to be made again under its name.
    pub(super) call: Option<CallId>,
    /// The connection through which the call under way goes.
    pub(super) connection: Option<ConnectionId>,
    /// The arguments of the call under way.
    pub(super) arguments: Option<Sealed<Value>>,
}

impl Run {
    /// The run as it stands; none where no step is next.
    pub(super) fn of(state: &Execution) -> Option<Self> {
        let begun = state.begun()?;
        Some(Self {
            execution: begun.execution,
            account: begun.account,
            pinned: (begun.workflow, begun.workflow_version),
            input: begun.input.clone(),
            results: state.results().to_vec(),
            step: state.current()?.clone(),
            call: state.call(),
            connection: state.connection(),
            arguments: state.arguments().cloned(),
        })
    }

    /// What the run was given, and the results so far.
    pub(super) async fn known(
        &self,
        outside: &Outside,
    ) -> Result<(Map<String, Value>, Vec<(u32, Value)>), Accident> {
        let input = outside.vault.open_sealed(self.account, &self.input).await?;
        let mut results = Vec::with_capacity(self.results.len());
        for (number, result) in &self.results {
            results.push((*number, outside.vault.open_sealed(self.account, result).await?));
        }
        Ok((input, results))
    }
}
