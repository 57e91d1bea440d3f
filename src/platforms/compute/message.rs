//! An e-mail as it travels: headers and parts (RFC 5322, 2045 to 2047), as base64url.
//!
//! Every part is base64, so that no line is too long and no sign is lost. Never here: sending.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::ComputeError;
use crate::platforms::template::shown;

/// Headers and the parameters that they come from.
const HEADERS: [(&str, &str); 8] = [
    ("From", "from"),
    ("To", "to"),
    ("Cc", "cc"),
    ("Bcc", "bcc"),
    ("Reply-To", "reply_to"),
    ("Subject", "subject"),
    ("In-Reply-To", "in_reply_to"),
    ("References", "in_reply_to"),
];

/// Longest line of base64 (RFC 2045, section 6.8).
const LINE: usize = 76;

/// Most bytes of text in one encoded word, so that it stays under 75 signs (RFC 2047).
const WORD: usize = 42;

/// The message that a call's values make.
pub(super) fn rfc822<'v>(
    value_of: &dyn Fn(&str) -> Option<&'v Value>,
) -> Result<String, ComputeError> {
    let mut message = String::new();
    for (header, name) in HEADERS {
        let Some(value) = value_of(name).map(listed).filter(|value| !value.is_empty()) else {
            continue;
        };
        if value.contains(['\r', '\n']) {
            return Err(ComputeError::LineBreak(name));
        }
        let _ = write!(message, "{header}: {}\r\n", encoded(&value));
    }
    message.push_str("MIME-Version: 1.0\r\n");
    let text = |name| value_of(name).map(shown).filter(|text| !text.is_empty());
    let mut bodies: Vec<String> = Vec::new();
    if let Some(html) = text("html") {
        if let Some(plain) = text("text") {
            let either = [
                part("text/plain; charset=utf-8", "", plain.as_bytes()),
                part("text/html; charset=utf-8", "", html.as_bytes()),
            ];
            bodies.push(joined("alternative", &either));
        } else {
            bodies.push(part("text/html; charset=utf-8", "", html.as_bytes()));
        }
    } else {
        let plain = text("text").unwrap_or_default();
        bodies.push(part("text/plain; charset=utf-8", "", plain.as_bytes()));
    }
    for file in value_of("attachments").and_then(Value::as_array).into_iter().flatten() {
        bodies.push(attachment(file)?);
    }
    match bodies.as_slice() {
        [only] => message.push_str(only),
        several => message.push_str(&joined("mixed", several)),
    }
    Ok(URL_SAFE.encode(message))
}

fn listed(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => shown(other),
    }
}

/// A header's text; beyond ASCII in encoded words, the address of a mailbox left as it is.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let parts = text.split(", ").map(|part| match part.rsplit_once(" <") {
        Some((name, address)) => format!("{} <{address}", words(name.trim_matches('"'))),
        None if part.is_ascii() => part.to_owned(),
        None => words(part),
    });
    // A subject with commas is one text, not several mailboxes.
    if text.contains('@') { parts.collect::<Vec<_>>().join(", ") } else { words(text) }
}

fn words(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in text.chars() {
        if word.len() + c.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

fn part(kind: &str, more: &str, content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    let lines = encoded.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    let lines = lines.collect::<Vec<_>>().join("\r\n");
    format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n{more}\r\n{lines}\r\n")
}

fn attachment(file: &Value) -> Result<String, ComputeError> {
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    let name = text("name").unwrap_or("file");
    let given = text("content_type").map(str::to_owned);
    let kind =
        given.unwrap_or_else(|| mime_guess::from_path(name).first_or_octet_stream().to_string());
    if [name, &kind].iter().any(|text| text.contains(['\r', '\n'])) {
        return Err(ComputeError::LineBreak("attachments"));
    }
    let content = match (text("content_base64"), text("text")) {
        (Some(encoded), _) => STANDARD.decode(encoded).map_err(|_| ComputeError::NoBase64)?,
        (None, text) => text.unwrap_or_default().as_bytes().to_vec(),
    };
    let name = words(&name.replace(['"', '\\'], "_"));
    let more = format!("Content-Disposition: attachment; filename=\"{name}\"\r\n");
    Ok(part(&kind, &more, &content))
}

/// Parts behind a boundary that is in none of them: the digest of what they are.
fn joined(kind: &str, parts: &[String]) -> String {
    let digest = Sha256::digest(parts.concat());
    let boundary = hex::encode(digest.get(..16).unwrap_or_default());
    let mut joined = format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n");
    for part in parts {
        let _ = write!(joined, "--{boundary}\r\n{part}");
    }
    let _ = write!(joined, "--{boundary}--\r\n");
    joined
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn message(values: &Value) -> Result<String, ComputeError> {
        let raw = rfc822(&|name| values.get(name))?;
        Ok(String::from_utf8(URL_SAFE.decode(raw).unwrap()).unwrap())
    }

    #[test]
    fn a_plain_message_is_one_part() {
        let made = message(&json!({ "to": ["a@x.example", "Zoë <z@x.example>"],
            "subject": "Grüße, alle", "text": "Hallo" }))
        .unwrap();
        let subject = STANDARD.encode("Grüße, alle");
        assert!(made.contains(&format!("Subject: =?UTF-8?B?{subject}?=\r\n")), "{made}");
        assert!(made.contains("To: a@x.example, =?UTF-8?B?Wm/Dqw==?= <z@x.example>\r\n"), "{made}");
        assert!(made.ends_with("base64\r\n\r\nSGFsbG8=\r\n"), "{made}");
    }

    #[test]
    fn alternatives_and_attachments_nest() {
        let made =
            message(&json!({ "to": "a@x.example", "subject": "s", "text": "t", "html": "<p>",
            "attachments": [{ "name": "a.pdf", "content_base64": "AAEC" }] }))
            .unwrap();
        for has in ["multipart/mixed", "multipart/alternative", "application/pdf", "\r\nAAEC\r\n"] {
            assert!(made.contains(has), "{has} in {made}");
        }
    }

    #[test]
    fn a_header_cannot_be_smuggled_in() {
        for wrong in [
            json!({ "to": "a@x.example\r\nBcc: b@x.example" }),
            json!({ "subject": "s\nX: y" }),
            json!({ "attachments": [{ "name": "a\r\nX: y", "text": "" }] }),
        ] {
            assert!(matches!(message(&wrong), Err(ComputeError::LineBreak(_))), "{wrong}");
        }
    }
}
