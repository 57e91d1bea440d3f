//! What answers mean: success and errors, waiting, and how lists go on.
//!
//! Never here: reading an answer.

use serde::Deserialize;
use serde_json::Value;

use crate::platforms::place::{Place, Spot, one_or_more};

/// What answers mean beyond their status.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// What holds of every success.
    pub success: Option<Condition>,
    /// Places that are absent, null, false or empty in every success.
    #[serde(deserialize_with = "one_or_more")]
    pub errors: Vec<Place>,
    /// Where an error says in words what is wrong; the first that is there.
    #[serde(deserialize_with = "one_or_more")]
    pub message: Vec<Place>,
    /// Where it says it as a code.
    #[serde(deserialize_with = "one_or_more")]
    pub code: Vec<Place>,
    /// Statuses from 400 on that are answers all the same.
    pub accept: Vec<u16>,
    /// Where the result stands; the whole answer is the result where nothing is said.
    pub result: Option<Place>,
}

/// What is tested at a place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The place.
    pub at: Place,
    /// The value there is this one.
    pub equals: Option<Value>,
    /// The value there is one of these.
    pub one_of: Option<Vec<Value>>,
    /// There is a value other than null, or none.
    pub present: Option<bool>,
}

impl Condition {
    /// Whether it holds of what stands at its place.
    pub fn holds(&self, found: Option<&Value>) -> bool {
        let found = found.filter(|value| !value.is_null());
        self.equals.as_ref().is_none_or(|wanted| found == Some(wanted))
            && self.one_of.as_ref().is_none_or(|any| found.is_some_and(|it| any.contains(it)))
            && self.present.is_none_or(|wanted| found.is_some() == wanted)
    }
}

/// How often calls may be made through one connection, and how the platform says so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Calls per second that the hub keeps to by itself; as many as come where nothing is said.
    pub per_second: Option<f64>,
    /// How many may be made at once after a pause.
    pub burst: f64,
    /// Statuses that say "too often". Other ones than 429 say it only together with a waiting
    /// time, a code below, or no calls that remain.
    pub statuses: Vec<u16>,
    /// Codes that say "too often", whatever the status.
    pub codes: Vec<String>,
    /// Codes that look like it and mean a quota that is used up: trying again is of no use.
    pub exhausted: Vec<String>,
    /// Where it says how many seconds to wait (or an HTTP date).
    #[serde(deserialize_with = "one_or_more")]
    pub retry_after: Vec<Place>,
    /// Where it says at which moment to go on: seconds or milliseconds since 1970, or RFC 3339.
    #[serde(deserialize_with = "one_or_more")]
    pub reset: Vec<Place>,
    /// Where it says how many calls remain until then.
    pub remaining: Option<Place>,
    /// How many seconds to wait where it says nothing.
    pub wait_s: f64,
    /// Statuses after which another try may go better, beside the limits.
    pub retry: Vec<u16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_second: None,
            burst: 5.0,
            statuses: vec![429],
            codes: Vec::new(),
            exhausted: Vec::new(),
            retry_after: vec![Place::Header("Retry-After".to_owned())],
            reset: Vec::new(),
            remaining: None,
            wait_s: 5.0,
            retry: vec![408, 425, 500, 502, 503, 504, 529],
        }
    }
}

/// How a list goes on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Pages {
    /// The answer names where the next page begins.
    Cursor {
        /// Where it does.
        next: Place,
        /// Where that is sent.
        send: Spot,
        /// Where it says whether there is more; the cursor says it where nothing is said.
        more: Option<Place>,
    },
    /// The next page begins after the last item.
    LastId {
        /// Where an item's id stands in the item.
        id: String,
        /// Where that is sent.
        send: Spot,
        /// Where the answer says whether there is more; a page without items is the last.
        more: Option<Place>,
        /// What is added to the id.
        #[serde(default)]
        plus: i64,
    },
    /// The answer has the address of the next page; only one of the same host is followed.
    NextUrl {
        /// Where.
        next: Place,
    },
    /// The header `Link` has it (RFC 8288).
    Link,
    /// Pages have numbers.
    Page {
        /// Where the number is sent.
        send: Spot,
        /// The first number.
        #[serde(default = "one")]
        first: u64,
        /// Where the answer says whether there is more.
        more: Option<Place>,
        /// Where it says how many pages there are.
        total: Option<Place>,
    },
    /// The number of items to pass over is sent.
    Offset {
        /// Where.
        send: Spot,
        /// Where the answer says whether there is more.
        more: Option<Place>,
        /// Where it says how many items there are.
        total: Option<Place>,
    },
}

fn one() -> u64 {
    1
}
