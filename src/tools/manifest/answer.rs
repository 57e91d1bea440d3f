//! What a platform's answer says: result or error, and for how long to wait.
//!
//! Never here: the request, or when the next one may be sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hub_events::Class;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value, json};

use super::token::Opened;
use crate::egress::Answer;
use crate::platforms::manifest::{Condition, Limits, Manifest};
use crate::platforms::operation::Of;
use crate::platforms::place::Place;
use crate::platforms::template::shown;
use crate::tools::Failure;

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// Longest message of a platform that is passed on.
const LONGEST_MESSAGE: usize = 500;

/// From here on a number is a moment in milliseconds, not seconds.
const MILLIS: f64 = 100_000_000_000.0;

/// An answer as it was read: without secrets.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Its status.
    pub(super) status: u16,
    /// Its body: JSON as it is, anything else as an object that says what it is.
    pub(super) body: Value,
    headers: HeaderMap,
    text: Option<String>,
    secrets: Vec<String>,
}

impl Reading {
    /// What an answer says, without the connection's secrets.
    pub(super) fn of(answer: &Answer, opened: &Opened) -> Self {
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let (body, text) = match std::str::from_utf8(&answer.body) {
            Err(_) => {
                let content = STANDARD.encode(&answer.body);
                let kind = kind.unwrap_or("application/octet-stream");
                (json!({ "content_type": kind, "content_base64": content }), None)
            }
            Ok(text) if text.trim().is_empty() => (Value::Null, None),
            Ok(text) => {
                let text = hidden(text, &opened.secrets);
                let body = serde_json::from_str(&text).unwrap_or_else(
                    |_| json!({ "content_type": kind.unwrap_or("text/plain"), "text": text }),
                );
                (body, Some(text))
            }
        };
        let (status, headers) = (answer.status.as_u16(), answer.headers.clone());
        Self { status, body, headers, text, secrets: opened.secrets.clone() }
    }

    /// What stands at a place.
    pub(super) fn at(&self, place: &Place) -> Option<Value> {
        match place {
            Place::Body(pointer) => self.body.pointer(pointer).cloned(),
            Place::Header(name) => {
                let text = self.headers.get(name)?.to_str().ok()?;
                Some(hidden(text, &self.secrets).into())
            }
            Place::Text => self.text.clone().map(Value::String),
        }
    }

    /// The address that the header `Link` calls the next (RFC 8288), unless it says that there
    /// is nothing there.
    pub(super) fn next_link(&self) -> Option<&str> {
        let links = self.headers.get_all(reqwest::header::LINK).iter();
        let links = links.filter_map(|link| link.to_str().ok()).flat_map(|links| links.split(", "));
        for link in links {
            let Some((target, rest)) =
                link.trim().strip_prefix('<').and_then(|it| it.split_once('>'))
            else {
                continue;
            };
            let says = |name: &str, value: &str| {
                rest.split(';').filter_map(|it| it.trim().split_once('=')).any(|(key, held)| {
                    key.eq_ignore_ascii_case(name)
                        && held.trim_matches('"').eq_ignore_ascii_case(value)
                })
            };
            if says("rel", "next") && !says("results", "false") {
                return Some(target);
            }
        }
        None
    }

    /// Until when the platform wants no calls, where it says so.
    pub(super) fn wait(&self, limits: &Limits, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = limits.retry_after.iter().find_map(|place| after(&self.at(place)?, now));
        let reset = || limits.reset.iter().find_map(|place| moment(&self.at(place)?, now));
        let remaining = limits.remaining.as_ref().and_then(|place| self.at(place));
        let none_remain = remaining.is_some_and(|left| shown(&left).trim() == "0");
        if self.is_too_often(limits, after.is_some() || none_remain) {
            let fixed = now + TimeDelta::milliseconds((limits.wait_s * 1_000.0) as i64);
            return Some(after.or_else(reset).filter(|until| *until > now).unwrap_or(fixed));
        }
        // What is left is nothing: the next call would be turned away.
        if none_remain { reset().filter(|until| *until > now) } else { None }
    }

    /// Whether it says "too often"; a status other than 429 only if something else does too.
    fn is_too_often(&self, limits: &Limits, says_more: bool) -> bool {
        let says = self.status == 429 || says_more;
        limits.statuses.contains(&self.status) && says
    }

    /// The result of an answer that is none of an error; or why it failed.
    pub(super) fn judged(
        &self,
        rules: &Rules<'_>,
        class: Class,
        limits: &Limits,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let accepted = self.status < 400 || rules.accept.contains(&self.status);
        let holds =
            rules.success.is_none_or(|success| success.holds(self.at(&success.at).as_ref()));
        let errors = rules.errors.iter().any(|place| self.at(place).is_some_and(|it| says(&it)));
        let is_empty = self.body.is_null();
        if accepted && (is_empty || holds && !errors) {
            return Ok(());
        }
        let code = rules.code.iter().find_map(|place| self.said(place));
        let message = rules.message.iter().find_map(|place| self.said(place));
        let told = match (&message, &code) {
            (Some(message), Some(code)) if message != code => format!("{message} ({code})"),
            (Some(said), _) | (None, Some(said)) => said.clone(),
            (None, None) => format!("status {}", self.status),
        };
        let told = format!("{}: {told}", rules.name);
        let has = |codes: &[String]| code.as_ref().is_some_and(|code| codes.contains(code));
        let result = Some(json!({ "status": self.status, "code": code, "body": self.body }));
        let until = self.wait(limits, now);
        let failure = if has(&limits.exhausted) {
            Failure::lasting("quota_exhausted", told)
        } else if until.is_some() && !accepted || has(&limits.codes) {
            let fixed = now + TimeDelta::milliseconds((limits.wait_s * 1_000.0) as i64);
            let retry_after = until.or(Some(fixed));
            Failure { retry_after, ..Failure::passing("rate_limited", told) }
        } else if accepted {
            Failure::lasting("platform_refused", told)
        } else {
            self.failed(told, class, limits)
        };
        Err(Failure { result, ..failure })
    }

