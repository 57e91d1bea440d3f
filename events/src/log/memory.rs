//! An engine in memory, for tests: the same promises, but for durability.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use parking_lot::RwLock;
use tokio::sync::broadcast;

use super::follow;
use super::{Append, AppendError, Appended, CommandKey, Log, ReadError, Remembered, Snapshot};
use crate::id::StreamId;
use crate::recorded::{Hash, Position, Recorded, Version};

/// A log in memory.
#[derive(Debug)]
pub struct Memory(Arc<RwLock<Kept>>);

#[derive(Debug)]
struct Kept {
    events: Vec<Recorded>,
    streams: HashMap<StreamId, Vec<usize>>,
    commands: HashMap<CommandKey, Remembered>,
    snapshots: HashMap<StreamId, Snapshot>,
    batches: broadcast::Sender<Arc<[Recorded]>>,
}

impl Memory {
    /// An empty log.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Arc::new(RwLock::new(Kept {
            events: Vec::new(),
            streams: HashMap::new(),
            commands: HashMap::new(),
            snapshots: HashMap::new(),
            batches: broadcast::channel(1_024).0,
        }))))
    }
}

impl Kept {
    fn append(&mut self, append: Append) -> Result<Appended, AppendError> {
        if let Some(before) = append.command.and_then(|command| self.commands.get(&command.key)) {
            return Err(AppendError::Duplicate(before.clone()));
        }
        let places = self.streams.entry(append.stream.clone()).or_default();
        let newest = places.last().and_then(|place| self.events.get(*place));
        let (current, mut hash) =
            newest.map_or((Version(0), Hash::default()), |event| (event.version, event.hash));
        if current != append.expected {
            return Err(AppendError::WrongVersion { current });
        }
        let (stream, context) = (&append.stream, &append.context);
        let first = self.events.len();
        for (index, event) in append.events.iter().enumerate() {
            let (version, schema) = (current.plus(index + 1), event.schema);
            hash = hash.next(stream, version, event.event_type, schema, context, &event.data);
            places.push(self.events.len());
            self.events.push(Recorded {
                position: Position(self.events.len() as u64 + 1),
                stream: stream.clone(),
                version,
                event_type: event.event_type.into(),
                schema,
                context: context.clone(),
                data: event.data.as_str().into(),
                hash,
            });
        }
        let version = current.plus(append.events.len());
        if let Some(command) = append.command {
            let (stream, fingerprint) = (append.stream, command.fingerprint);
            self.commands.insert(command.key, Remembered { stream, version, fingerprint });
        }
        // Whether anybody follows does not matter.
        let _ = self.batches.send(self.events.iter().skip(first).cloned().collect());
        Ok(Appended { position: Position(self.events.len() as u64), version })
    }

    fn stream(&self, stream: &StreamId, after: Version, limit: usize) -> Vec<Recorded> {
        let places = self.streams.get(stream).into_iter().flatten();
        let places = places.skip(after.0 as usize).take(limit);
        places.filter_map(|place| self.events.get(*place)).cloned().collect()
    }

    fn all(&self, after: Position, limit: usize) -> Vec<Recorded> {
        self.events.iter().skip(after.0 as usize).take(limit).cloned().collect()
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl Log for Memory {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, AppendError>> {
        ready(self.0.write().append(append))
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        ready(Ok(self.0.read().stream(stream, after, limit)))
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        ready(Ok(self.0.read().all(after, limit)))
    }

    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
        let kept = Arc::clone(&self.0);
        let batches = kept.read().batches.subscribe();
        follow::follow(after, batches, move |after, limit| ready(Ok(kept.read().all(after, limit))))
    }

    fn head(&self) -> Position {
        Position(self.0.read().events.len() as u64)
    }

    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>> {
        ready(Ok(self.0.read().commands.get(&key).cloned()))
    }

    fn save_snapshot(&self, snapshot: Snapshot) {
        self.0.write().snapshots.insert(snapshot.stream.clone(), snapshot);
    }

    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let kept = self.0.read().snapshots.get(stream).cloned();
        ready(Ok(kept.filter(|snapshot| snapshot.state_version == state_version)))
    }

    fn refusing(&self) -> Option<Arc<str>> {
        None
    }
}
