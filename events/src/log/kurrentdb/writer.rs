//! The one task that writes. It takes what waits in rounds: what concerns different streams
//! is under way at the same time, what concerns the same one comes in order.
//!
//! After each round it reads back what has come to be, for followers and for the positions
//! that an append's answer does not tell. Never here: what an event looks like on the server.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use eventstore::{Error, EventData, ExpectedRevision};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, oneshot};
use uuid::Uuid;

use super::super::{
    Append, AppendError, Appended, Command, ReadError, Remembered, Snapshot, in_micros,
};
use super::fresh_id;
use super::link::{Link, TRIES, pause, position, told};
use super::names::Names;
use super::reader::Reader;
use super::state::Shared;
use super::wire::{self, Entry};
use crate::id::StreamId;
use crate::recorded::{Context, Hash, Position, Recorded, Version};

/// How many messages are taken at once.
const TAKEN: usize = 256;

/// Of how many streams it is known by heart where they stand.
const HEADS: usize = 65_536;

/// How often it is tried whether the server can be spoken to again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The answer to an append.
type Answer = Result<Appended, AppendError>;

/// What the writer is asked for.
pub(super) enum Message {
    /// Append this, and tell how it went.
    Append { append: Append, to: oneshot::Sender<Answer> },
    /// Keep this state.
    Snapshot(Snapshot),
}

impl Message {
    fn stream(&self) -> &StreamId {
        match self {
            Self::Append { append, .. } => &append.stream,
            Self::Snapshot(snapshot) => &snapshot.stream,
        }
    }

    fn command(&self) -> Option<&Command> {
        match self {
            Self::Append { append, .. } => append.command.as_ref(),
            Self::Snapshot(_) => None,
        }
    }
}

/// The writer.
pub(super) struct Writer {
    reader: Arc<Reader>,
    shared: Arc<Shared>,
    followers: broadcast::Sender<Arc<[Recorded]>>,
    /// By which this one is told from whoever opens the log after it.
    owner: Uuid,
    heads: Mutex<HashMap<StreamId, (Version, Hash)>>,
    /// Up to where was read back.
    seen: Position,
}

/// What stands where events were to be appended.
enum Found {
    /// They do, up to this position.
    Ours(Position),
    /// Others; the stream has this version.
    Others(Version),
    /// Nothing.
    Nothing,
}

/// Writes down who writes from here on; where that stands.
pub(super) async fn take_over(
    link: &Link,
    names: &Names,
    owner: Uuid,
) -> Result<Position, ReadError> {
    let failed = |reason: Arc<str>| ReadError::Engine(reason);
    let event = wire::owned(owner).map_err(|error| failed(error.to_string().into()))?;
    let mut tried = 0;
    loop {
        let name = names.owner();
        match link.append(&name, ExpectedRevision::Any, vec![event.clone()]).await {
            Ok(position) => return Ok(position.unwrap_or_default()),
            Err(error) if tried + 1 >= TRIES => return Err(failed(told(&error))),
            Err(_) => tried += 1,
        }
        pause(tried).await;
    }
}

/// Takes out what can be under way at the same time: the first for each stream and each
/// command. What stays behind keeps its order.
fn round(waiting: &mut Vec<Message>) -> Vec<Message> {
    let (mut streams, mut commands) = (HashSet::new(), HashSet::new());
    let (taken, left) = std::mem::take(waiting).into_iter().partition(|message| {
        let first = streams.insert(message.stream().clone());
        message.command().is_none_or(|command| commands.insert(command.key)) && first
    });
    *waiting = left;
    taken
}

impl Writer {
    pub(super) fn new(
        reader: Arc<Reader>,
        shared: Arc<Shared>,
        followers: broadcast::Sender<Arc<[Recorded]>>,
        owner: Uuid,
        seen: Position,
    ) -> Self {
        Self { reader, shared, followers, owner, heads: Mutex::default(), seen }
    }

