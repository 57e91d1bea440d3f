//! Bodies in the forms that platforms take: JSON, forms, forms with brackets, parts, bytes.
//!
//! Never here: what stands in them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use crate::platforms::manifest::{Encoding, Wrap};
use crate::platforms::parameter::Lists;
use crate::platforms::template::shown;
use crate::tools::Failure;

/// A body before it is written.
#[derive(Clone)]
pub(super) struct Body {
    encoding: Encoding,
    /// How lists are written where nothing else is said.
    pub(super) lists: Lists,
    /// How some are.
    others: BTreeMap<String, Lists>,
    wrap: Option<Wrap>,
    /// Its members.
    pub(super) members: Value,
    /// The one value that is all of it.
    pub(super) whole: Option<Value>,
}

impl Body {
    /// An empty body.
    pub(super) fn new(encoding: Encoding, lists: Lists, wrap: Option<&Wrap>) -> Self {
        let (others, members) = (BTreeMap::new(), Value::Object(Map::new()));
        Self { encoding, lists, others, wrap: wrap.cloned(), members, whole: None }
    }

    /// Puts in a member by name, or at a JSON pointer.
    pub(super) fn put(&mut self, name: &str, value: Value, lists: Lists) {
        if lists != self.lists {
            self.others.insert(name.to_owned(), lists);
        }
        put(&mut self.members, name, value);
    }

    /// A member by name, or at a JSON pointer.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        match name.starts_with('/') {
            true => self.members.pointer(name),
            false => self.members.get(name),
        }
    }

    /// The body in bytes, and what kind it is.
    pub(super) fn written(&self) -> Result<(HeaderValue, Vec<u8>), Failure> {
        let fixed = HeaderValue::from_static;
        if let Some(whole) = &self.whole {
            return match file(whole)? {
                Some(file) => Ok((file.header()?, file.content)),
                None if self.encoding == Encoding::Bytes => {
                    Ok((fixed("application/octet-stream"), shown(whole).into_bytes()))
                }
                None => Ok((fixed("application/json"), whole.to_string().into_bytes())),
            };
        }
        match self.encoding {
            Encoding::Json | Encoding::Bytes => {
                let wrapped = wrapped(self.members.clone(), self.wrap.as_ref());
                Ok((fixed("application/json"), wrapped.to_string().into_bytes()))
            }
            Encoding::Form | Encoding::FormBrackets => {
                let mut form = Serializer::new(String::new());
                form.extend_pairs(self.pairs());
                Ok((fixed("application/x-www-form-urlencoded"), form.finish().into_bytes()))
            }
            Encoding::Multipart => self.parts(),
        }
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let wrapped = wrapped(self.members.clone(), self.wrap.as_ref());
        let mut pairs = Vec::new();
        for (name, value) in wrapped.as_object().into_iter().flatten() {
            let lists = self.others.get(name).copied().unwrap_or(self.lists);
            match self.encoding {
                Encoding::FormBrackets => bracketed(name.clone(), value, lists, &mut pairs),
                _ => pairs.extend(listed(name, value, lists)),
            }
        }
        pairs
    }

    /// Parts (RFC 7578) behind a boundary that nobody can foresee.
    fn parts(&self) -> Result<(HeaderValue, Vec<u8>), Failure> {
        let boundary = hex::encode(crate::clock::random::<16>());
        let mut bytes = Vec::new();
        for (name, value) in self.members.as_object().into_iter().flatten() {
            let lists = self.others.get(name).copied().unwrap_or(self.lists);
            match file(value)? {
                Some(file) => {
                    let head = format!(
                        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; \
                         filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
                        quotable(name),
                        quotable(&file.name),
                        quotable(&file.kind),
                    );
                    bytes.extend_from_slice(head.as_bytes());
                    bytes.extend_from_slice(&file.content);
                    bytes.extend_from_slice(b"\r\n");
                }
                None => {
                    for (name, text) in listed(name, value, lists) {
                        let part = format!(
                            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{text}\r\n",
                            quotable(&name),
                        );
                        bytes.extend_from_slice(part.as_bytes());
                    }
                }
            }
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let kind = kind.parse().map_err(|_| unsendable("the kind of the body"))?;
        Ok((kind, bytes))
    }
}

fn unsendable(what: &str) -> Failure {
    Failure::lasting("invalid_arguments", format!("{what} cannot be sent"))
}

/// A name as it stands in quotes in the head of a part (RFC 7578, section 2; WHATWG's way).
fn quotable(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// Puts a value into an object: under a name, or at a JSON pointer, with what is on the way
/// there made.
fn put(body: &mut Value, name: &str, value: Value) {
    let Some(path) = name.strip_prefix('/') else {
        if let Some(members) = body.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        return;
    };
    let mut at = body;
    for key in path.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")) {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(members) = at else { return };
        at = members.entry(key).or_insert(Value::Null);
    }
    *at = value;
}

/// A body inside of what the platform puts it into.
fn wrapped(body: Value, wrap: Option<&Wrap>) -> Value {
    let Some(wrap) = wrap else { return body };
    let inner = if wrap.list { Value::Array(vec![body]) } else { body };
    wrap.members
        .iter()
        .rev()
        .fold(inner, |inner, name| Value::Object(Map::from_iter([(name.clone(), inner)])))
}

