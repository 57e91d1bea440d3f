//! What can be asked of a call, by people and by the effects that come back.
//!
//! Never here: what follows from it; the rules are in the module above.

use super::event::Requested;
use crate::execution::{Outcome, Resolution};

/// What can be asked of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make it. Where the call needs no intent on record, with what came of it.
    Request {
        /// What is asked for.
        requested: Requested,
        /// What came of it, where it was made already.
        outcome: Option<Outcome>,
    },
    /// Record what came of it.
    RecordOutcome {
        /// What came of it.
        outcome: Outcome,
    },
    /// Let it go on, if its moment has come.
    Wake,
    /// Stop it.
    Cancel,
    /// Settle its doubt.
    Resolve {
        /// How.
        resolution: Resolution,
    },
}
