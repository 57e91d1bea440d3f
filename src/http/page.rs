//! `limit` and `cursor`: which part of a list is asked for.
//!
//! Without them a list has its usual shape. Never here: how a list is ordered.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Query;
use actix_web::{FromRequest, HttpRequest};
use hub_events::Position;
use serde_json::Value;

use super::problem::{Problem, fault};

/// The most that one page holds.
const LARGEST: u32 = 1_000;

/// Which part of a list, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most this many, where the client says so.
    pub limit: Option<u32>,
    /// Only what is before this position.
    pub before: Option<Position>,
}

impl FromRequest for Page {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request.query_string()))
    }
}

impl Page {
    fn read(query: &str) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query);
        let pairs = pairs.map(Query::into_inner).unwrap_or_default();
        let (mut page, mut faults) = (Self::default(), Vec::new());
        for (name, text) in pairs {
            let kept = match name.as_str() {
                "limit" => text
                    .parse()
                    .ok()
                    .filter(|limit| (1..=LARGEST).contains(limit))
                    .map(|limit| page.limit = Some(limit)),
                "cursor" => {
                    text.parse().ok().map(|position| page.before = Some(Position(position)))
                }
                _ => Some(()),
            };
            if kept.is_none() {
                faults.push(wrong(&name, text));
            }
        }
        if faults.is_empty() { Ok(page) } else { Err(Problem::faults(faults)) }
    }
}

fn wrong(name: &str, text: String) -> Value {
    let (kind, message) = match name {
        "limit" => ("int_parsing", format!("Input should be an integer from 1 to {LARGEST}")),
        _ => ("value_error", "Input should be the next_cursor of a page".to_owned()),
    };
    fault(&["query", name], kind, &message, Some(text.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_page_is_read_and_every_fault_told() {
        let page = Page { limit: Some(10), before: Some(Position(7)) };
        assert_eq!(Page::read("limit=10&cursor=7&other=x").unwrap(), page);
        assert_eq!(Page::read("").unwrap(), Page::default());
        for wrong in ["limit=0", "limit=1001", "limit=x", "limit=-1", "cursor=", "cursor=%ff"] {
            assert_eq!(Page::read(wrong).unwrap_err().code(), "validation_error", "{wrong}");
        }
    }
}
