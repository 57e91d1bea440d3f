//! `wait`: lets a run sleep for some seconds or until a moment. A sleeping run holds no actor.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use hub_events::Class;
use serde_json::{Value, json};

use crate::tools::{Call, Card, Failure, Outcome, Tool};

/// The longest sleep, in seconds: 366 days.
const LONGEST_S: i64 = 366 * 24 * 3_600;

/// The tool.
#[derive(Debug)]
pub(super) struct Wait(Card);

impl Default for Wait {
    fn default() -> Self {
        Self(Card::new(
            "wait",
            "flow",
            "Lets the run sleep for a number of seconds, or until a moment, and \
                          then go on with the next step.",
            json!({
                "type": "object",
                "properties": {
                    "seconds": {
                        "type": "number", "minimum": 0, "maximum": LONGEST_S,
                        "description": "How long to sleep, in seconds.",
                    },
                    "until": {
                        "type": "string", "format": "date-time",
                        "description": "When to go on, as RFC 3339: 2026-12-24T18:00:00Z. A \
                                        moment that is past lets the run go on at once.",
                    },
                },
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            }),
        ))
    }
}

/// When a call wants to go on; none where that is too far away.
fn moment(call: &Call) -> Option<DateTime<Utc>> {
    let latest = call.now + TimeDelta::seconds(LONGEST_S);
    let until = match call.arguments.get("until").and_then(Value::as_str) {
        Some(until) => DateTime::parse_from_rfc3339(until).ok()?.to_utc(),
        None => {
            let seconds = call.arguments.get("seconds")?.as_f64()?;
            call.now + TimeDelta::try_milliseconds((seconds * 1_000.0) as i64)?
        }
    };
    (until <= latest).then_some(until)
}

impl Tool for Wait {
    fn card(&self) -> &Card {
        &self.0
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        let outcome = match moment(&call) {
            Some(until) => Outcome::Deferred {
                until,
                result: json!({ "success": true, "waited_until": until.to_rfc3339() }),
            },
            None => Outcome::Failed(Failure::lasting(
                "wait_too_long",
                format!("A run sleeps for {LONGEST_S} seconds at most"),
            )),
        };
        Box::pin(std::future::ready(outcome))
    }
}
