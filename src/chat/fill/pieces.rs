//! What stands in a text that may be meant as a value: quoted words, addresses, numbers, moments.
//!
//! Patterns, as a table. Never here: what a value is for.

use std::ops::Range;
use std::sync::LazyLock;

use chrono::{NaiveDate, NaiveDateTime};
use regex::Regex;

/// What a piece of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `"…"`, `“…”`, `'…'`, or in backticks.
    Quoted,
    Url,
    Email,
    /// `report.pdf`
    FileName,
    /// `example.com`
    Domain,
    /// `#general`
    Channel,
    /// `@jane`
    Person,
    /// A day or a moment, in ISO 8601.
    Moment,
    Phone,
    /// `HUB-12`
    Key,
    Number,
}

impl Kind {
    /// What people and tools call it; nothing where it may be anything.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Quoted => "text",
            Self::Url => "url",
            Self::Email => "email",
            Self::FileName => "file",
            Self::Domain => "website",
            Self::Channel => "channel",
            Self::Person => "user",
            Self::Moment => "date",
            Self::Phone => "phone number",
            Self::Key | Self::Number => "",
        }
    }
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// Where it stands.
    pub(super) at: Range<usize>,
    /// What it says: without its quotes, without separators in numbers.
    pub(super) says: String,
}

/// In the order in which they are looked for; what is found first is not looked into again. The
/// group `v` is what a piece says, without it the whole; `at` is where a quoted one stands, where
/// that is not the whole.
const PATTERNS: &[(Kind, &str)] = &[
    (Kind::Quoted, r#""(?<v>[^"]*)""#),
    (Kind::Quoted, r"“(?<v>[^”]*)”"),
    (Kind::Quoted, r"`(?<v>[^`]*)`"),
    (Kind::Quoted, r"(?:^|[\s=:(])(?<at>'(?<v>[^']*(?:'\w[^']*)*)')(?:$|[\s,.;:!?)])"),
    (Kind::Url, r#"\bhttps?://[^\s<>"']*[^\s<>"'.,;:!?)\]]"#),
    (Kind::Email, r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    (
        Kind::FileName,
        r"\b[\w-]+(?:\.[\w-]+)*\.(?i:pdf|txt|md|csv|tsv|json|xml|yaml|yml|html?|docx?|xlsx?|pptx?|png|jpe?g|gif|svg|webp|mp[34]|wav|zip)\b",
    ),
    (
        Kind::Domain,
        r"\b(?:[a-zA-Z0-9-]+\.)+(?:com|org|net|io|dev|ai|app|edu|gov|info|biz|co|ke|ng|za|tz|ug|rw|uk|de|fr|eu|us|in)\b(?:/[^\s<>]*[^\s<>.,;:!?)])?",
    ),
    (Kind::Channel, r"(?:^|[\s(])(?<v>#[\p{L}_-][\p{L}\p{N}_-]*)"),
    (Kind::Person, r"(?:^|[\s(])(?<v>@[\w-]+(?:\.[\w-]+)*)"),
    (
        Kind::Moment,
        r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?\b",
    ),
    (
        Kind::Moment,
        r"(?i)\b\d{1,2}(?:st|nd|rd|th)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{4}\b",
    ),
    (
        Kind::Moment,
        r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}(?:st|nd|rd|th)?,? \d{4}\b",
    ),
    (Kind::Phone, r"\+\d[\d ()-]{7,17}\d\b"),
    (Kind::Phone, r"\b(?:0\d{9}|254\d{9})\b"),
    (Kind::Key, r"\b[A-Z][A-Z0-9]+-\d+\b"),
    (Kind::Number, r"-?\b\d{1,3}(?:,\d{3})+(?:\.\d+)?\b"),
    (Kind::Number, r"-?\b\d+(?:\.\d+)?\b"),
];

static COMPILED: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    let compile = |(kind, pattern): &(Kind, &str)| Some((*kind, Regex::new(pattern).ok()?));
    PATTERNS.iter().filter_map(compile).collect()
});

