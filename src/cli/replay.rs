//! `hub replay`: the state of one thing, now or at a moment of its past.
//!
//! A state is a fold of events, so this can cause nothing. Never here: rules, or opening what is
//! sealed.

use std::fmt;

use anyhow::{Context as _, bail};
use arrotech_hub::config::Config;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use hub_events::account::Account;
use hub_events::call::Call;
use hub_events::checkpoint::Checkpoints;
use hub_events::claim::Claim;
use hub_events::collection::Collection;
use hub_events::connection::Connection;
use hub_events::counter::Counter;
use hub_events::execution::Execution;
use hub_events::fact::decode_as;
use hub_events::id::StreamId;
use hub_events::workflow::Workflow;
use hub_events::{Decider, Version};
use serde::Serialize;

use super::data::{self, Pages};
use super::events;
use super::output::Output;

/// Which thing, and when.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The thing's stream, such as `execution-17`
    #[arg(value_name = "STREAM", value_parser = events::stream)]
    stream: StreamId,
    /// A version of the stream, or a time such as `2026-11-24T08:30:00Z` [default: now]
    #[arg(long, value_name = "VERSION|TIME", value_parser = moment)]
    at: Option<Moment>,
}

/// A moment in the life of a stream.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After this many events.
    Version(Version),
    /// At this time.
    Time(DateTime<Utc>),
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(version) = text.parse() {
        return match version {
            0 => Err("the first version is 1".to_owned()),
            version => Ok(Moment::Version(Version(version))),
        };
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| Moment::Time(time.to_utc())).map_err(|_| {
        "neither a version (a number) nor a time (as in `2026-11-24T08:30:00Z`)".to_owned()
    })
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "at version {version}"),
            Self::Time(time) => {
                write!(f, "at {}", time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
        }
    }
}

impl Replay {
    /// Prints the state.
    pub(super) fn print(self, config: &Config, output: &mut Output) -> anyhow::Result<()> {
        let log = data::open_for_reading(config)?;
        let pages = Pages::of_stream(log, self.stream.clone());
        let state = data::runtime()?.block_on(async {
            match self.stream.kind() {
                Execution::KIND => self.fold::<Execution>(pages).await,
                Call::KIND => self.fold::<Call>(pages).await,
                Workflow::KIND => self.fold::<Workflow>(pages).await,
                Account::KIND => self.fold::<Account>(pages).await,
                Collection::KIND => self.fold::<Collection>(pages).await,
                Counter::KIND => self.fold::<Counter>(pages).await,
                Claim::KIND => self.fold::<Claim>(pages).await,
                Connection::KIND => self.fold::<Connection>(pages).await,
                Checkpoints::KIND => self.fold::<Checkpoints>(pages).await,
                kind => bail!("`{kind}` is no kind of thing that this build knows"),
            }
        })?;
        output.print(&state)?;
        Ok(output.flush()?)
    }

    /// Folds the stream up to the moment that is asked for.
    async fn fold<D: Decider>(&self, mut pages: Pages) -> anyhow::Result<State> {
        let mut thing = D::default();
        let mut reached: Option<(Version, DateTime<Utc>)> = None;
        let (mut begun, mut passed) = (false, false);
        while !passed {
            let page = pages.next().await?;
            if page.is_empty() {
                break;
            }
            begun = true;
            for event in &page {
                passed = match self.at {
                    None => false,
                    Some(Moment::Version(last)) => event.version > last,
                    Some(Moment::Time(last)) => event.context.at > last,
                };
                if passed {
                    break;
                }
                let decoded = decode_as::<D::Event>(event);
                thing.evolve(&decoded.with_context(|| format!("version {}", event.version))?);
                reached = Some((event.version, event.context.at));
            }
        }
        let stream = self.stream.clone();
        match (reached, self.at) {
            (Some((version, _)), Some(Moment::Version(wanted))) if version < wanted => {
                bail!("stream {stream} has no version {wanted}; its last is {version}")
            }
            (Some((version, at)), _) => {
                Ok(State { stream, version, at, state: serde_json::to_value(thing)? })
            }
            (None, Some(moment)) if begun => bail!("stream {stream} had not begun {moment}"),
            (None, _) => bail!("there is no stream {stream} in this log"),
        }
    }
}

/// The state of a thing at a version.
#[derive(Serialize)]
struct State {
    stream: StreamId,
    version: Version,
    /// When it got into this state.
    at: DateTime<Utc>,
    state: serde_json::Value,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}
