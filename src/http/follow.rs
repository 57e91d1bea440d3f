//! A stream of events as server-sent events: first what is on record, then what happens.
//!
//! Each frame's id is the position of its event, so a client that comes back with
//! `Last-Event-ID` misses nothing and sees nothing twice, also after a restart of the hub. What
//! is shown in the making (words of an answer) has no id: it is not on record, and what it
//! leads to comes again in whole. Never here: what an event says.

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use hub_events::id::StreamId;
use hub_events::{Position, Recorded, Version};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::problem::Problem;
use crate::Hub;
use crate::feed::Signal;

/// How often a silent stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many events are read at a time.
const PAGE: usize = 200;

/// One frame: the name of what happened, and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) name: &'static str,
    pub(super) data: Value,
}

/// What is told of an event on record.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) frames: Vec<Frame>,
    /// Whether the answer ends here, if this is the newest event.
    pub(super) over: bool,
}

/// Tells the events of one stream to one client.
pub(super) trait Teller: 'static {
    /// What is told of an event on record.
    fn tell<'a>(
        &'a mut self,
        hub: &'a Hub,
        recorded: &'a Recorded,
    ) -> LocalBoxFuture<'a, Result<Told, Problem>>;

    /// What is told of work in the making.
    fn show(&mut self, _signal: &Signal) -> Option<Frame> {
        None
    }
}

/// The last event that a client saw, as its request says.
pub(super) fn last_seen(request: &HttpRequest) -> Position {
    let seen = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    Position(seen.and_then(|value| value.trim().parse().ok()).unwrap_or_default())
}

/// A stream that is followed.
struct Follower<T> {
    hub: Data<Hub>,
    stream: StreamId,
    teller: T,
    /// The last event that the client saw.
    seen: Position,
    /// How far the stream was read.
    at: Version,
    /// Whether there may be events beyond that.
    behind: bool,
    /// Listened to since before the first read, so that nothing is missed in between.
    signals: Receiver<Signal>,
}

/// Answers with a stream's events after a version, until its teller says that it is over.
pub(super) fn follow<T: Teller>(
    hub: Data<Hub>,
    stream: StreamId,
    place: (Version, Position),
    teller: T,
) -> HttpResponse {
    let signals = hub.feed.listen(&stream);
    follow_heard(hub, stream, signals, place, teller)
}

/// The same where the stream was listened to before, so that nothing in the making is missed.
pub(super) fn follow_heard<T: Teller>(
    hub: Data<Hub>,
    stream: StreamId,
    signals: Receiver<Signal>,
    (after, seen): (Version, Position),
    teller: T,
) -> HttpResponse {
    let follower = Follower { hub, stream, teller, seen, at: after, behind: true, signals };
    let body = stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok((bytes, over)) => Some((Ok(bytes), (!over).then_some(follower))),
            Err(problem) => Some((Err(problem), None)),
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body)
}

impl<T: Teller> Follower<T> {
    /// The next piece of the answer, and whether it is the last. The log is read only when the
    /// stream has moved, so what is shown in the making comes before its record.
    async fn next(&mut self) -> Result<(Bytes, bool), Problem> {
        loop {
            if self.behind {
                let (text, over) = self.read().await?;
                if !text.is_empty() || over {
                    return Ok((text.into(), over));
                }
            }
            if !self.behind {
                match self.signal().await {
                    Heard::Moved => self.behind = true,
                    Heard::Shown(frame) => {
                        let mut text = String::new();
                        write(&mut text, &frame);
                        return Ok((text.into(), false));
                    }
                    Heard::Nothing => {
                        self.behind = true;
                        return Ok((Bytes::from_static(b": still here\n\n"), false));
                    }
                }
            }
        }
    }

    /// What is told of the next events on record, and whether that is all.
    async fn read(&mut self) -> Result<(String, bool), Problem> {
        let page = self.hub.log.read_stream(&self.stream, self.at, PAGE).await?;
        self.behind = page.len() == PAGE;
        let (mut text, mut over) = (String::new(), false);
        for recorded in &page {
            self.at = recorded.version;
            let told = self.teller.tell(&self.hub, recorded).await?;
            over = told.over;
            if recorded.position > self.seen {
                self.seen = recorded.position;
                // The id stands with the last, so that a client whose connection broke off
                // between them is told all of them again.
                for (place, frame) in told.frames.iter().enumerate() {
                    if place + 1 == told.frames.len() {
                        text.push_str(&format!("id: {}\n", recorded.position));
                    }
                    write(&mut text, frame);
                }
            }
        }
        Ok((text, over))
    }

    /// Waits for the stream to move.
    async fn signal(&mut self) -> Heard {
        loop {
            match tokio::time::timeout(HEARTBEAT, self.signals.recv()).await {
                Ok(Ok(Signal::Appended(version))) if version <= self.at => {}
                Ok(Ok(Signal::Appended(_)) | Err(RecvError::Lagged(_))) => return Heard::Moved,
                Ok(Ok(signal)) => {
                    if let Some(frame) = self.teller.show(&signal) {
                        return Heard::Shown(frame);
                    }
                }
                Ok(Err(RecvError::Closed)) => {
                    self.signals = self.hub.feed.listen(&self.stream);
                    return Heard::Moved;
                }
                Err(_) => return Heard::Nothing,
            }
        }
    }
}

/// What came while waiting.
enum Heard {
    /// Something may be on record since.
    Moved,
    /// Work in the making.
    Shown(Frame),
    /// Nothing for a while.
    Nothing,
}

fn write(text: &mut String, Frame { name, data }: &Frame) {
    text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
}
