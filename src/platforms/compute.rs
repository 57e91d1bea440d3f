//! The closed set of functions that a manifest may ask for: encodings, digests, signatures and
//! forms that platforms demand of a value.
//!
//! Each is a plain function from a text (or a call's values) to a value. Never here: an
//! expression language; what is missing is added as a function with a name.

mod message;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, FixedOffset, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Digest as _;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::template::{Template, shown};

/// A function of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Base64 of the text (RFC 4648, section 4).
    Base64,
    /// Base64url without padding (RFC 4648, section 5).
    Base64url,
    /// MD5 of the trimmed, lower-cased text in hex, by which Mailchimp names members.
    Md5Lower,
    /// The text in lower case.
    Lower,
    /// The text in upper case.
    Upper,
    /// Lower-case words of letters and digits joined by hyphens.
    Slug,
    /// What follows the last hyphen: the data centre in a key of Mailchimp.
    AfterHyphen,
    /// Digits alone: a telephone number without signs and spaces.
    Digits,
    /// The text percent-encoded.
    UrlEncoded,
    /// The value as JSON text.
    JsonText,
    /// A list as one text with commas.
    Comma,
    /// The text as a document of Atlassian (ADF), one paragraph per line.
    AdfParagraph,
    /// A moment (RFC 3339) as seconds since 1970.
    UnixSeconds,
    /// A moment (RFC 3339) as milliseconds since 1970.
    UnixMillis,
    /// HMAC-SHA256 in hex, with the named `key`.
    HmacSha256,
    /// RSA-SHA256 (PKCS #1 v1.5) as base64, with the named `key` in PEM.
    RsaSha256,
    /// The moment of the call, as `format` says at `offset`.
    Timestamp,
    /// An e-mail (RFC 5322) from the parameters `to`, `cc`, `bcc`, `from`, `reply_to`,
    /// `subject`, `text`, `html`, `in_reply_to` and `attachments`, as base64url.
    Rfc822,
}

/// A computed value: what a name in a template stands for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Computed {
    /// How.
    #[serde(rename = "fn")]
    pub function: Function,
    /// Of what; not for `timestamp` and `rfc822`.
    #[serde(default)]
    pub of: Template,
    /// The field of the connection that holds the key of a signature.
    pub key: Option<String>,
    /// How a timestamp is written, in the signs of `strftime`; seconds since 1970 where nothing
    /// is said.
    pub format: Option<String>,
    /// How far a timestamp is from UTC, such as `+03:00`.
    #[serde(default, deserialize_with = "offset")]
    pub offset: Option<FixedOffset>,
}

/// A value that cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// The text is not a moment.
    #[error("expected a moment such as `2026-01-31T08:00:00Z`")]
    NoMoment,
    /// The key is none.
    #[error("the key in `{0}` cannot be used: expected an RSA private key in PEM")]
    NoKey(String),
    /// A file is not base64.
    #[error("`content_base64` is not base64")]
    NoBase64,
    /// A header of an e-mail would be more than one line.
    #[error("`{0}` has a line break")]
    LineBreak(&'static str),
    /// The function needs more than one text.
    #[error("this function stands in `compute` alone")]
    NotAlone,
}

impl Function {
    /// Whether it can be the `as` of a parameter.
    pub fn takes_one_value(self) -> bool {
        !matches!(self, Self::HmacSha256 | Self::RsaSha256 | Self::Timestamp | Self::Rfc822)
    }

    /// Whether it needs a key.
    pub fn needs_key(self) -> bool {
        matches!(self, Self::HmacSha256 | Self::RsaSha256)
    }

    /// What it makes of one value.
    pub fn apply(self, value: &Value) -> Result<Value, ComputeError> {
        let text = shown(value);
        Ok(match self {
            Self::Base64 => STANDARD.encode(text).into(),
            Self::Base64url => URL_SAFE_NO_PAD.encode(text).into(),
            Self::Md5Lower => hex::encode(md5::Md5::digest(text.trim().to_lowercase())).into(),
            Self::Lower => text.to_lowercase().into(),
            Self::Upper => text.to_uppercase().into(),
            Self::Slug => slug(&text).into(),
            Self::AfterHyphen => text.rsplit('-').next().unwrap_or_default().into(),
            Self::Digits => text.chars().filter(char::is_ascii_digit).collect::<String>().into(),
            Self::UrlEncoded => {
                percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC)
                    .to_string()
                    .into()
            }
            Self::JsonText => value.to_string().into(),
            Self::Comma => match value {
                Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(",").into(),
                _ => text.into(),
            },
            Self::AdfParagraph => adf(&text),
            Self::UnixSeconds => moment(&text)?.timestamp().into(),
            Self::UnixMillis => moment(&text)?.timestamp_millis().into(),
            Self::HmacSha256 | Self::RsaSha256 | Self::Timestamp | Self::Rfc822 => {
                return Err(ComputeError::NotAlone);
            }
        })
    }
}

