//! What a read model is, and the list of all of them.
//!
//! Never here: when events are applied; that is the runner's.

use hub_events::fact::Fact;
use hub_events::id::StreamId;
use hub_events::recorded::Recorded;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::{
    accounts, connections, conversations, executions, timeline, unfinished, usage, workflows,
};

/// A read model: tables, and how each event changes them.
pub trait Projection: Send + Sync {
    /// Its name, a plural noun.
    fn name(&self) -> &'static str;

    /// Raised when what `apply` writes changes, so that the tables are computed anew.
    fn version(&self) -> u32;

    /// The statements that create its tables.
    fn schema(&self) -> &'static str;

    /// Takes one event in, inside the transaction that also moves the checkpoint. Called
    /// once for each event, in the order of their positions.
    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError>;
}

/// Several read models that are kept together.
pub(crate) type Models = &'static [&'static dyn Projection];

/// Every read model of the hub.
pub(crate) const ALL: Models = &[
    &accounts::Accounts,
    &connections::Connections,
    &workflows::Workflows,
    &executions::Executions,
    &conversations::Conversations,
    &usage::Usage,
    &timeline::Timeline,
    &unfinished::Unfinished,
];

/// Why an event could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// The stream's name does not end in the number of a thing.
    #[error("the stream {0} names no number")]
    Unnumbered(StreamId),
}

/// The number of the thing whose stream this is.
pub(crate) fn number(event: &Recorded) -> Result<i64, ApplyError> {
    event.stream.number().ok_or_else(|| ApplyError::Unnumbered(event.stream.clone()))
}

/// Tells sets of read models apart: 8 hex digits over all names, versions and schemas.
pub(crate) fn fingerprint(models: Models) -> String {
    let mut digest = Sha256::new();
    for model in models {
        for text in [model.name(), model.schema()] {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        digest.update(model.version().to_be_bytes());
    }
    hex::encode(digest.finalize().iter().take(4).copied().collect::<Vec<_>>())
}