    /// Writes until the queue is closed and empty.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut waiting = Vec::new();
        loop {
            let received = queue.recv_many(&mut waiting, TAKEN);
            if self.shared.is_waiting() {
                match tokio::time::timeout(TRY_AGAIN, received).await {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(_) => self.try_again().await,
                }
            } else if received.await == 0 {
                return;
            }
            while !waiting.is_empty() {
                let settling = round(&mut waiting).into_iter().map(|message| self.settle(message));
                if join_all(settling).await.contains(&true) {
                    self.read_back().await;
                }
            }
        }
    }

    async fn try_again(&mut self) {
        if self.read_back().await {
            self.shared.recover();
        }
    }

    /// Does what is asked; whether there may be a new event of the hub's now.
    async fn settle(&self, message: Message) -> bool {
        match message {
            Message::Append { append, to } => {
                let answer = match self.shared.refusing() {
                    Some(reason) => Err(AppendError::Refusing(reason)),
                    None => self.append(append).await,
                };
                use AppendError::{Duplicate, Refusing};
                let written = !matches!(answer, Err(Duplicate(_) | Refusing(_)));
                // Whoever does not wait any more does not need it.
                let _ = to.send(answer);
                written
            }
            Message::Snapshot(snapshot) => {
                if let Err(error) = self.keep(&snapshot).await {
                    tracing::warn!(stream = %snapshot.stream, %error, "a snapshot was not kept");
                }
                false
            }
        }
    }

    async fn append(&self, append: Append) -> Answer {
        if let Some(command) = &append.command
            && let Some(did) = self.shared.commands().find(command.key)
        {
            return Err(AppendError::Duplicate(did));
        }
        let (current, hash) = self.head(&append.stream).await?;
        if current != append.expected {
            return Err(AppendError::WrongVersion { current });
        }
        if append.events.is_empty() {
            return self.decided(&append).await;
        }
        let Append { stream, expected, events, context, command } = append;
        let context = in_micros(context);
        let (events, hash) = chained(&stream, expected, hash, &events, &context, command.as_ref())
            .map_err(|error| AppendError::Refusing(error.to_string().into()))?;
        let sent = self.send(&self.reader.names().of(&stream), expected, &events).await;
        let position = sent.inspect_err(|error| self.failed(&stream, error))?;
        let version = expected.plus(events.len());
        self.heads.lock().insert(stream.clone(), (version, hash));
        self.shared.advance(position);
        if let Some(Command { key, fingerprint }) = command {
            let did = Remembered { stream, version, fingerprint };
            self.shared.commands().remember(key, did, context.at);
        }
        Ok(Appended { position, version })
    }

    /// Where a stream stands.
    async fn head(&self, stream: &StreamId) -> Result<(Version, Hash), AppendError> {
        if let Some(head) = self.heads.lock().get(stream) {
            return Ok(*head);
        }
        let head = self.reader.head(stream).await.map_err(|error| self.refuse(&error))?;
        let mut heads = self.heads.lock();
        if heads.len() >= HEADS {
            heads.clear();
        }
        heads.insert(stream.clone(), head);
        Ok(head)
    }

    /// Nothing was written since the log could not be read.
    fn refuse(&self, error: &ReadError) -> AppendError {
        let reason: Arc<str> = error.to_string().into();
        self.shared.wait(&reason);
        AppendError::Refusing(reason)
    }

    /// After a failure it is asked again where a stream stands, and nothing more is written
    /// before what may have happened has been read back.
    fn failed(&self, stream: &StreamId, error: &AppendError) {
        self.heads.lock().remove(stream);
        if let AppendError::Unknown(reason) = error {
            self.shared.wait(reason);
        }
    }

    /// Keeps a command that decided to nothing.
    async fn decided(&self, append: &Append) -> Answer {
        let (version, at) = (append.expected, in_micros(append.context.clone()).at);
        let appended = Appended { position: self.shared.head(), version };
        let Some(command) = &append.command else { return Ok(appended) };
        let micros = at.timestamp_micros();
        let event = wire::decided(&append.stream, version, micros, command, fresh_id())
            .map_err(|error| AppendError::Refusing(error.to_string().into()))?;
        let name = self.reader.names().commands();
        let noted = self.note(&name, event).await;
        noted.inspect_err(|error| self.failed(&append.stream, error))?;
        let (stream, fingerprint) = (append.stream.clone(), command.fingerprint);
        let did = Remembered { stream, version, fingerprint };
        self.shared.commands().remember(command.key, did, at);
        Ok(appended)
    }

    /// Appends until it is known what became of it. The server knows the events by their ids,
    /// so they are there once however often they are sent.
    async fn send(
        &self,
        name: &str,
        expected: Version,
        events: &[(Uuid, EventData)],
    ) -> Result<Position, AppendError> {
        let revision = match expected.0.checked_sub(1) {
            None => ExpectedRevision::NoStream,
            Some(newest) => ExpectedRevision::Exact(newest),
        };
        let mut reason: Arc<str> = "nothing was sent".into();
        for tried in 1..=TRIES {
            let contents = events.iter().map(|(_, event)| event.clone()).collect();
            let refusal = match self.reader.link().append(name, revision, contents).await {
                Ok(Some(position)) => return Ok(position),
                Ok(None) => None,
                Err(error) => Some(error),
            };
            match (self.look(name, expected, events).await, refusal) {
                (Ok(Found::Ours(position)), _) => return Ok(position),
                (Ok(Found::Others(current)), _) => {
                    return Err(AppendError::WrongVersion { current });
                }
                (Ok(Found::Nothing), Some(refusal)) if is_answer(&refusal) => {
                    return Err(AppendError::Refusing(told(&refusal)));
                }
                (Ok(Found::Nothing), Some(error)) => reason = told(&error),
                (Ok(Found::Nothing), None) => {}
                (Err(error), _) => reason = error.to_string().into(),
            }
            pause(tried).await;
        }
        Err(AppendError::Unknown(reason))
    }

    /// What stands where events were to be appended.
    async fn look(
        &self,
        name: &str,
        after: Version,
        events: &[(Uuid, EventData)],
    ) -> Result<Found, ReadError> {
        let found = self.reader.raw_stream(name, after, events.len()).await?;
        let Some(last) = found.last() else { return Ok(Found::Nothing) };
        let ours = found.len() == events.len()
            && found.iter().zip(events).all(|(found, (id, _))| found.id == *id);
        if ours {
            return Ok(Found::Ours(position(last.position)));
        }
        let rest = self.reader.raw_stream(name, after, usize::MAX).await?;
        Ok(Found::Others(after.plus(rest.len())))
    }

    /// Keeps a snapshot, unless there is a newer one of the same shape or the stream has not
    /// come so far.
    async fn keep(&self, snapshot: &Snapshot) -> Result<(), AppendError> {
        let failed = |error: serde_json::Error| AppendError::Refusing(error.to_string().into());
        let (version, _) = self.head(&snapshot.stream).await?;
        let kept = self.reader.snapshot(&snapshot.stream).await;
        let kept = kept.map_err(|error| AppendError::Refusing(error.to_string().into()))?;
        let newer = kept.as_ref().is_some_and(|kept| {
            kept.state_version == snapshot.state_version && kept.version > snapshot.version
        });
        if version < snapshot.version || newer {
            return Ok(());
        }
        let name = self.reader.names().snapshot(&snapshot.stream);
        if kept.is_none() {
            let setting = wire::only_newest(fresh_id()).map_err(failed)?;
            self.note(&Names::settings(&name), setting).await?;
        }
        self.note(&name, wire::snapshot(snapshot, fresh_id()).map_err(failed)?).await
    }

    /// Appends something of the engine's own.
    async fn note(&self, name: &str, event: EventData) -> Result<(), AppendError> {
        let written = self.reader.link().append(name, ExpectedRevision::Any, vec![event]).await;
        written.map(drop).map_err(|error| AppendError::Unknown(told(&error)))
    }

    /// Reads what has come to be since the last time, and tells followers. Whether that went
    /// well.
    async fn read_back(&mut self) -> bool {
        let (mut events, mut taken_over) = (Vec::new(), false);
        let (shared, owner) = (Arc::clone(&self.shared), self.owner);
        let read = self.reader.entries(self.seen, |entry| {
            match entry {
                Entry::Event(event, command) => {
                    if let Some(Command { key, fingerprint }) = command {
                        let (stream, version) = (event.stream.clone(), event.version);
                        let did = Remembered { stream, version, fingerprint };
                        shared.commands().remember(key, did, event.context.at);
                    }
                    events.push(event);
                }
                Entry::Decided(key, did, at) => shared.commands().remember(key, did, at),
                Entry::Owned(by) => taken_over |= by != owner,
            }
            true
        });
        let read = read.await;
        match read {
            Ok(seen) => self.seen = seen,
            Err(error) => {
                self.shared.wait(&error.to_string().into());
                return false;
            }
        }
        if taken_over {
            self.shared.break_down("another hub has opened this log and writes to it now");
        }
        if let Some(last) = events.last() {
            self.shared.advance(last.position);
            // Whether anybody follows does not matter.
            let _ = self.followers.send(events.into());
        }
        true
    }
}

