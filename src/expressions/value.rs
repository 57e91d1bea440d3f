//! The bridge between JSON and minijinja's values: parts of a context are lent to templates
//! without copying them, and values come back as JSON or as Python's text.
//!
//! Everything that is written here is bounded, since a value that a template makes can be far
//! larger as a text than in memory. Never here: what templates may do (`sandbox`).

use std::fmt::{self, Write};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt as _, ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::context::{Context, Named};
use super::python;

/// The most bytes that one text may have.
pub(super) const LONGEST_TEXT: usize = 1 << 20;

/// How deep a value may be nested, as in JSON that is read back from the log.
const DEEPEST: usize = 100;

/// The names of a context, as the root of a template's variables.
pub(super) fn root(context: &Context) -> Value {
    Value::from_object(Root(context.clone()))
}

#[derive(Debug)]
struct Root(Context);

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match self.0.find(key)? {
            Named::Whole(value) => lend(value, || Place::Whole(Arc::clone(value))),
            Named::Member(object, value) => {
                let parent = || Arc::new(Part(Place::Whole(Arc::clone(object))));
                lend(value, || Place::Member(parent(), key.into()))
            }
            Named::Steps(_) => Value::from_object(Steps(self.0.clone())),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.names().into_iter().map(Value::from).collect())
    }
}

/// The results of all steps.
#[derive(Debug)]
struct Steps(Context);

impl Steps {
    fn results(&self) -> &[(String, Arc<Json>)] {
        match self.0.find("steps") {
            Some(Named::Steps(results)) => results,
            _ => &[],
        }
    }
}

impl Object for Steps {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let (_, result) = self.results().iter().find(|(name, _)| name == key)?;
        Some(lend(result, || Place::Whole(Arc::clone(result))))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.results().iter().map(|(name, _)| name.as_str().into()).collect())
    }
}

/// A list or an object in a JSON value that is shared.
#[derive(Debug)]
pub(super) struct Part(Place);

#[derive(Debug)]
enum Place {
    Whole(Arc<Json>),
    Member(Arc<Part>, Box<str>),
    Item(Arc<Part>, usize),
}

impl Part {
    /// The JSON value that this is.
    pub(super) fn json(&self) -> &Json {
        match &self.0 {
            Place::Whole(value) => value,
            Place::Member(parent, key) => parent.json().get(&**key).unwrap_or(&Json::Null),
            Place::Item(parent, index) => parent.json().get(*index).unwrap_or(&Json::Null),
        }
    }
}

impl Object for Part {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.json().is_array() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(key) => self.get_value_by_str(key),
            None => {
                let index = key.as_usize()?;
                let item = self.json().as_array()?.get(index)?;
                Some(lend(item, || Place::Item(Arc::clone(self), index)))
            }
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let member = self.json().as_object()?.get(key)?;
        Some(lend(member, || Place::Member(Arc::clone(self), key.into())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.json() {
            Json::Array(items) => Enumerator::Seq(items.len()),
            _ => self.mapped_enumerator(|part| match part.json() {
                Json::Object(members) => {
                    Box::new(members.keys().map(|key| Value::from(key.as_str())))
                }
                _ => Box::new(std::iter::empty()),
            }),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.json() {
            Json::Array(items) => Some(items.len()),
            Json::Object(members) => Some(members.len()),
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        python::write_repr(f, self.json())
    }
}

/// A template's value for a JSON value at a place.
fn lend(value: &Json, place: impl FnOnce() -> Place) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(_) | Json::Object(_) => Value::from_object(Part(place())),
        Json::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .or_else(|| number.as_f64().map(Value::from))
            .unwrap_or_default(),
    }
}

/// A text that must not grow beyond [`LONGEST_TEXT`].
#[derive(Default)]
pub(super) struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST_TEXT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Bounded {
    /// The text that `write` writes; out of fuel where that is too long.
    pub(super) fn text<F>(write: F) -> Result<String, Error>
    where
        F: FnOnce(&mut Self) -> Result<(), Error>,
    {
        let mut bounded = Self::default();
        write(&mut bounded).map_err(|error| match error.kind() {
            ErrorKind::WriteFailure => Error::from(ErrorKind::OutOfFuel),
            _ => error,
        })?;
        Ok(bounded.0)
    }
}

/// What Python's `str` makes of a template's value; nothing of an undefined one.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    Bounded::text(|out| match value.as_str() {
        Some(text) => Ok(out.write_str(text)?),
        None if value.is_undefined() => Ok(()),
        None => write_repr(out, value, 0),
    })
}

