//! What commands print: lines for people, or one JSON object per line; progress on the side.
//!
//! Answers go to standard output and everything else to standard error, so that a pipe carries
//! answers only. Never here: what is printed.

use std::fmt::Display;
use std::io::{self, Stdout, Write as _};

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where answers go.
pub(super) struct Output {
    json: bool,
    out: io::BufWriter<Stdout>,
}

impl Output {
    /// Standard output, as JSON or for people.
    pub(super) fn new(json: bool) -> Self {
        Self { json, out: io::BufWriter::new(io::stdout()) }
    }

    /// Prints one answer.
    pub(super) fn print<T: Display + Serialize>(&mut self, answer: &T) -> io::Result<()> {
        match self.json {
            true => writeln!(self.out, "{}", serde_json::to_string(answer)?),
            false => writeln!(self.out, "{answer}"),
        }
    }

    /// Prints what programs read and people are told as an error.
    pub(super) fn record<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        match self.json {
            true => writeln!(self.out, "{}", serde_json::to_string(record)?),
            false => Ok(()),
        }
    }

    /// Hands on what was printed so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A progress bar on standard error; nothing is shown where that is no terminal.
pub(super) fn progress(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template = "{bar:40} {human_pos}/{human_len} events, {per_sec}, {eta} left";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A moment as people are shown it in lists: the day.
pub(super) fn day(moment: DateTime<Utc>) -> impl Display {
    moment.format("%Y-%m-%d")
}
