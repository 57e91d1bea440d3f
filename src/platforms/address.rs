//! Addresses of a platform: its base with a connection's fields put in, and what is appended.
//!
//! Whatever comes from a call or a connection stays in its place: a segment of a path, or a
//! label of a host. Never here: the query.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::Url;

use super::platform::Platform;
use super::template::{Piece, Template, shown};

/// What a value in a path is encoded to: everything but the unreserved signs (RFC 3986).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same where slashes stay.
const SEGMENTS: &AsciiSet = &SEGMENT.remove(b'/');

/// What a credential in a path is encoded to: everything that no segment may have.
const CREDENTIAL: &AsciiSet =
    &SEGMENT.remove(b':').remove(b'@').remove(b'=').remove(b'+').remove(b'$').remove(b'!');

/// An address that cannot be made. Values are not told: they may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A name stands for nothing.
    #[error("`{0}` is not set")]
    Missing(String),
    /// A value cannot stand where it is put.
    #[error("`{0}`: expected {1}")]
    Unfit(String, &'static str),
    /// It is no address.
    #[error("the address of the platform is none")]
    NoAddress,
    /// The platform's manifest does not name this host.
    #[error("the host is none of the platform's")]
    Host,
}

impl Platform {
    /// What paths are appended to, without a slash at its end.
    pub fn base<'v>(
        &self,
        value_of: &dyn Fn(&str) -> Option<&'v Value>,
    ) -> Result<String, AddressError> {
        let base = match (self.address(), &self.manifest().base_url) {
            (Some(address), _) => address.as_str().to_owned(),
            (None, Some(template)) => filled(template, value_of, CREDENTIAL)?,
            (None, None) => return Err(AddressError::NoAddress),
        };
        Ok(base.trim_end_matches('/').to_owned())
    }

    /// The address of a path, or of one of the platform's other hosts. Other hosts give way to
    /// the operator's address too.
    pub fn at_path<'v>(
        &self,
        path: &Template,
        value_of: &dyn Fn(&str) -> Option<&'v Value>,
    ) -> Result<Url, AddressError> {
        let path = filled(path, value_of, SEGMENT)?;
        let url = self.resolved(&path, value_of)?;
        let own = self.base(value_of)?.parse::<Url>().map_err(|_| AddressError::NoAddress)?;
        let host = url.host_str().unwrap_or_default();
        let is_named = self.manifest().hosts.iter().any(|named| match named.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
            None => named == host,
        });
        if url.origin() == own.origin() || is_named { Ok(url) } else { Err(AddressError::Host) }
    }

    /// The address of an endpoint for tokens.
    pub fn at_endpoint<'v>(
        &self,
        endpoint: &Template,
        value_of: &dyn Fn(&str) -> Option<&'v Value>,
    ) -> Result<Url, AddressError> {
        self.resolved(&filled(endpoint, value_of, CREDENTIAL)?, value_of)
    }

    fn resolved<'v>(
        &self,
        text: &str,
        value_of: &dyn Fn(&str) -> Option<&'v Value>,
    ) -> Result<Url, AddressError> {
        let no_address = |_| AddressError::NoAddress;
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return format!("{}{text}", self.base(value_of)?).parse().map_err(no_address);
        }
        let url: Url = text.parse().map_err(no_address)?;
        match self.address() {
            None => Ok(url),
            Some(address) => {
                let base = address.as_str().trim_end_matches('/');
                let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{base}{}{query}", url.path()).parse().map_err(no_address)
            }
        }
    }
}

/// A template of an address with its values in their places.
fn filled<'v>(
    template: &Template,
    value_of: &dyn Fn(&str) -> Option<&'v Value>,
    set: &'static AsciiSet,
) -> Result<String, AddressError> {
    let mut filled = String::new();
    for piece in template.pieces() {
        let name = match piece {
            Piece::Text(text) => {
                filled.push_str(text);
                continue;
            }
            Piece::Name(name) => name,
        };
        let value = value_of(&name.name).filter(|value| !value.is_null());
        let value = shown(value.ok_or_else(|| AddressError::Missing(name.name.clone()))?);
        let unfit = |expected| Err(AddressError::Unfit(name.name.clone(), expected));
        let after_scheme = filled.split_once("://").map(|(_, rest)| rest);
        match after_scheme {
            None if filled.is_empty() && value.contains("://") => {
                let Ok(url) = value.parse::<Url>() else { return unfit("an address") };
                if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
                    return unfit("an address that begins with http:// or https://");
                }
                filled.push_str(value.trim_end_matches('/'));
            }
            Some(host) if !host.contains('/') => {
                let sign = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
                if value.is_empty() || !value.chars().all(sign) || value.contains("..") {
                    return unfit("a name of a host");
                }
                filled.push_str(&value);
            }
            _ => {
                let set = if name.keeps_slashes { SEGMENTS } else { set };
                let dots = |segment: &str| matches!(segment, "." | "..");
                let climbs =
                    if name.keeps_slashes { value.split('/').any(dots) } else { dots(&value) };
                if climbs || value.is_empty() {
                    return unfit("a part of a path, and neither `.` nor `..`");
                }
                filled.extend(utf8_percent_encode(&value, set));
            }
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(template: &str, values: Value, made: Result<&str, &str>) {
        let template: Template = template.parse().unwrap();
        let filled = filled(&template, &|name| values.get(name), SEGMENT);
        let filled = filled.map_err(|error| error.to_string());
        match made {
            Ok(made) => assert_eq!(filled.as_deref(), Ok(made)),
            Err(said) => assert!(filled.as_ref().is_err_and(|it| it.contains(said)), "{filled:?}"),
        }
    }

    #[test]
    fn values_stay_in_their_places() {
        check("/a/{x}/b", json!({ "x": "c/d?e#f g:h" }), Ok("/a/c%2Fd%3Fe%23f%20g%3Ah/b"));
        check("/a/{+x}", json!({ "x": "c/d e?" }), Ok("/a/c/d%20e%3F"));
        check("/a/{x}", json!({ "x": 5 }), Ok("/a/5"));
        check("{url}/v1", json!({ "url": "http://127.0.0.1:1/x/" }), Ok("http://127.0.0.1:1/x/v1"));
        check(
            "https://{shop}.example/a",
            json!({ "shop": "my-shop" }),
            Ok("https://my-shop.example/a"),
        );
        for (template, value, said) in [
            ("/a/{x}/b", "..", "neither"),
            ("/a/{+x}", "c/../../d", "neither"),
            ("/a/{x}", "", "part of a path"),
            ("https://{x}.example/a", "evil.com/", "host"),
            ("https://{x}.example/a", "u@evil", "host"),
            ("{x}/v1", "file:///etc", "http"),
            ("{x}/v1", "https://a/?q=", "http"),
        ] {
            check(template, json!({ "x": value }), Err(said));
        }
        check("/a/{y}", json!({}), Err("`y` is not set"));
    }
}