/// A member of a query or a form; objects are JSON text.
pub(super) fn listed(name: &str, value: &Value, lists: Lists) -> Vec<(String, String)> {
    let one = |text: String| vec![(name.to_owned(), text)];
    let Value::Array(items) = value else { return one(shown(value)) };
    match lists {
        Lists::Repeat => items.iter().map(|item| (name.to_owned(), shown(item))).collect(),
        Lists::Comma => one(items.iter().map(shown).collect::<Vec<_>>().join(",")),
        Lists::Brackets => items.iter().map(|item| (format!("{name}[]"), shown(item))).collect(),
        Lists::Indexed => {
            let items = items.iter().enumerate();
            items.map(|(index, item)| (format!("{name}[{index}]"), shown(item))).collect()
        }
        Lists::Json => one(value.to_string()),
    }
}

/// What is nested as names in brackets.
fn bracketed(name: String, value: &Value, lists: Lists, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                bracketed(format!("{name}[{key}]"), value, lists, pairs);
            }
        }
        Value::Array(items) if matches!(lists, Lists::Indexed | Lists::Brackets) => {
            for (index, item) in items.iter().enumerate() {
                let index = if lists == Lists::Indexed { index.to_string() } else { String::new() };
                bracketed(format!("{name}[{index}]"), item, lists, pairs);
            }
        }
        Value::Null => pairs.push((name, String::new())),
        plain => pairs.extend(listed(&name, plain, lists)),
    }
}

/// A file that a caller gave.
struct File {
    name: String,
    kind: String,
    content: Vec<u8>,
}

impl File {
    fn header(&self) -> Result<HeaderValue, Failure> {
        self.kind.parse().map_err(|_| unsendable("`content_type`"))
    }
}

fn file(value: &Value) -> Result<Option<File>, Failure> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let Some(name) = text("name") else { return Ok(None) };
    let content = match (text("content_base64"), text("text")) {
        (Some(encoded), _) => {
            let wrong = |_| Failure::lasting("invalid_arguments", "`content_base64` is not base64");
            STANDARD.decode(encoded).map_err(wrong)?
        }
        (None, Some(text)) => text.as_bytes().to_vec(),
        (None, None) => return Ok(None),
    };
    let guessed = || mime_guess::from_path(name).first_or_octet_stream().to_string();
    let kind = text("content_type").map_or_else(guessed, str::to_owned);
    Ok(Some(File { name: name.to_owned(), kind, content }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn body(encoding: Encoding, lists: Lists, members: Value) -> Body {
        Body { members, ..Body::new(encoding, lists, None) }
    }

    #[track_caller]
    fn form(encoding: Encoding, lists: Lists, members: Value, expected: &str) {
        let (_, bytes) = body(encoding, lists, members).written().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.replace("%5B", "[").replace("%5D", "]"), expected);
    }

    #[test]
    fn forms_write_lists_and_what_is_nested() {
        let members = || json!({ "a": [1, "x y"], "b": true });
        form(Encoding::Form, Lists::Repeat, members(), "a=1&a=x+y&b=true");
        form(Encoding::Form, Lists::Comma, members(), "a=1%2Cx+y&b=true");
        form(Encoding::Form, Lists::Brackets, members(), "a[]=1&a[]=x+y&b=true");
        form(Encoding::Form, Lists::Json, members(), "a=[1%2C%22x+y%22]&b=true");
        form(Encoding::Form, Lists::Repeat, json!({ "o": {} }), "o=%7B%7D");
        let nested =
            json!({ "items": [{ "price": "p", "q": 2 }], "meta": { "k": "v" }, "n": null });
        let expected = "items[0][price]=p&items[0][q]=2&meta[k]=v&n=";
        form(Encoding::FormBrackets, Lists::Indexed, nested, expected);
    }

    #[test]
    fn members_are_put_deep_and_wrapped() {
        let wrap: Wrap = serde_json::from_value(json!("data[]")).unwrap();
        let mut body = Body::new(Encoding::Json, Lists::Repeat, Some(&wrap));
        body.put("/fields/project/key", json!("K"), Lists::Repeat);
        body.put("/fields/summary", json!("S"), Lists::Repeat);
        let (_, bytes) = body.written().unwrap();
        let made: Value = serde_json::from_slice(&bytes).unwrap();
        let expected =
            json!({ "data": [{ "fields": { "project": { "key": "K" }, "summary": "S" } }] });
        assert_eq!(made, expected);
    }

    #[test]
    fn parts_carry_files_and_texts() {
        let members = json!({ "chat": 5, "photo": { "name": "a\".png", "content_base64": "AAEC" },
            "more": { "x": 1 } });
        let (kind, bytes) = body(Encoding::Multipart, Lists::Repeat, members).written().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(kind.to_str().unwrap().starts_with("multipart/form-data; boundary="));
        for has in [
            "name=\"chat\"\r\n\r\n5\r\n",
            "filename=\"a%22.png\"",
            "image/png\r\n\r\n\u{0}\u{1}\u{2}\r\n",
            "name=\"more\"\r\n\r\n{\"x\":1}\r\n",
        ] {
            assert!(text.contains(has), "{has} in {text}");
        }
        let wrong = json!({ "photo": { "name": "a", "content_base64": "?" } });
        assert!(body(Encoding::Multipart, Lists::Repeat, wrong).written().is_err());
    }
}
