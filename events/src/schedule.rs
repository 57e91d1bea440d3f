//! When something is due: once, every so often, or by a cron expression in a time zone.
//!
//! Pure functions of what was asked for and a moment, so that the same history gives the same
//! moments for ever. Never here: what is due, what happens when a moment was missed.

mod cron;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use cron::Cron;

/// The longest interval: ten years.
const LONGEST_S: u64 = 10 * 366 * 24 * 60 * 60;

/// What was asked for, in its wire form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Schedule {
    /// At one moment.
    Once {
        /// The moment.
        at: DateTime<Utc>,
    },
    /// At once, then every so often, for ever or a number of times.
    Every {
        /// How often, in seconds; at least 1.
        seconds: u64,
        /// How many times in all; for ever where none is given.
        times: Option<u64>,
    },
    /// When a cron expression says so.
    Cron {
        /// Five fields (minute, hour, day of the month, month, day of the week), six with
        /// seconds before them, or a name such as `@daily`.
        expression: String,
        /// An IANA time zone, such as `Africa/Nairobi`.
        timezone: String,
    },
}

/// Why a schedule cannot be kept: which part of it, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleFault {
    /// `expression`, `timezone`, `seconds`, `times` or `at`.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl ScheduleFault {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// A schedule that is ready to tell its moments.
#[derive(Clone, Debug)]
pub struct Timetable {
    times: Option<u64>,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Once(DateTime<Utc>),
    Every(TimeDelta),
    Cron(Cron),
}

impl Schedule {
    /// Makes it ready, or says what is wrong with it.
    pub fn timetable(&self) -> Result<Timetable, ScheduleFault> {
        let (times, rule) = match self {
            Self::Once { at } => (Some(1), Rule::Once(*at)),
            Self::Every { seconds, times } => {
                if *times == Some(0) {
                    return Err(ScheduleFault::new("times", "It must happen at least once"));
                }
                (*times, Rule::Every(interval(*seconds)?))
            }
            Self::Cron { expression, timezone } => {
                let zone: Tz = timezone.parse().map_err(|_| {
                    let message =
                        format!("{timezone:?} is no IANA time zone; expected one as Europe/Berlin");
                    ScheduleFault::new("timezone", message)
                })?;
                let cron = Cron::parse(expression, zone)
                    .map_err(|message| ScheduleFault::new("expression", message))?;
                (None, Rule::Cron(cron))
            }
        };
        Ok(Timetable { times, rule })
    }
}

fn interval(seconds: u64) -> Result<TimeDelta, ScheduleFault> {
    let kept = Some(seconds).filter(|seconds| (1..=LONGEST_S).contains(seconds));
    kept.and_then(|seconds| TimeDelta::try_seconds(i64::try_from(seconds).ok()?)).ok_or_else(|| {
        ScheduleFault::new("seconds", format!("An interval has from 1 to {LONGEST_S} seconds"))
    })
}

impl Timetable {
    /// How many times it is due in all; none for ever.
    pub fn times(&self) -> Option<u64> {
        self.times
    }

    /// The first moment at which it is due, where it was asked for at `begun`.
    pub fn first(&self, begun: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.rule {
            Rule::Once(at) => Some(*at),
            Rule::Every(_) => Some(begun),
            Rule::Cron(cron) => cron.next_after(begun),
        }
    }

    /// The first moment after `after` at which it is due, where it was asked for at `begun`. An
    /// interval keeps its beat, however late it was served. How often it was due already is for
    /// the caller to count.
    pub fn next_after(&self, begun: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.rule {
            Rule::Once(at) => Some(*at).filter(|at| *at > after),
            Rule::Every(_) if after < begun => Some(begun),
            Rule::Every(beat) => {
                let (elapsed, beat_s) = ((after - begun).num_seconds(), beat.num_seconds());
                let beats = elapsed.checked_div(beat_s)?.checked_add(1)?;
                begun.checked_add_signed(TimeDelta::try_seconds(beats.checked_mul(beat_s)?)?)
            }
            Rule::Cron(cron) => cron.next_after(after),
        }
    }

    /// The next moments, soonest first, at most `most` and no more than `times` allows.
    pub fn upcoming(&self, begun: DateTime<Utc>, most: usize) -> Vec<DateTime<Utc>> {
        let most =
            self.times.map_or(most, |times| most.min(usize::try_from(times).unwrap_or(most)));
        let next = |due: &DateTime<Utc>| self.next_after(begun, *due);
        std::iter::successors(self.first(begun), next).take(most).collect()
    }
}

#[cfg(test)]
mod tests;