fn write_repr(out: &mut Bounded, value: &Value, depth: usize) -> Result<(), Error> {
    if let Some(part) = value.downcast_object_ref::<Part>() {
        return Ok(python::write_repr(out, part.json())?);
    }
    if let Some(text) = value.as_str() {
        return Ok(python::write_string(out, text)?);
    }
    if depth > DEEPEST {
        return Err(ErrorKind::OutOfFuel.into());
    }
    let write_all = |out: &mut Bounded, start: &str, end: &str| {
        out.write_str(start)?;
        for (index, item) in value.try_iter()?.checked().enumerate() {
            let item = item?;
            if index > 0 {
                out.write_str(", ")?;
            }
            write_repr(out, &item, depth + 1)?;
            if value.kind() == ValueKind::Map {
                out.write_str(": ")?;
                write_repr(out, &value.get_item(&item)?, depth + 1)?;
            }
        }
        Ok(out.write_str(end)?)
    };
    match value.kind() {
        ValueKind::Undefined => Ok(out.write_str("Undefined")?),
        ValueKind::None | ValueKind::Bool => Ok(write!(out, "{value}")?),
        ValueKind::Number if value.is_integer() => Ok(write!(out, "{value}")?),
        ValueKind::Number => Ok(python::write_float(out, f64::try_from(value.clone())?)?),
        ValueKind::Seq if value.is_tuple() && value.len() == Some(1) => write_all(out, "(", ",)"),
        ValueKind::Seq if value.is_tuple() => write_all(out, "(", ")"),
        ValueKind::Seq | ValueKind::Iterable => write_all(out, "[", "]"),
        ValueKind::Map => write_all(out, "{", "}"),
        _ => Err(Error::new(ErrorKind::BadSerialization, "the value has no text")),
    }
}

/// A template's value as JSON; null for an undefined one.
pub(super) fn to_json(value: &Value) -> Result<Json, Error> {
    let mut left = LONGEST_TEXT;
    to_json_at(value, &mut left, 0)
}

fn to_json_at(value: &Value, left: &mut usize, depth: usize) -> Result<Json, Error> {
    let part = value.downcast_object_ref::<Part>();
    let size = value.as_str().map_or(0, str::len) + part.map_or(0, |part| weight(part.json())) + 8;
    match left.checked_sub(size) {
        Some(rest) if depth <= DEEPEST => *left = rest,
        _ => return Err(ErrorKind::OutOfFuel.into()),
    }
    if let Some(part) = part {
        return Ok(part.json().clone());
    }
    let no_json = || Error::new(ErrorKind::BadSerialization, "the value has no JSON form");
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::String => Ok(value.as_str().into()),
        ValueKind::Number if value.is_integer() => match i64::try_from(value.clone()) {
            Ok(number) => Ok(number.into()),
            Err(_) => Ok(u64::try_from(value.clone())?.into()),
        },
        ValueKind::Number => serde_json::Number::from_f64(f64::try_from(value.clone())?)
            .map(Json::Number)
            .ok_or_else(no_json),
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()?
            .checked()
            .map(|item| to_json_at(&item?, left, depth + 1))
            .collect::<Result<_, _>>()
            .map(Json::Array),
        ValueKind::Map => value
            .try_iter()?
            .checked()
            .map(|key| {
                let key = key?;
                let item = to_json_at(&value.get_item(&key)?, left, depth + 1)?;
                Ok((text(&key)?, item))
            })
            .collect::<Result<_, Error>>()
            .map(Json::Object),
        _ => Err(no_json()),
    }
}

/// Roughly how many bytes a JSON value has as a text.
fn weight(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
        Json::String(text) => 2 + text.len(),
        Json::Array(items) => 2 + items.iter().map(|item| weight(item) + 1).sum::<usize>(),
        Json::Object(members) => {
            2 + members.iter().map(|(key, item)| key.len() + 4 + weight(item)).sum::<usize>()
        }
    }
}
