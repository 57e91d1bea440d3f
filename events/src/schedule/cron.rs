//! Cron expressions as Unix has them, over the crate `cron`, in a time zone.
//!
//! The crate counts days of the week from 1 (Sunday) and wants both the day of the month and
//! that of the week to hold; Unix counts from 0 (Sunday, also 7) and is content with either
//! where both are restricted. Fields are brought to the crate's form here.
//!
//! When clocks change: an expression whose hour begins with `*` follows the running clock, so
//! it is due in both passes of a repeated hour and has nothing to make up for a skipped one. Any
//! other names wall-clock times: a repeated one is due in its first pass only, a skipped one at
//! the moment at which the clocks go on. (Vixie cron does the same.)

use std::str::FromStr as _;

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A parsed expression in its time zone.
#[derive(Clone, Debug)]
pub struct Cron {
    zone: Tz,
    /// Due when any of these is.
    rules: Vec<cron::Schedule>,
    /// Whether it follows the running clock rather than the wall clock.
    running: bool,
}

/// What the names stand for.
const NAMED: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// How many moments that clocks skip or repeat are passed over before giving up.
const TRIES: usize = 400;

impl Cron {
    /// Reads an expression; else says what is wrong with it.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, String> {
        let text = expression.trim();
        let named = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let fields: Vec<&str> =
            named.map_or(text, |(_, fields)| fields).split_whitespace().collect();
        let (second, rest) = match fields.as_slice() {
            [second, rest @ ..] if rest.len() == 5 => (*second, rest),
            rest if rest.len() == 5 => ("0", rest),
            other => {
                return Err(format!(
                    "A cron expression has 5 fields (minute hour day month weekday), or 6 with \
                     seconds before them; this one has {}",
                    other.len()
                ));
            }
        };
        let [minute, hour, day, month, weekday] = rest else { return Err(String::new()) };
        let weekdays = days_of_week(weekday)?;
        let rule = |day: &str, weekday: &str| {
            let fields = format!("{second} {minute} {hour} {day} {month} {weekday} *");
            cron::Schedule::from_str(&fields)
                .map_err(|_| format!("{expression:?} is no cron expression"))
        };
        let either = !day.starts_with(['*', '?']) && !weekday.starts_with(['*', '?']);
        let rules = match either {
            true => vec![rule(day, "*")?, rule("*", &weekdays)?],
            false => vec![rule(day, &weekdays)?],
        };
        let cron = Self { zone, rules, running: hour.starts_with('*') };
        match cron.next_local(DateTime::<Utc>::UNIX_EPOCH.naive_utc()) {
            Some(_) => Ok(cron),
            None => Err(format!("{expression:?} is never due")),
        }
    }

    /// The first moment after `after` at which it is due; none where there is no more.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.running { self.next_running(after) } else { self.next_on_wall(after) }
    }

    /// The first local time after `local` that the expression names.
    fn next_local(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = local.and_utc();
        let next = |rule: &cron::Schedule| rule.after(&after).next();
        self.rules.iter().filter_map(next).min().map(|due| due.naive_utc())
    }

    fn next_on_wall(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut local = after.with_timezone(&self.zone).naive_local();
        for _ in 0..TRIES {
            local = self.next_local(local)?;
            let due = match self.zone.from_local_datetime(&local) {
                LocalResult::Single(due) | LocalResult::Ambiguous(due, _) => due.to_utc(),
                LocalResult::None => self.end_of_gap(local)?,
            };
            // In the second pass of a repeated hour its times are over already.
            if due > after {
                return Some(due);
            }
        }
        None
    }

    fn next_running(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut after = after;
        for _ in 0..TRIES {
            let offset = self.offset(after);
            let due = self.next_local(after.naive_utc() + offset)?.and_utc() - offset;
            if self.offset(due) == offset {
                return Some(due);
            }
            // Clocks change before that: go on from the change, by the clocks after it.
            let change = self.change(after, due, offset);
            let local = (change - TimeDelta::seconds(1)).naive_utc() + self.offset(change);
            let due = self.next_local(local)?.and_utc() - self.offset(change);
            if self.offset(due) == self.offset(change) {
                return Some(due);
            }
            after = change;
        }
        None
    }

    fn offset(&self, at: DateTime<Utc>) -> TimeDelta {
        let offset = self.zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        TimeDelta::seconds(offset.local_minus_utc().into())
    }

    /// The moment between two at which the clocks leave an offset, to the second.
    fn change(
        &self,
        mut before: DateTime<Utc>,
        mut after: DateTime<Utc>,
        offset: TimeDelta,
    ) -> DateTime<Utc> {
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            match self.offset(middle) == offset {
                true => before = middle,
                false => after = middle,
            }
        }
        DateTime::from_timestamp(after.timestamp(), 0).unwrap_or(after)
    }

    /// The moment at which the clocks go on after having skipped a local time.
    fn end_of_gap(&self, skipped: NaiveDateTime) -> Option<DateTime<Utc>> {
        let around = TimeDelta::days(1);
        let (before, after) = (skipped.and_utc() - around, skipped.and_utc() + around);
        Some(self.change(before, after, self.offset(before)))
    }
}

/// The days of the week of a field, in the crate's numbers.
fn days_of_week(field: &str) -> Result<String, String> {
    let mut days = [false; 7];
    for part in field.split(',') {
        let wrong = || {
            format!("{part:?} is no day of the week; expected 0-7 or SUN-SAT, a range or a step")
        };
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?)
            }
            None => (part, 1_usize),
        };
        let (first, last) = match range {
            "*" | "?" => (0, 6),
            _ => match range.split_once('-') {
                Some((first, last)) => {
                    let (first, last) =
                        (day(first).ok_or_else(wrong)?, day(last).ok_or_else(wrong)?);
                    (first, if last < first { last + 7 } else { last })
                }
                None => {
                    let day = day(range).ok_or_else(wrong)?;
                    (day, if part.contains('/') { 6.max(day) } else { day })
                }
            },
        };
        for number in (first..=last).step_by(step) {
            if let Some(day) = days.get_mut(number % 7) {
                *day = true;
            }
        }
    }
    if days == [true; 7] {
        return Ok("*".to_owned());
    }
    let chosen =
        (1..).zip(days).filter(|(_, chosen)| *chosen).map(|(day, _): (u8, _)| day.to_string());
    Ok(chosen.collect::<Vec<_>>().join(","))
}

/// A day of the week, 0 for Sunday; 7 is Sunday too.
fn day(text: &str) -> Option<usize> {
    let named = WEEKDAYS.iter().position(|name| name.eq_ignore_ascii_case(text));
    named.or_else(|| text.parse().ok().filter(|day| *day <= 7))
}
