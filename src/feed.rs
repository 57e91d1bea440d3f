//! Live progress: who listens to a stream is told when it moves.
//!
//! A signal says that something happened, which is read from the log, or shows work in the
//! making: the words of an answer that is being written, how far a tool has come. Never stored,
//! never waited for: a slow listener misses signals and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use hub_events::Version;
use hub_events::id::{CallId, StreamId};
use parking_lot::Mutex;
use tokio::sync::broadcast;

/// What listeners are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// The stream has this version now.
    Appended(Version),
    /// More words of the answer that is being written.
    Words(Arc<str>),
    /// More of the reasoning that leads to it.
    Reasoning(Arc<str>),
    /// How far a call has come.
    Progress(CallId, Step),
}

/// How far a call has come, as its tool says.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// In words.
    pub message: Arc<str>,
    /// From 0 to 1, where the tool knows.
    pub fraction: Option<f64>,
}

/// Where a tool tells how far it has come. Cheap where nobody listens.
#[derive(Clone, Debug)]
pub struct Progress {
    feed: Arc<Feed>,
    stream: StreamId,
    call: CallId,
}

impl Progress {
    /// Tells those who listen to `stream` of this call.
    pub fn of(feed: &Arc<Feed>, stream: StreamId, call: CallId) -> Self {
        Self { feed: Arc::clone(feed), stream, call }
    }

    /// Tells how far the call has come.
    pub fn tell(&self, message: &str, fraction: Option<f64>) {
        if self.feed.is_heard(&self.stream) {
            let fraction = fraction.map(|fraction| fraction.clamp(0.0, 1.0));
            let step = Step { message: message.into(), fraction };
            self.feed.tell(&self.stream, Signal::Progress(self.call, step));
        }
    }
}

/// How many signals a listener may lag behind before it misses some.
const LAG: usize = 256;

/// Listeners by stream.
#[derive(Debug, Default)]
pub struct Feed(Mutex<HashMap<StreamId, broadcast::Sender<Signal>>>);

impl Feed {
    /// Listens to a stream from now on.
    pub fn listen(&self, stream: &StreamId) -> broadcast::Receiver<Signal> {
        let mut senders = self.0.lock();
        senders.entry(stream.clone()).or_insert_with(|| broadcast::channel(LAG).0).subscribe()
    }

    /// Whether somebody listens to a stream.
    fn is_heard(&self, stream: &StreamId) -> bool {
        self.0.lock().contains_key(stream)
    }

    /// Tells whoever listens to a stream; forgets it where nobody does any more.
    pub fn tell(&self, stream: &StreamId, signal: Signal) {
        let mut senders = self.0.lock();
        if senders.get(stream).is_some_and(|sender| sender.send(signal).is_err()) {
            senders.remove(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn listeners_hear_of_their_stream_only_and_are_forgotten_when_gone() {
        let feed = Feed::default();
        let (one, other) = (StreamId::new("execution", "1"), StreamId::new("execution", "2"));
        let mut listener = feed.listen(&one);
        feed.tell(&other, Signal::Appended(Version(9)));
        feed.tell(&one, Signal::Appended(Version(1)));
        assert_eq!(listener.recv().await.unwrap(), Signal::Appended(Version(1)));
        drop(listener);
        feed.tell(&one, Signal::Appended(Version(2)));
        assert!(feed.0.lock().is_empty());
    }
}