    /// What an error's status means. What must not be sent twice is in doubt after an error of
    /// the server, unless that says that it did not take it.
    fn failed(&self, told: String, class: Class, limits: &Limits) -> Failure {
        match self.status {
            401 => Failure::lasting("unauthorized", told),
            403 => Failure::lasting("forbidden", told),
            404 | 410 => Failure::lasting("not_found", told),
            425 | 429 | 503 | 529 if limits.retry.contains(&self.status) || self.status == 429 => {
                Failure::passing("turned_away", told)
            }
            408 | 500.. if !class.repeatable() => Failure::unanswered("server_error", told),
            status if limits.retry.contains(&status) => Failure::passing("server_error", told),
            500.. => Failure::lasting("server_error", told),
            _ => Failure::lasting("platform_refused", told),
        }
    }

    fn said(&self, place: &Place) -> Option<String> {
        let text = match self.at(place)? {
            Value::Null | Value::Object(_) | Value::Bool(_) => return None,
            Value::Array(items) => {
                items.iter().filter(|it| !it.is_object()).map(shown).collect::<Vec<_>>().join("; ")
            }
            other => shown(&other),
        };
        let text = text.trim();
        (!text.is_empty()).then(|| text.chars().take(LONGEST_MESSAGE).collect())
    }
}

/// Whether a value at a place of errors says that there is one.
fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

/// A text without secrets, in whichever form they stand there.
fn hidden(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let quoted = Value::from(secret.as_str()).to_string();
        let quoted = quoted.trim_matches('"');
        for form in [secret.as_str(), quoted, &encoded] {
            if text.contains(form) {
                text = text.replace(form, HIDDEN);
            }
        }
    }
    text
}

/// When to go on, by so many seconds or a date (RFC 9110, section 10.2.3).
fn after(value: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = shown(value);
    if let Ok(seconds) = text.trim().parse::<f64>() {
        let wait = TimeDelta::try_milliseconds((seconds.max(0.0) * 1_000.0).ceil() as i64)?;
        return now.checked_add_signed(wait);
    }
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|moment| moment.to_utc())
}

/// A moment: seconds or milliseconds since 1970, or RFC 3339. A small number is a number of
/// seconds from now.
fn moment(value: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = shown(value);
    match text.trim().parse::<f64>() {
        Ok(number) if number >= MILLIS => DateTime::from_timestamp_millis(number as i64),
        Ok(number) if number >= 1_000_000_000.0 => {
            DateTime::from_timestamp_millis((number * 1_000.0) as i64)
        }
        Ok(_) => after(value, now),
        Err(_) => DateTime::parse_from_rfc3339(text.trim()).ok().map(|it| it.to_utc()),
    }
}

/// What answers mean for an operation: its own rules before the platform's.
pub(super) struct Rules<'m> {
    name: &'m str,
    success: Option<&'m Condition>,
    errors: &'m [Place],
    message: &'m [Place],
    code: &'m [Place],
    accept: &'m [u16],
}

impl<'m> Rules<'m> {
    /// Those of a platform.
    pub(super) fn of_platform(manifest: &'m Manifest) -> Self {
        let rules = &manifest.answer;
        Self {
            name: &manifest.name,
            success: rules.success.as_ref(),
            errors: &rules.errors,
            message: &rules.message,
            code: &rules.code,
            accept: &rules.accept,
        }
    }

    /// Those of an operation.
    pub(super) fn of(of: Of<'m>) -> Self {
        fn own<T>(own: &[T]) -> Option<&[T]> {
            (!own.is_empty()).then_some(own)
        }
        let (all, rules) = (Self::of_platform(of.manifest), &of.operation.answer);
        Self {
            name: all.name,
            success: rules.success.as_ref().or(all.success),
            errors: own(&rules.errors).unwrap_or(all.errors),
            message: own(&rules.message).unwrap_or(all.message),
            code: own(&rules.code).unwrap_or(all.code),
            accept: own(&rules.accept).unwrap_or(all.accept),
        }
    }
}

/// The result that an operation makes of an answer.
pub(super) fn result(of: Of<'_>, reading: &Reading) -> Value {
    let Of { manifest, operation } = of;
    let mut result = if reading.body.is_null() {
        operation.empty.clone().unwrap_or_else(|| json!({ "status": reading.status }))
    } else {
        let place = operation.result.as_ref().or(manifest.answer.result.as_ref());
        place
            .map_or_else(|| Some(reading.body.clone()), |place| reading.at(place))
            .unwrap_or_default()
    };
    let taken = operation.take.iter();
    let taken = taken.filter_map(|(name, place)| Some((name.to_owned(), reading.at(place)?)));
    let taken: Map<String, Value> = taken.collect();
    if !taken.is_empty() {
        match &mut result {
            Value::Object(members) => members.extend(taken),
            Value::Null => result = taken.into(),
            other => result = json!({ "result": other.take(), "taken": taken }),
        }
    }
    result
}

#[cfg(test)]
mod tests;
