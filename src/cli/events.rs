//! `hub events`: what happened, oldest first.
//!
//! Never here: opening what is sealed. People's words stay closed on the command line.

use std::fmt;
use std::time::Duration;

use arrotech_hub::config::Config;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use hub_events::id::{AccountId, StreamId};
use hub_events::{Position, Recorded, Version};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::data::{self, Pages};
use super::output::Output;

/// How long to wait before looking for new events again.
const PAUSE: Duration = Duration::from_millis(200);

/// Which events, and until when.
#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only those of one stream, such as `execution-17`
    #[arg(long, value_name = "STREAM", value_parser = stream)]
    stream: Option<StreamId>,
    /// Only those from this position on
    #[arg(long, value_name = "POSITION", default_value_t = 1)]
    from: u64,
    /// Only those of one type, such as `execution.step_started`, or of one kind, such as
    /// `execution`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Go on with new ones as they come
    #[arg(long)]
    follow: bool,
    /// No more than this many
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

/// Reads the name of a stream.
pub(super) fn stream(name: &str) -> Result<StreamId, String> {
    StreamId::parse(name)
        .ok_or_else(|| "a stream is named by a kind, a hyphen and a key: `execution-17`".to_owned())
}

impl Events {
    /// Prints them.
    pub(super) fn print(self, config: &Config, output: &mut Output) -> anyhow::Result<()> {
        let log = data::open_for_reading(config)?;
        let pages = match &self.stream {
            Some(stream) => Pages::of_stream(log, stream.clone()),
            // Elsewhere the position before may be none that can be read from.
            None if log.is_gapless() => Pages::of_log(log, Position(self.from.saturating_sub(1))),
            None => Pages::of_log(log, Position(0)),
        };
        data::runtime()?.block_on(self.print_all(pages, output))
    }

    async fn print_all(self, mut pages: Pages, output: &mut Output) -> anyhow::Result<()> {
        let mut left = self.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let page = match pages.next().await {
                Ok(page) => page,
                // What was readable goes before the error.
                Err(error) => {
                    output.flush()?;
                    return Err(error.into());
                }
            };
            if page.is_empty() {
                output.flush()?;
                if !self.follow {
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
            for event in page.iter().filter(|event| self.wants(event)) {
                if left == 0 {
                    break;
                }
                output.print(&Line::of(event))?;
                left -= 1;
            }
        }
        Ok(output.flush()?)
    }

    fn wants(&self, event: &Recorded) -> bool {
        let typed = self.event_type.as_deref().is_none_or(|wanted| {
            let rest = event.event_type.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        typed && event.position.0 >= self.from
    }
}

/// An event as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    position: Position,
    at: DateTime<Utc>,
    stream: &'a StreamId,
    version: Version,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema: u16,
    account: Option<AccountId>,
    actor: String,
    correlation: Uuid,
    causation: Option<Position>,
    #[serde(serialize_with = "as_json")]
    data: &'a str,
    hash: String,
}

/// Content as the JSON that it is; a text where it is damaged.
fn as_json<S: Serializer>(data: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<&RawValue>(data) {
        Ok(json) => json.serialize(serializer),
        Err(_) => serializer.serialize_str(data),
    }
}

impl<'a> Line<'a> {
    fn of(event: &'a Recorded) -> Self {
        Self {
            position: event.position,
            at: event.context.at,
            stream: &event.stream,
            version: event.version,
            event_type: &event.event_type,
            schema: event.schema,
            account: event.context.account,
            actor: event.context.actor.to_string(),
            correlation: event.context.correlation,
            causation: event.context.causation,
            data: &event.data,
            hash: event.hash.to_string(),
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, stream, version, event_type, actor, data, .. } = self;
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(f, "{position:>7}  {at}  {stream} v{version}  {event_type}  {actor}  {data}")
    }
}
