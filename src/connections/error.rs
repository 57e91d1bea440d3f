//! Why nothing can be done with a connection.
//!
//! Never here: what that means for a client or a call.

use hub_events::refusal::{Kind, Refusal};
use hub_projections::{Lagging, ViewError};

use crate::platforms::ConfigFault;
use crate::transact::TransactError;
use crate::vault::VaultError;

/// Why nothing can be done with a connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// An expected no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What it shall be made of is wrong.
    #[error("{}", told(.0))]
    Invalid(Vec<ConfigFault>),
    /// The log failed.
    #[error(transparent)]
    Log(TransactError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The read model failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The read model is behind.
    #[error(transparent)]
    Lagging(#[from] Lagging),
    /// The hub is being stopped.
    #[error("the hub is being stopped")]
    Stopping,
}

impl From<TransactError> for ConnectionError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Refused(refusal) => Self::Refused(refusal),
            other => Self::Log(other),
        }
    }
}

/// All faults in one sentence; never with a value in it.
fn told(faults: &[ConfigFault]) -> String {
    faults.iter().map(|fault| &*fault.message).collect::<Vec<_>>().join("; ")
}

/// There is none, or not for this account.
pub(super) fn missing() -> Refusal {
    Refusal::new(Kind::Missing, "connection_missing", "Connection not found")
}

/// The platform of a connection is not in the catalogue any more.
pub(super) fn no_platform(platform: &str) -> Refusal {
    let detail = format!("The platform `{platform}` is not known to this hub");
    Refusal::new(Kind::Conflict, "platform_unknown", detail)
}
