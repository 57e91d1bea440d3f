//! What can be asked of a connection, by its holder and by those who use it.
//!
//! Never here: what follows from it; the rules are in the module above.

use super::event::{Changed, Created, Expired, Refreshed, Tested};
use crate::sealed::Sealed;

/// What can be asked of a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make it.
    Create(Created),
    /// Change it.
    Change {
        /// What it shall be.
        changed: Changed,
        /// Whether its holder gave another secret with that.
        rotated: bool,
    },
    /// Record what a test came to.
    RecordTest(Tested),
    /// Record that the platform does not accept it any more.
    RecordError {
        /// Why, in words.
        reason: Sealed<String>,
    },
    /// Record that its access was renewed.
    RecordRefresh(Refreshed),
    /// Record that its access ended.
    Expire(Expired),
    /// Delete it.
    Delete,
}
