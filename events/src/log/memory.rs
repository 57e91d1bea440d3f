//! An engine in memory, for tests: the same promises, but for durability.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use parking_lot::RwLock;
use tokio::sync::broadcast;

use super::follow::{self, News};
use super::{
    Append, AppendError, Appended, CommandKey, Log, ReadError, Remembered, Snapshot, in_micros,
};
use crate::id::StreamId;
use crate::recorded::{Hash, Position, Recorded, Version};

/// A log in memory.
#[derive(Debug)]
pub struct Memory {
    kept: Arc<RwLock<Kept>>,
    /// Followers hear of new batches until this is dropped.
    followers: broadcast::Sender<Arc<[Recorded]>>,
}

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Recorded>,
    streams: HashMap<StreamId, Vec<usize>>,
    commands: HashMap<CommandKey, Remembered>,
    snapshots: HashMap<StreamId, Snapshot>,
}

impl Memory {
    /// An empty log.
    pub fn new() -> Arc<Self> {
        let followers = broadcast::Sender::new(follow::BATCHES);
        Arc::new(Self { kept: Arc::default(), followers })
    }
}

impl Kept {
    /// Appends, and hands out what a follower has to hear of.
    fn append(&mut self, append: Append) -> Result<(Appended, Vec<Recorded>), AppendError> {
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
        let (stream, context) = (&append.stream, in_micros(append.context));
        let first = self.events.len();
        for (index, event) in append.events.iter().enumerate() {
            let (version, schema) = (current.plus(index + 1), event.schema);
            hash = hash.next(stream, version, event.event_type, schema, &context, &event.data);
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
        let batch = self.events.iter().skip(first).cloned().collect();
        Ok((Appended { position: Position(self.events.len() as u64), version }, batch))
    }

    fn stream(&self, stream: &StreamId, after: Version, limit: usize) -> Vec<Recorded> {
        let places = self.streams.get(stream).into_iter().flatten();
        let places = places.skip(after.0 as usize).take(limit);
        places.filter_map(|place| self.events.get(*place)).cloned().collect()
    }

    /// Keeps a snapshot, unless there is a newer one of the same shape or the stream has not
    /// come so far.
    fn save(&mut self, snapshot: Snapshot) {
        let version = self.streams.get(&snapshot.stream).map_or(0, Vec::len) as u64;
        let older = |kept: &Snapshot| {
            kept.state_version == snapshot.state_version && kept.version > snapshot.version
        };
        if version >= snapshot.version.0 && !self.snapshots.get(&snapshot.stream).is_some_and(older)
        {
            self.snapshots.insert(snapshot.stream.clone(), snapshot);
        }
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
        // Followers hear of it before the next append, so they hear of all in order.
        let mut kept = self.kept.write();
        ready(kept.append(append).map(|(appended, batch)| {
            if !batch.is_empty() {
                // Whether anybody follows does not matter.
                let _ = self.followers.send(batch.into());
            }
            appended
        }))
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        ready(Ok(self.kept.read().stream(stream, after, limit)))
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        ready(Ok(self.kept.read().all(after, limit)))
    }

    fn read_at(
        &self,
        position: Position,
    ) -> BoxFuture<'static, Result<Option<Recorded>, ReadError>> {
        super::read_next(self, position)
    }

    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
        let news = News::Told(self.followers.subscribe());
        let kept = Arc::clone(&self.kept);
        let read = move |after, limit| ready(Ok(kept.read().all(after, limit)));
        follow::follow(Box::new(read), news, after)
    }

    fn head(&self) -> Position {
        Position(self.kept.read().events.len() as u64)
    }

    fn is_gapless(&self) -> bool {
        true
    }

    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>> {
        ready(Ok(self.kept.read().commands.get(&key).cloned()))
    }

    fn save_snapshot(&self, snapshot: Snapshot) {
        self.kept.write().save(snapshot);
    }

    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let kept = self.kept.read().snapshots.get(stream).cloned();
        ready(Ok(kept.filter(|snapshot| snapshot.state_version == state_version)))
    }

    fn refusing(&self) -> Option<Arc<str>> {
        None
    }
}
