//! Forms of single settings: secrets that are not shown, lists that may be one text.
//!
//! Never here: which settings there are.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;
use zeroize::ZeroizeOnDrop;

/// A text that is neither printed nor logged.
#[derive(Clone, PartialEq, Eq, Deserialize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

const HIDDEN: &str = "(set, not shown)";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

/// The origin of a browser's page, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Origin {
    /// Every origin.
    Any,
    /// This one, as browsers send it.
    One(String),
}

/// A text that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("an origin is `*` or looks like `https://app.example.com`")]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let origin = Url::parse(text).map_err(|_| NotAnOrigin)?.origin().ascii_serialization();
        if origin == text.trim_end_matches('/') { Ok(Self::One(origin)) } else { Err(NotAnOrigin) }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Any => "*".to_owned(),
            Origin::One(origin) => origin,
        }
    }
}

/// Reads a list, or one text with commas in it.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    deserializer.deserialize_any(List(PhantomData))
}

struct List<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> List<T> {
    fn item<E: Error>(text: &str) -> Result<T, E> {
        text.trim().parse().map_err(|error| E::custom(format_args!("`{}`: {error}", text.trim())))
    }
}

impl<'de, T: FromStr<Err: Display>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or a text with commas")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
        text.split(',').filter(|item| !item.trim().is_empty()).map(Self::item).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<String>()? {
            list.push(Self::item(&item)?);
        }
        Ok(list)
    }
}
