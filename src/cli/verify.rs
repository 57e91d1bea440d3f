//! `hub verify`: whether the log is complete and unchanged.
//!
//! Positions have no gap where the engine promises that, each stream's versions have none, every
//! hash follows from the one before, every event can be understood, every checkpoint holds.
//! Works on a copy, and beside a running server. Never here: repairing anything.

mod checkpoints;

use std::fmt;

use arrotech_hub::config::Config;
use clap::Args;
use hub_events::id::StreamId;
use hub_events::log::{Chain, Fault, ReadError};
use hub_events::{Position, Recorded};
use indicatif::ProgressBar;
use serde::Serialize;

use super::data::{self, Pages};
use super::output::{self, Output};
use checkpoints::Witnesses;

/// Whose checkpoints count.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Let checkpoints of this public key count too (hex), such as one from before the master
    /// key was replaced
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
}

impl Verify {
    /// Checks the log up to its present end and prints the verdict.
    pub(super) fn print(self, config: &Config, output: &mut Output) -> anyhow::Result<()> {
        let log = data::open_for_reading(config)?;
        let head = log.head();
        let bar = output::progress(head.0);
        let checked = data::runtime()?.block_on(async {
            let mut check = Check {
                gapless: log.is_gapless(),
                chain: Chain::default(),
                witnesses: Witnesses::of(&*log, data::checkpoint_keys(config, self.keys)?).await?,
            };
            let pages = Pages::of_log(log, Position(0));
            anyhow::Ok(check.run(pages, head, &bar).await?)
        });
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
}

/// A check under way.
struct Check {
    gapless: bool,
    chain: Chain,
    witnesses: Witnesses,
}

impl Check {
    async fn run(
        &mut self,
        mut pages: Pages,
        head: Position,
        bar: &ProgressBar,
    ) -> Result<Result<Sound, Broken>, ReadError> {
        while self.chain.position() < head {
            let page = match pages.next().await {
                Ok(page) => page,
                Err(ReadError::Damaged { position, what }) => {
                    return Ok(Err(self.broken(position, None, &what)));
                }
                Err(error) => return Err(error),
            };
            if page.is_empty() {
                let what = format!("it cannot be read, and the log ends at position {head}");
                return Ok(Err(self.broken(self.next(), None, &what)));
            }
            for event in &page {
                if let Err(broken) = self.check(event) {
                    return Ok(Err(broken));
                }
            }
            bar.set_position(self.chain.position().0);
        }
        if let Err(fault) = self.witnesses.end() {
            return Ok(Err(self.broken(fault.position, Some(fault.stream), &fault.what)));
        }
        let (events, streams, head) =
            (self.chain.events(), self.chain.streams(), self.chain.position());
        let (checkpoints, key) = (self.witnesses.held(), self.witnesses.key());
        Ok(Ok(Sound { ok: true, events, streams, head, checkpoints, key }))
    }

    fn check(&mut self, event: &Recorded) -> Result<(), Broken> {
        let expected = self.next();
        if self.gapless && event.position > expected {
            let what = format!("it is missing; the next on record is {}", event.position);
            return Err(self.broken(expected, None, &what));
        }
        let checked = self.chain.check(event).and_then(|()| self.witnesses.note(event));
        checked
            .map_err(|Fault { position, stream, what }| self.broken(position, Some(stream), &what))
    }

    fn next(&self) -> Position {
        Position(self.chain.position().0 + 1)
    }

    fn broken(&self, position: Position, stream: Option<StreamId>, fault: &str) -> Broken {
        let (fault, events) = (fault.to_owned(), self.chain.events());
        Broken { ok: false, position, stream, fault, events }
    }
}

/// The verdict on a log in which all is well.
#[derive(Serialize)]
struct Sound {
    ok: bool,
    events: u64,
    streams: usize,
    head: Position,
    /// How many checkpoints hold.
    checkpoints: usize,
    /// The key of the newest, to be compared with one that was noted elsewhere.
    key: Option<String>,
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, streams, head, checkpoints, key, .. } = self;
        write!(
            f,
            "The log is complete and unchanged: {events} events, {streams} streams, head {head}, \
             {checkpoints} checkpoints"
        )?;
        key.as_ref().map_or(Ok(()), |key| write!(f, " of the key {key}"))
    }
}

/// The verdict on a log in which something is wrong: the first place and what.
#[derive(Debug, Serialize, thiserror::Error)]
struct Broken {
    ok: bool,
    position: Position,
    stream: Option<StreamId>,
    fault: String,
    /// How many events were good until that was found.
    events: u64,
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