/// Whether the server has looked at an append and said no.
fn is_answer(error: &Error) -> bool {
    matches!(error, Error::Grpc { .. } | Error::AccessDenied | Error::ResourceDeleted)
        || error.is_unsupported_feature()
}

/// Events as links of their stream's chain, each with its id, and the chain's new end.
#[allow(clippy::type_complexity)]
fn chained(
    stream: &StreamId,
    expected: Version,
    mut hash: Hash,
    events: &[super::super::NewEvent],
    context: &Context,
    command: Option<&Command>,
) -> serde_json::Result<(Vec<(Uuid, EventData)>, Hash)> {
    let mut links = Vec::with_capacity(events.len());
    for (new, index) in events.iter().zip(1..) {
        let version = expected.plus(index);
        hash = hash.next(stream, version, new.event_type, new.schema, context, &new.data);
        // The last event tells the version that the command led to.
        let command = command.filter(|_| index == events.len());
        let id = fresh_id();
        links.push((id, wire::event(new, context, hash, command, id)?));
    }
    Ok((links, hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::Actor;

    fn message(stream: &str, key: Option<u8>) -> Message {
        let context = Context {
            at: chrono::DateTime::UNIX_EPOCH,
            account: None,
            actor: Actor::Hub,
            correlation: Uuid::nil(),
            causation: None,
        };
        let command = key.map(|key| Command {
            key: super::super::super::CommandKey([key; 32]),
            fingerprint: [0; 32],
        });
        let (stream, expected) = (StreamId::new("a", stream), Version(0));
        let append = Append { stream, expected, events: Vec::new(), context, command };
        Message::Append { append, to: oneshot::channel().0 }
    }

    #[test]
    fn a_round_has_each_stream_and_each_command_once_in_order() {
        let asked = [("1", None), ("2", Some(1)), ("1", None), ("3", Some(1)), ("3", None)];
        let mut waiting = asked.into_iter().map(|(stream, key)| message(stream, key)).collect();
        let mut rounds = Vec::new();
        while !Vec::is_empty(&waiting) {
            let taken = round(&mut waiting);
            rounds.push(taken.iter().map(|it| it.stream().key().to_owned()).collect::<Vec<_>>());
        }
        assert_eq!(rounds, [vec!["1", "2"], vec!["1", "3"], vec!["3"]]);
    }
}
