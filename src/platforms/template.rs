//! Texts and values of a manifest with names in braces: `Bearer {access_token}`.
//!
//! A name is a parameter of the tool, a computed value or a field of the connection. That is
//! all: no operators, no conditions. Never here: what a name stands for.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

/// A text with names in it. `{{` and `}}` stand for braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Stands as it is.
    Text(String),
    /// Is replaced by what the name stands for.
    Name(Name),
}

/// A name in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// `{+name}` (RFC 6570): in a path, slashes of the value stay slashes.
    pub keeps_slashes: bool,
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace is open at the end.
    #[error("`{0}`: a `{{` is never closed; write `{{{{` for a brace")]
    Open(String),
    /// A brace closes none.
    #[error("`{0}`: a `}}` closes nothing; write `}}}}` for a brace")]
    Closed(String),
    /// What stands in braces is no name.
    #[error("`{0}`: `{{{1}}}` is no name; names have letters, digits and `_`")]
    NoName(String, String),
}

impl std::str::FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if let Some(inner) = from.strip_prefix('{') {
                let closed = inner.split_once('}');
                let (name, after) = closed.ok_or_else(|| TemplateError::Open(text.to_owned()))?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Name(Self::name(text, name)?));
                rest = after;
            } else {
                return Err(TemplateError::Closed(text.to_owned()));
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }
}

impl Template {
    fn name(text: &str, inner: &str) -> Result<Name, TemplateError> {
        let name = inner.strip_prefix('+').unwrap_or(inner);
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(TemplateError::NoName(text.to_owned(), inner.to_owned()));
        }
        Ok(Name { name: name.to_owned(), keeps_slashes: inner.starts_with('+') })
    }

    /// Its parts in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
    }

    /// The name, where the template is nothing but one name.
    pub fn sole(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Name(name)] => Some(&name.name),
            _ => None,
        }
    }

    /// The text it begins with.
    pub fn start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// The text with every name replaced; none where a name stands for nothing.
    pub fn fill<'v>(&self, value_of: &dyn Fn(&str) -> Option<&'v Value>) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => filled.push_str(&shown(value_of(&name.name)?)),
            }
        }
        Some(filled)
    }
}

/// A value as text: texts bare, everything else as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A value whose texts are templates. A text that is one name alone has that value's own type.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A text.
    Text(Template),
    /// A number, a truth value or null.
    Plain(Value),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn of(value: Value) -> Result<Self, TemplateError> {
        Ok(match value {
            Value::String(text) => Self::Text(text.parse()?),
            Value::Array(items) => {
                Self::List(items.into_iter().map(Self::of).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let member = |(name, value)| Ok((name, Self::of(value)?));
                Self::Object(members.into_iter().map(member).collect::<Result<_, _>>()?)
            }
            plain => Self::Plain(plain),
        })
    }

    /// Every name in it.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Text(template) => template.names().map(|name| name.name.as_str()).collect(),
            Self::Plain(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::names).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, value)| value.names()).collect(),
        }
    }

    /// The value with every name replaced. A member or an item with a name that stands for
    /// nothing is left out.
    pub fn fill<'v>(&self, value_of: &dyn Fn(&str) -> Option<&'v Value>) -> Option<Value> {
        Some(match self {
            Self::Text(template) => match template.sole() {
                Some(name) => value_of(name)?.clone(),
                None => Value::String(template.fill(value_of)?),
            },
            Self::Plain(value) => value.clone(),
            Self::List(items) => items.iter().filter_map(|item| item.fill(value_of)).collect(),
            Self::Object(members) => {
                let filled = members
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), value.fill(value_of)?)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
        })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_replaced_and_braces_kept() {
        let values = json!({ "a": "x", "n": 5, "l": [1] });
        let value_of = |name: &str| values.get(name);
        for (text, filled) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("{a}", Some("x")),
            ("Bot {a}!{n}", Some("Bot x!5")),
            ("{{{a}}}", Some("{x}")),
            ("{l}", Some("[1]")),
            ("{a}{missing}", None),
        ] {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.fill(&value_of).as_deref(), filled, "{text}");
        }
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (text, said) in [
            ("{a", "never closed"),
            ("a}", "closes nothing"),
            ("{a b}", "no name"),
            ("{}", "no name"),
        ] {
            let error = text.parse::<Template>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_tree_keeps_types_and_leaves_out_what_is_not_there() {
        let values = json!({ "n": 5, "o": { "x": 1 } });
        let tree: Tree = serde_json::from_value(
            json!({ "a": "{n}", "b": ["{o}", "{no}"], "c": "{no}", "d": "n={n}" }),
        )
        .unwrap();
        let filled = tree.fill(&|name| values.get(name)).unwrap();
        assert_eq!(filled, json!({ "a": 5, "b": [{ "x": 1 }], "d": "n=5" }));
    }
}
