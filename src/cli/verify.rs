//! `hub verify`: whether the log is complete and unchanged.
//!
//! Positions have no gap, each stream's versions have none, every hash follows from the one
//! before, every event can be understood. Works on a copy, and beside a running server. Never
//! here: repairing anything.

use std::fmt;
use std::path::Path;

use hub_events::id::StreamId;
use hub_events::log::{Chain, Fault, Log as _, ReadError};
use hub_events::{Position, Recorded};
use indicatif::ProgressBar;
use serde::Serialize;

use super::data::{self, Pages};
use super::output::{self, Output};

/// Checks the log up to its present end and prints the verdict.
pub(super) fn verify(directory: &Path, output: &mut Output) -> anyhow::Result<()> {
    let log = data::open_for_reading(directory)?;
    let head = log.head();
    let bar = output::progress(head.0);
    let pages = Pages::of_log(log, Position(0));
    let checked = data::runtime()?.block_on(check(pages, head, &bar));
    bar.finish_and_clear();
    match checked? {
        Ok(sound) => output.print(&sound)?,
        Err(broken) => {
            output.record(&broken)?;
            output.flush()?;
            return Err(broken.into());
        }
    }
    Ok(output.flush()?)
}

async fn check(
    mut pages: Pages,
    head: Position,
    bar: &ProgressBar,
) -> Result<Result<Sound, Broken>, ReadError> {
    let mut chain = Chain::default();
    while chain.position() < head {
        let page = match pages.next().await {
            Ok(page) => page,
            Err(ReadError::Damaged { position, what }) => {
                return Ok(Err(Broken::at(&chain, position, None, &what)));
            }
            Err(error) => return Err(error),
        };
        if page.is_empty() {
            let what = format!("it cannot be read, and the log ends at position {head}");
            return Ok(Err(Broken::at(&chain, after(&chain), None, &what)));
        }
        for event in &page {
            if let Err(broken) = check_next(&mut chain, event) {
                return Ok(Err(broken));
            }
        }
        bar.set_position(chain.position().0);
    }
    let (events, streams, head) = (chain.events(), chain.streams(), chain.position());
    Ok(Ok(Sound { ok: true, events, streams, head }))
}

fn after(chain: &Chain) -> Position {
    Position(chain.position().0 + 1)
}

fn check_next(chain: &mut Chain, event: &Recorded) -> Result<(), Broken> {
    let expected = after(chain);
    if event.position > expected {
        let what = format!("it is missing; the next on record is {}", event.position);
        return Err(Broken::at(chain, expected, None, &what));
    }
    chain.check(event).map_err(|Fault { position, stream, what }| {
        Broken::at(chain, position, Some(stream), &what)
    })
}

/// The verdict on a log in which all is well.
#[derive(Serialize)]
struct Sound {
    ok: bool,
    events: u64,
    streams: usize,
    head: Position,
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, streams, head, .. } = self;
        write!(
            f,
            "The log is complete and unchanged: {events} events, {streams} streams, head {head}"
        )
    }
}

/// The verdict on a log in which something is wrong: the first place and what.
#[derive(Debug, Serialize, thiserror::Error)]
struct Broken {
    ok: bool,
    position: Position,
    stream: Option<StreamId>,
    fault: String,
    /// How many events before it are good.
    events: u64,
}

impl Broken {
    fn at(chain: &Chain, position: Position, stream: Option<StreamId>, fault: &str) -> Self {
        Self { ok: false, position, stream, fault: fault.to_owned(), events: chain.events() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, fault, events, .. } = self;
        write!(f, "the log is broken at position {position}")?;
        if let Some(stream) = &self.stream {
            write!(f, ", stream {stream}")?;
        }
        write!(f, ": {fault} ({events} events before it are good)")
    }
}
