//! Lists that go on: page after page through one connection, joined to one.
//!
//! A next page is followed on the same host alone, whatever an answer says. Never here: one
//! request.

use serde_json::{Map, Value};
use url::Url;

use super::answer::{Reading, Rules, result};
use super::request::Prepared;
use super::token::Opened;
use super::{Failure, Line};
use crate::platforms::manifest::Pages;
use crate::platforms::operation::{MAX_PAGES, MOST_PAGES, Of};
use crate::platforms::place::{Place, Spot};
use crate::platforms::template::shown;

/// How many items one call gives at most.
const MOST_ITEMS: usize = 10_000;

/// Takes out how many pages are wanted.
pub(super) fn at_most(arguments: &mut Map<String, Value>) -> u64 {
    let wanted = arguments.remove(MAX_PAGES).and_then(|wanted| wanted.as_u64());
    wanted.unwrap_or(1).clamp(1, MOST_PAGES)
}

/// The result of an operation, over as many pages as are wanted and there.
pub(super) async fn fetched(
    of: Of<'_>,
    line: &Line<'_>,
    mut opened: Opened,
    mut prepared: Prepared,
    at_most: u64,
) -> Result<Value, Failure> {
    let rules = Rules::of(of);
    let limits = &of.manifest.limits;
    let mut joined: Vec<Value> = Vec::new();
    let mut page = 1;
    loop {
        let mut reading = line.send(&mut opened, &prepared).await?;
        let (class, now) = (line.class, line.parts.clock.now());
        reading
            .judged(&rules, class, limits, now)
            .inspect_err(|failure| line.parts.pace.told(line.connection, failure, now))?;
        let (Some(pages), Some(Place::Body(pointer))) = (of.pages(), &of.operation.items) else {
            return Ok(result(of, &reading));
        };
        let items = reading.body.pointer(pointer).and_then(Value::as_array).cloned();
        let items = items.unwrap_or_default();
        let before = joined.len();
        let goes_on = page < at_most
            && before + items.len() < MOST_ITEMS
            && next(pages, &reading, &items, before + items.len(), page, &mut prepared);
        joined.extend(items);
        if !goes_on {
            if let Some(place) = reading.body.pointer_mut(pointer) {
                *place = joined.into();
            }
            return Ok(result(of, &reading));
        }
        page += 1;
    }
}

/// Turns a request into the one for the next page; says whether there is one.
fn next(
    pages: &Pages,
    reading: &Reading,
    items: &[Value],
    so_far: usize,
    page: u64,
    prepared: &mut Prepared,
) -> bool {
    let ends =
        |more: &Option<Place>| more.as_ref().is_some_and(|place| !goes_on(reading.at(place)));
    match pages {
        Pages::Cursor { next, send, more } => {
            let cursor = reading.at(next).filter(|it| goes_on(Some(it.clone())));
            match cursor {
                Some(cursor) if !ends(more) => prepared.put(send, cursor),
                _ => return false,
            }
        }
        Pages::LastId { id, send, more, plus } => {
            let last = items.last().and_then(|item| item.pointer(id));
            match (last, *plus) {
                (None, _) => return false,
                _ if ends(more) => return false,
                (Some(last), 0) => prepared.put(send, last.clone()),
                (Some(last), plus) => match last.as_i64().and_then(|last| last.checked_add(plus)) {
                    Some(after) => prepared.put(send, after.into()),
                    None => return false,
                },
            }
        }
        Pages::NextUrl { next } => {
            let Some(Value::String(next)) = reading.at(next) else { return false };
            return follow(&next, prepared);
        }
        Pages::Link => {
            let Some(next) = reading.next_link().map(str::to_owned) else { return false };
            return follow(&next, prepared);
        }
        Pages::Page { send, first, more, total } => {
            let began = begun(prepared, send).unwrap_or(*first);
            // The request at hand has this page's number already, from the second on.
            let number = if page == 1 { began } else { begun(prepared, send).unwrap_or(began) };
            let last = total.as_ref().and_then(|place| number_of(reading.at(place)?));
            let is_last = last.is_some_and(|last| number + 1 >= last + first);
            if items.is_empty() || ends(more) || is_last {
                return false;
            }
            prepared.put(send, (number + 1).into());
        }
        Pages::Offset { send, more, total } => {
            let offset = begun(prepared, send).unwrap_or(0) + items.len() as u64;
            let total = total.as_ref().and_then(|place| number_of(reading.at(place)?));
            let is_last = total.is_some_and(|total| offset.max(so_far as u64) >= total);
            if items.is_empty() || ends(more) || is_last {
                return false;
            }
            prepared.put(send, offset.into());
        }
    }
    true
}

/// The number with which a request asks for its page.
fn begun(prepared: &Prepared, send: &Spot) -> Option<u64> {
    match send {
        Spot::Query(name) => prepared.queried(name)?.parse().ok(),
        Spot::Body(name) => prepared.member(name)?.as_u64(),
        Spot::Header(_) => None,
    }
}

fn number_of(value: Value) -> Option<u64> {
    shown(&value).trim().parse().ok()
}

/// Whether what says that there is more says so: anything but nothing.
fn goes_on(value: Option<Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !matches!(text.as_str(), "" | "0" | "false"),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

/// Goes to an address that an answer names, absolute or not: on the same host alone.
fn follow(next: &str, prepared: &mut Prepared) -> bool {
    let Ok(url): Result<Url, _> = prepared.url().join(next) else { return false };
    if url.origin() != prepared.url().origin() || url == *prepared.url() {
        return false;
    }
    prepared.moved(url);
    true
}