impl Computed {
    /// The value in a call; none where a name in it stands for nothing.
    pub fn value<'v>(
        &self,
        value_of: &dyn Fn(&str) -> Option<&'v Value>,
        now: DateTime<Utc>,
    ) -> Result<Option<Value>, ComputeError> {
        match self.function {
            Function::Timestamp => return Ok(Some(self.timestamp(now))),
            Function::Rfc822 => return message::rfc822(value_of).map(|raw| Some(raw.into())),
            _ => {}
        }
        let given = match self.of.sole() {
            Some(name) => value_of(name).cloned(),
            None => self.of.fill(value_of).map(Value::String),
        };
        let Some(given) = given else { return Ok(None) };
        let name = self.key.as_deref().unwrap_or_default();
        let key = value_of(name).map(shown);
        match (self.function, key) {
            (Function::HmacSha256, Some(key)) => Ok(Some(hmac(&key, &shown(&given)).into())),
            (Function::RsaSha256, Some(key)) => {
                rsa(&key, &shown(&given)).map(Some).ok_or_else(|| ComputeError::NoKey(name.into()))
            }
            (Function::HmacSha256 | Function::RsaSha256, None) => Ok(None),
            (function, _) => function.apply(&given).map(Some),
        }
    }

    fn timestamp(&self, now: DateTime<Utc>) -> Value {
        match (&self.format, self.offset) {
            (None, _) => now.timestamp().into(),
            (Some(format), None) => now.format(format).to_string().into(),
            (Some(format), Some(offset)) => {
                now.with_timezone(&offset).format(format).to_string().into()
            }
        }
    }
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FixedOffset>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn moment(text: &str) -> Result<DateTime<FixedOffset>, ComputeError> {
    DateTime::parse_from_rfc3339(text).map_err(|_| ComputeError::NoMoment)
}

fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// A document of Atlassian's editor, version 1 (its "Atlassian Document Format").
fn adf(text: &str) -> Value {
    let paragraph = |line: &str| match line {
        "" => json!({ "type": "paragraph", "content": [] }),
        line => json!({ "type": "paragraph", "content": [{ "type": "text", "text": line }] }),
    };
    json!({ "type": "doc", "version": 1, "content": text.lines().map(paragraph).collect::<Vec<_>>() })
}

fn hmac(key: &str, text: &str) -> String {
    // A key of any length is taken.
    Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map(|mut mac| {
            mac.update(text.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        })
        .unwrap_or_default()
}

fn rsa(key: &str, text: &str) -> Option<Value> {
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(key.as_bytes()).ok()?;
    let algorithm = jsonwebtoken::Algorithm::RS256;
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, algorithm).ok()?;
    Some(STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).ok()?).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn functions_of_one_value() {
        let adf_two = json!({ "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [{ "type": "text", "text": "a" }] },
            { "type": "paragraph", "content": [] },
            { "type": "paragraph", "content": [{ "type": "text", "text": "b" }] }] });
        for (function, value, made) in [
            (Function::Base64, json!("a?b>"), json!("YT9iPg==")),
            (Function::Base64url, json!("a?b>>"), json!("YT9iPj4")),
            // An address in Mailchimp's documentation of its subscriber hash.
            (
                Function::Md5Lower,
                json!(" Urist.McVankab@freddiesjokes.com"),
                json!("62eeb292278cc15f5817cb78f7790b08"),
            ),
            (Function::Slug, json!("Ä nice  Title!"), json!("ä-nice-title")),
            (Function::AfterHyphen, json!("0123-us19"), json!("us19")),
            (Function::Digits, json!("+254 712-345"), json!("254712345")),
            (Function::UrlEncoded, json!("a/b c"), json!("a%2Fb%20c")),
            (Function::JsonText, json!({ "a": [1] }), json!("{\"a\":[1]}")),
            (Function::Comma, json!(["a", 1]), json!("a,1")),
            (Function::AdfParagraph, json!("a\n\nb"), adf_two),
            (Function::UnixSeconds, json!("1970-01-01T01:00:00+00:00"), json!(3600)),
            (Function::UnixMillis, json!("1970-01-01T00:00:01Z"), json!(1000)),
        ] {
            assert_eq!(function.apply(&value).unwrap(), made, "{function:?}");
        }
    }

    #[test]
    fn a_password_of_mpesa_is_the_join_of_three() {
        let values = json!({ "short_code": "174379", "pass_key": "bfb2", "hash_key": "key" });
        let now: DateTime<Utc> = "2026-01-31T21:05:06Z".parse().unwrap();
        let timestamp: Computed = serde_json::from_value(
            json!({ "fn": "timestamp", "format": "%Y%m%d%H%M%S", "offset": "+03:00" }),
        )
        .unwrap();
        let value_of = |name: &str| values.get(name);
        let at = timestamp.value(&value_of, now).unwrap().unwrap();
        assert_eq!(at, json!("20260201000506"));
        let password: Computed = serde_json::from_value(
            json!({ "fn": "base64", "of": "{short_code}{pass_key}{timestamp}" }),
        )
        .unwrap();
        let all = |name: &str| if name == "timestamp" { Some(&at) } else { values.get(name) };
        let made = password.value(&all, now).unwrap().unwrap();
        assert_eq!(made, json!(STANDARD.encode("174379bfb220260201000506")));
        assert_eq!(password.value(&value_of, now).unwrap(), None);
    }

    #[test]
    fn a_signature_is_that_of_rfc_4231() {
        let values = json!({ "key": "Jefe" });
        let of = json!({ "fn": "hmac_sha256", "key": "key", "of": "what do ya want for nothing?" });
        let computed: Computed = serde_json::from_value(of).unwrap();
        let made = computed.value(&|name| values.get(name), DateTime::UNIX_EPOCH).unwrap().unwrap();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(made, json!(expected));
    }
}
