//! What the answers of token endpoints say.
//!
//! Never here: requests.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::platforms::named::Named;
use crate::platforms::place::Place;
use crate::platforms::sign_in::{ACCESS_TOKEN, EXPIRES_AT, REFRESH_TOKEN, SignIn};

/// A token endpoint gave none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the platform gave no token: {said}")]
pub struct Refused {
    /// What it said: its code, or the status.
    pub said: String,
    /// Whether the credentials are at fault, rather than the moment.
    pub lasting: bool,
}

/// The fields of a connection that an answer gives: token, next refresh token, until when it
/// counts, and what the way says is learnt.
pub fn read(
    way: &SignIn,
    status: u16,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Map<String, Value>, Refused> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let standard = Place::Body("/access_token".to_owned());
    let soon = Place::Body("/expires_in".to_owned());
    let none = Named::default();
    let (at, expires, lasts, learn) = match way {
        SignIn::OAuth2(way) => (&way.at, vec![&soon], None, &way.learn),
        SignIn::ClientCredentials(way) => (&standard, vec![&soon], Some(3_600), &way.learn),
        SignIn::Token(way) => {
            (&way.at, way.expires.iter().collect(), Some(way.lasts_s), &way.learn)
        }
        _ => (&standard, vec![&soon], Some(3_600), &none),
    };
    let token = found(&body, at).and_then(Value::as_str).filter(|token| !token.is_empty());
    let Some(token) = token.filter(|_| status < 400) else {
        return Err(refused(status, &body));
    };
    let mut fields = Map::new();
    fields.insert(ACCESS_TOKEN.to_owned(), token.into());
    if let (SignIn::OAuth2(_), Some(next)) =
        (way, body.get(REFRESH_TOKEN).filter(|it| it.is_string()))
    {
        fields.insert(REFRESH_TOKEN.to_owned(), next.clone());
    }
    let said = expires.into_iter().find_map(|place| until(found(&body, place)?, now));
    let until = said.or_else(|| lasts.map(|lasts: u32| now + TimeDelta::seconds(lasts.into())));
    // A new token without an end must not keep the end of the one before.
    fields.insert(EXPIRES_AT.to_owned(), until.map(|until| until.to_rfc3339()).into());
    fields.extend(learnt(&body, learn));
    Ok(fields)
}

/// The fields that the answer to a way's further request gives.
pub fn read_then(way: &SignIn, status: u16, body: &[u8]) -> Result<Map<String, Value>, Refused> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if status >= 400 {
        return Err(refused(status, &body));
    }
    let then = match way {
        SignIn::OAuth2(way) => way.then.as_ref(),
        SignIn::ClientCredentials(way) => way.then.as_ref(),
        _ => None,
    };
    Ok(then.map(|then| learnt(&body, &then.learn)).unwrap_or_default())
}

fn learnt(body: &Value, learn: &Named<Place>) -> Map<String, Value> {
    let field = |(name, place): (&str, &Place)| {
        Some((name.to_owned(), found(body, place).filter(|it| !it.is_null())?.clone()))
    };
    learn.iter().filter_map(field).collect()
}

fn found<'b>(body: &'b Value, place: &Place) -> Option<&'b Value> {
    match place {
        Place::Body(pointer) => body.pointer(pointer),
        Place::Header(_) | Place::Text => None,
    }
}

/// The end of a token: in so many seconds (a number or a text), or at a moment.
fn until(value: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = value.as_str();
    let seconds = value.as_f64().or_else(|| text?.parse().ok());
    if let Some(seconds) = seconds {
        return now.checked_add_signed(TimeDelta::try_milliseconds((seconds * 1_000.0) as i64)?);
    }
    DateTime::parse_from_rfc3339(text?).ok().map(|moment| moment.to_utc())
}

/// Why there is none: the code of RFC 6749 (section 5.2), which is no secret, or the status.
fn refused(status: u16, body: &Value) -> Refused {
    let code = body.get("error").and_then(Value::as_str);
    let code = code.filter(|code| code.len() <= 64 && !code.contains(char::is_whitespace));
    let said = code.map_or_else(|| format!("status {status}"), str::to_owned);
    let lasting = !matches!(status, 408 | 425 | 429 | 500..);
    Refused { said, lasting }
}
