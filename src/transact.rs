//! Asking something of a thing that needs no actor: read its stream, decide, append.
//!
//! For small things that wait for nothing: counters, claims, collections. Things with pending
//! effects are asked through `actors`.

use std::sync::Arc;

use hub_events::fact::{DecodeError, decode_as};
use hub_events::id::StreamId;
use hub_events::log::{Append, AppendError, Command, Log, NewEvent, ReadError};
use hub_events::{Context, Decider, Refusal, Version};

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// An expected no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log did not take it, or may not have.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event is not understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An event has no wire form.
    #[error("an event cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
}

const PAGE: usize = 1_000;

/// How often a command is decided again when others write to the same stream.
const TRIES: usize = 64;

/// The state of a thing, and its version.
pub async fn load<D: Decider>(
    log: &Arc<dyn Log>,
    stream: &StreamId,
) -> Result<(D, Version), TransactError> {
    load_on(log, stream, D::default(), Version(0)).await
}

/// The state of a thing, going on from what is known of it.
pub async fn load_on<D: Decider>(
    log: &Arc<dyn Log>,
    stream: &StreamId,
    mut state: D,
    mut version: Version,
) -> Result<(D, Version), TransactError> {
    loop {
        let page = log.read_stream(stream, version, PAGE).await?;
        for recorded in &page {
            state.evolve(&decode_as::<D::Event>(recorded)?);
            version = recorded.version;
        }
        if page.len() < PAGE {
            return Ok((state, version));
        }
    }
}

/// Has a thing decide a command and appends what follows; answers with the new state and the
/// events. Where somebody else wrote meanwhile, it decides again.
pub async fn transact<D>(
    log: &Arc<dyn Log>,
    stream: &StreamId,
    command: D::Command,
    context: Context,
) -> Result<(D, Vec<D::Event>), TransactError>
where
    D: Decider,
    D::Command: Clone,
{
    transact_once(log, stream, command, context, None).await
}

/// The same, for a command of a client that must take effect once: where it did before, the
/// answer is [`AppendError::Duplicate`].
pub async fn transact_once<D>(
    log: &Arc<dyn Log>,
    stream: &StreamId,
    command: D::Command,
    context: Context,
    once: Option<Command>,
) -> Result<(D, Vec<D::Event>), TransactError>
where
    D: Decider,
    D::Command: Clone,
{
    let (mut state, mut version) = load::<D>(log, stream).await?;
    for _ in 0..TRIES {
        let decided = state.decide(command.clone(), context.at)?;
        if decided.is_empty() {
            return Ok((state, decided));
        }
        let append = Append {
            stream: stream.clone(),
            expected: version,
            events: decided.iter().map(NewEvent::of).collect::<Result<_, _>>()?,
            context: context.clone(),
            command: once,
        };
        match log.append(append).await {
            Ok(_) => {
                decided.iter().for_each(|event| state.evolve(event));
                return Ok((state, decided));
            }
            Err(AppendError::WrongVersion { .. }) => {
                (state, version) = load_on(log, stream, state, version).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(AppendError::WrongVersion { current: version }.into())
}
