//! Where something stands in an answer, and where something is put into a request.
//!
//! `/error/message` is a JSON pointer (RFC 6901) into a body; `header:Retry-After` and
//! `query:cursor` say what they are. Never here: reading or sending.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};

/// Where something stands in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the body, at this JSON pointer.
    Body(String),
    /// In this header.
    Header(String),
    /// The whole body, as text.
    Text,
}

/// Where something is put into a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Into the query, under this name.
    Query(String),
    /// Into this header.
    Header(String),
    /// Into the body: a member of this name, or at this JSON pointer.
    Body(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) if is_header(name) => Ok(Self::Header(name.to_owned())),
            _ if text == "text" => Ok(Self::Text),
            _ if text.is_empty() || text.starts_with('/') => Ok(Self::Body(text.to_owned())),
            _ => Err(format!(
                "`{text}` is no place in an answer; write `/a/b` for a member of the body, \
                 `header:Name` or `text`"
            )),
        }
    }
}

impl FromStr for Spot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("query", name)) if !name.is_empty() => Ok(Self::Query(name.to_owned())),
            Some(("header", name)) if is_header(name) => Ok(Self::Header(name.to_owned())),
            Some(("body", name)) if !name.is_empty() => Ok(Self::Body(name.to_owned())),
            _ => Err(format!(
                "`{text}` is no place in a request; write `query:name`, `header:Name`, \
                 `body:name` or `body:/a/b`"
            )),
        }
    }
}

/// Whether a text can be a header's name (RFC 9110, section 5.6.2).
pub fn is_header(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

macro_rules! read_from_text {
    ($($name:ident)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

read_from_text! { Place Spot }

/// Reads one of something, or a list.
pub(super) fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text, or a list of texts")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    let texts = match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}
