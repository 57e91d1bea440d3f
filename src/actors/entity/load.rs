//! Reading a thing back: snapshot, the rest of its stream, and what being found unfinished
//! means.

use std::sync::Arc;

use hub_events::fact::decode_as;
use hub_events::id::StreamId;
use hub_events::log::{Append, NewEvent};
use hub_events::{Actor, Context, Position};
use uuid::Uuid;

use super::super::directory::Place;
use super::{Accepted, LoadError};
use crate::effects::Effectful;

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// A thing as the log has it.
pub(super) struct Loaded<D> {
    pub(super) state: D,
    pub(super) at: Accepted,
    /// What began the newest of its events.
    pub(super) correlation: Uuid,
}

/// Reads a thing whose actor begins.
pub(super) async fn load<D: Effectful>(
    stream: StreamId,
    place: Arc<Place<D>>,
) -> Result<Loaded<D>, LoadError> {
    let log = &place.outside.log;
    let snapshot = log.load_snapshot(&stream, D::STATE_VERSION).await?;
    // A snapshot that is not readable is passed over: it is an optimization.
    let begun = snapshot
        .and_then(|kept| Some((kept.version, serde_json::from_str(&kept.state).ok()?)))
        .unwrap_or_default();
    let (version, state) = begun;
    let at = Accepted { version, position: Position(0) };
    let loaded = Loaded { state, at, correlation: Uuid::nil() };
    let mut loaded = load_on(stream.clone(), Arc::clone(&place), loaded).await?;
    let found = loaded.state.restarted();
    if !found.is_empty() {
        let context = Context {
            at: place.outside.clock.now(),
            account: loaded.state.account(),
            actor: Actor::Hub,
            correlation: loaded.correlation,
            causation: Some(loaded.at.position).filter(|position| *position != Position(0)),
        };
        let events = found.iter().map(NewEvent::of).collect::<Result<_, _>>()?;
        let expected = loaded.at.version;
        let append = Append { stream, expected, events, context, command: None };
        let appended = log.append(append).await?;
        found.iter().for_each(|event| loaded.state.evolve(event));
        loaded.at = Accepted { version: appended.version, position: appended.position };
    }
    Ok(loaded)
}

/// Reads on from what is known of a thing.
pub(super) async fn load_on<D: Effectful>(
    stream: StreamId,
    place: Arc<Place<D>>,
    mut known: Loaded<D>,
) -> Result<Loaded<D>, LoadError> {
    loop {
        let page = place.outside.log.read_stream(&stream, known.at.version, PAGE).await?;
        for recorded in &page {
            known.state.evolve(&decode_as::<D::Event>(recorded)?);
            known.at = Accepted { version: recorded.version, position: recorded.position };
            known.correlation = recorded.context.correlation;
        }
        if page.len() < PAGE {
            return Ok(known);
        }
    }
}
