//! Reading: streams, everything in order, where a stream stands, snapshots.
//!
//! The client has no filter for reading everything, so what belongs to others is passed over
//! here. Never here: writing.

use std::sync::Arc;

use eventstore::{Client, Error, ReadAllOptions, ReadStreamOptions, RecordedEvent, StreamPosition};

use super::super::{ReadError, Remembered, Snapshot};
use super::commands::{Commands, MEMORY};
use super::link::{Link, patiently, server_position, told};
use super::names::Names;
use super::wire::{self, Entry};
use crate::id::StreamId;
use crate::recorded::{Hash, Position, Recorded, Version};

/// Positions and versions are signed on the server.
const LAST: u64 = i64::MAX.unsigned_abs();

/// Reads the log.
pub(super) struct Reader {
    link: Arc<Link>,
    names: Names,
}

/// What is known of a log when it is opened.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) head: Position,
    pub(super) commands: Commands,
}

fn engine(error: &Error) -> ReadError {
    ReadError::Engine(told(error))
}

impl Reader {
    pub(super) fn new(link: Arc<Link>, names: Names) -> Self {
        Self { link, names }
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Events of one stream after a version.
    pub(super) async fn stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        let events = self.raw_stream(&self.names.of(stream), after, limit).await?;
        let entries = events.iter().map(|event| wire::entry(&self.names, event));
        entries
            .filter_map(|entry| match entry {
                Ok(Some((_, Entry::Event(event, _)))) => Some(Ok(event)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            })
            .collect()
    }

    /// The same, as the server has them.
    pub(super) async fn raw_stream(
        &self,
        name: &str,
        after: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        if limit == 0 || after.0 > LAST {
            return Ok(Vec::new());
        }
        // The revision after a version has the same number.
        let options = ReadStreamOptions::default()
            .position(StreamPosition::Position(after.0))
            .max_count(limit.min(i32::MAX as usize));
        self.collect(name, &options).await
    }

    /// The newest event of a stream, as the server has it.
    async fn newest(&self, name: &str) -> Result<Option<RecordedEvent>, ReadError> {
        let options =
            ReadStreamOptions::default().position(StreamPosition::End).backwards().max_count(1);
        Ok(self.collect(name, &options).await?.pop())
    }

    async fn collect(
        &self,
        name: &str,
        options: &ReadStreamOptions,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let read = self.link.read(|client: Client| async move {
            let mut events = Vec::new();
            let mut stream = patiently(client.read_stream(name, options)).await?;
            loop {
                match patiently(stream.next()).await {
                    Ok(Some(event)) => events.extend(event.event),
                    Ok(None) | Err(Error::ResourceNotFound) => return Ok(events),
                    Err(error) => return Err(error),
                }
            }
        });
        read.await.map_err(|error| engine(&error))
    }

    /// Where a stream stands.
    pub(super) async fn head(&self, stream: &StreamId) -> Result<(Version, Hash), ReadError> {
        let Some(newest) = self.newest(&self.names.of(stream)).await? else {
            return Ok(Default::default());
        };
        match wire::entry(&self.names, &newest)? {
            Some((_, Entry::Event(event, _))) => Ok((event.version, event.hash)),
            _ => Ok(Default::default()),
        }
    }

    /// A stream's snapshot.
    pub(super) async fn snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let newest = self.newest(&self.names.snapshot(stream)).await?;
        Ok(newest.and_then(|event| wire::kept(stream, &event)))
    }

    /// Events of all streams after a position.
    pub(super) async fn all(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        let mut events = Vec::new();
        if limit == 0 {
            return Ok(events);
        }
        let entries = self.entries(after, |entry| {
            if let Entry::Event(event, _) = entry {
                events.push(event);
            }
            events.len() < limit
        });
        entries.await?;
        Ok(events)
    }

    /// The event at a position.
    pub(super) async fn at(&self, position: Position) -> Result<Option<Recorded>, ReadError> {
        let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
        let from = StreamPosition::Position(server_position(position));
        let mut found = None;
        let options = ReadAllOptions::default().position(from).max_count(1);
        self.walk(&options, Position(before), |_, entry| {
            if let Entry::Event(event, _) = entry {
                found = Some(event);
            }
            false
        })
        .await?;
        Ok(found.filter(|event| event.position == position))
    }

    /// Everything of the hub's after a position, as long as it is wanted; the last position.
    pub(super) async fn entries(
        &self,
        after: Position,
        mut wanted: impl FnMut(Entry) -> bool,
    ) -> Result<Position, ReadError> {
        if after.0 > LAST {
            return Ok(after);
        }
        let from = match after {
            Position(0) => StreamPosition::Start,
            after => StreamPosition::Position(server_position(after)),
        };
        let options = ReadAllOptions::default().position(from);
        self.walk(&options, after, |_, entry| wanted(entry)).await
    }

    /// What an opened log has to know, from its end back: the newest event, and the commands
    /// of the time before it.
    pub(super) async fn known(&self) -> Result<Known, ReadError> {
        let mut known = Known { head: Position(0), commands: Commands::default() };
        let mut horizon = None;
        let options = ReadAllOptions::default().position(StreamPosition::End).backwards();
        self.walk(&options, Position(0), |position, entry| {
            let at = match entry {
                Entry::Event(event, command) => {
                    known.head = known.head.max(position);
                    if let Some(command) = command {
                        let Recorded { stream, version, .. } = event;
                        let fingerprint = command.fingerprint;
                        let did = Remembered { stream, version, fingerprint };
                        known.commands.remember(command.key, did, event.context.at);
                    }
                    event.context.at
                }
                Entry::Decided(key, did, at) => {
                    known.commands.remember(key, did, at);
                    at
                }
                Entry::Owned(_) => return true,
            };
            let horizon = *horizon.get_or_insert(at - MEMORY);
            at >= horizon || known.head == Position(0)
        })
        .await?;
        Ok(known)
    }

    /// Walks over everything, passing over what is not after a position. The position of the
    /// last entry.
    async fn walk(
        &self,
        options: &ReadAllOptions,
        after: Position,
        mut wanted: impl FnMut(Position, Entry) -> bool,
    ) -> Result<Position, ReadError> {
        let mut last = after;
        let read = self
            .link
            .read(|client: Client| async move { patiently(client.read_all(options)).await });
        let mut stream = read.await.map_err(|error| engine(&error))?;
        while let Some(next) = patiently(stream.next()).await.map_err(|error| engine(&error))? {
            let entry = match &next.event {
                Some(event) => wire::entry(&self.names, event)?,
                None => None,
            };
            // A read begins with the position it is given.
            let Some((position, entry)) = entry.filter(|(position, _)| *position > after) else {
                continue;
            };
            last = last.max(position);
            if !wanted(position, entry) {
                break;
            }
        }
        Ok(last)
    }
}