/// The pieces of a text, in its order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    for (kind, pattern) in COMPILED.iter() {
        for captures in pattern.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            let value = captures.name("v").unwrap_or(whole);
            let shown =
                if *kind == Kind::Quoted { captures.name("at").unwrap_or(whole) } else { value };
            let at = shown.range();
            let taken = found.iter().any(|one| one.at.start < at.end && at.start < one.at.end);
            if taken {
                continue;
            }
            if let Some(says) = says(*kind, value.as_str()) {
                found.push(Piece { kind: *kind, at, says });
            }
        }
    }
    found.sort_by_key(|piece| piece.at.start);
    found
}

/// What a piece says; none where it only looks like one.
fn says(kind: Kind, text: &str) -> Option<String> {
    match kind {
        Kind::Number => Some(text.replace(',', "")),
        Kind::Phone => Some(text.chars().filter(|c| !" ()-".contains(*c)).collect()),
        Kind::Moment => moment(text),
        _ => Some(text.to_owned()),
    }
}

/// A day or a moment as ISO 8601 writes it; none where there is no such day or time.
fn moment(text: &str) -> Option<String> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.get(4..5) == Some("-") {
        let (day, time) = (text.get(..10)?, text.get(11..).unwrap_or_default());
        day.parse::<NaiveDate>().ok()?;
        if time.is_empty() {
            return Some(day.to_owned());
        }
        let seconds = if time.len() == 5 { ":00" } else { "" };
        let written = format!("{day}T{time}{seconds}");
        let known = chrono::DateTime::parse_from_rfc3339(&written).is_ok()
            || written.parse::<NaiveDateTime>().is_ok();
        return known.then_some(written);
    }
    let plain: Vec<_> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let (number, month, year) = match plain.as_slice() {
        [day, month, year] if day.starts_with(|c: char| c.is_ascii_digit()) => (day, month, year),
        [month, day, year] => (day, month, year),
        _ => return None,
    };
    let number = number.trim_end_matches(|c: char| c.is_alphabetic());
    let month: String = month.chars().take(3).collect();
    let day = NaiveDate::parse_from_str(&format!("{number} {month} {year}"), "%d %b %Y").ok()?;
    Some(day.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(COMPILED.len(), PATTERNS.len());
    }

    #[test]
    fn finds_what_may_be_a_value() {
        let check = |text: &str, expected: &[(Kind, &str)]| {
            let found = pieces(text);
            let found: Vec<_> = found.iter().map(|piece| (piece.kind, &*piece.says)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("nothing here, isn't it", &[]);
        check(
            "say \"hi 5\" and “you” in `it`",
            &[(Kind::Quoted, "hi 5"), (Kind::Quoted, "you"), (Kind::Quoted, "it")],
        );
        check("call it 'Jane's list', please", &[(Kind::Quoted, "Jane's list")]);
        check("see https://a.example/x?y=1.", &[(Kind::Url, "https://a.example/x?y=1")]);
        check("mail jane.doe+x@mail.example.com.", &[(Kind::Email, "jane.doe+x@mail.example.com")]);
        check("scrape example.co.ke/prices", &[(Kind::Domain, "example.co.ke/prices")]);
        check("open report-2.final.pdf", &[(Kind::FileName, "report-2.final.pdf")]);
        check("#general and @jane", &[(Kind::Channel, "#general"), (Kind::Person, "@jane")]);
        check("ticket #42", &[(Kind::Number, "42")]);
        check("HUB-12 is late", &[(Kind::Key, "HUB-12")]);
        check("on 2026-11-30", &[(Kind::Moment, "2026-11-30")]);
        check("2026-11-30 10:30", &[(Kind::Moment, "2026-11-30T10:30:00")]);
        check("2026-11-30T10:30:00Z", &[(Kind::Moment, "2026-11-30T10:30:00Z")]);
        check(
            "3rd March 2027 or Dec 24, 2026",
            &[(Kind::Moment, "2027-03-03"), (Kind::Moment, "2026-12-24")],
        );
        check(
            "+254 712-345-678 or 0712345678",
            &[(Kind::Phone, "+254712345678"), (Kind::Phone, "0712345678")],
        );
        check("1,250.50 of -3", &[(Kind::Number, "1250.50"), (Kind::Number, "-3")]);
    }
}
