//! `wait`: lets a run sleep for some seconds or until a moment.
//!
//! It holds nothing while it sleeps: the moment goes on record, and the run goes on when it
//! has come, also after a restart.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use hub_events::Class;
use serde_json::{Value, json};

use crate::tools::{Call, Card, Failure, Outcome, Tool};

/// The longest sleep: 366 days, in seconds.
const LONGEST_S: u32 = 366 * 24 * 60 * 60;

/// The tool.
#[derive(Debug)]
pub struct Wait {
    card: Card,
}

impl Default for Wait {
    fn default() -> Self {
        Self {
            card: Card {
                name: "wait",
                category: "workflow",
                description: "Waits for a number of seconds, or until a moment.",
                schema: json!({
                    "type": "object",
                    "properties": {
                        "seconds": {
                            "type": "number",
                            "minimum": 0,
                            "maximum": LONGEST_S,
                            "description": "How long to wait.",
                        },
                        "until": {
                            "type": "string",
                            "format": "date-time",
                            "description": "The moment to wait for, as in 2026-01-31T09:00:00Z.",
                        },
                    },
                    "oneOf": [{"required": ["seconds"]}, {"required": ["until"]}],
                    "additionalProperties": false,
                }),
            },
        }
    }
}

impl Tool for Wait {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        let outcome = match moment(&call.arguments, call.now) {
            Ok(until) => {
                let waited_until = until.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                let result = json!({"success": true, "waited_until": waited_until});
                Outcome::Deferred { until, result }
            }
            Err(failure) => Outcome::Failed(failure),
        };
        ready(outcome).boxed()
    }
}

/// The moment that arguments name.
fn moment(arguments: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let invalid = |message: &str| Failure::lasting("invalid_arguments", message);
    let until = match (arguments.get("seconds"), arguments.get("until")) {
        (Some(seconds), None) => seconds
            .as_f64()
            .filter(|seconds| (0.0..=f64::from(LONGEST_S)).contains(seconds))
            .map(|seconds| now + TimeDelta::microseconds((seconds * 1e6) as i64))
            .ok_or_else(|| invalid("seconds must be a number from 0 to 31622400"))?,
        (None, Some(until)) => until
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|moment| moment.with_timezone(&Utc))
            .ok_or_else(|| invalid("until must be a moment with its offset from UTC"))?,
        _ => return Err(invalid("exactly one of seconds and until is needed")),
    };
    if until - now > TimeDelta::seconds(LONGEST_S.into()) {
        return Err(invalid("until must be at most 366 days from now"));
    }
    Ok(until)
}
