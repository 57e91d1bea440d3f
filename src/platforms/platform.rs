//! One platform: its manifest, and what a connection to it is made of.
//!
//! Never here: where a connection is kept, or requests.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use url::Url;

use super::check::{self, Fault};
use super::manifest::{Field, FieldKind, Manifest};
use super::sign_in::{ACCESS_TOKEN, REFRESH_TOKEN, SignIn};

/// What a secret is shown as; the last four signs follow where the secret is long.
const MASK: &str = "••••••••";

/// From this length on the last four signs of a secret say too little to matter.
const LONG_SECRET: usize = 16;

/// A platform.
#[derive(Clone, Debug)]
pub struct Platform {
    manifest: Manifest,
    address: Option<Url>,
}

/// One thing that is wrong with what a connection is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The field.
    pub field: String,
    /// Whether it is missing, rather than wrong.
    pub missing: bool,
    /// What was expected, in words; never with the value in it.
    pub message: String,
}

impl Platform {
    /// Reads a manifest and checks it whole.
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        let manifest = check::manifest(text)?;
        let faults = check::faults(&manifest, text);
        if faults.is_empty() { Ok(Self { manifest, address: None }) } else { Err(faults) }
    }

    /// Reads a manifest that was checked when this was built.
    pub(super) fn read_checked(text: &str) -> Result<Self, Vec<Fault>> {
        Ok(Self { manifest: check::manifest(text)?, address: None })
    }

    /// The same at another address: scheme, host and path, in place of the manifest's own.
    #[must_use]
    pub fn at(self, address: Option<Url>) -> Self {
        Self { address, ..self }
    }

    /// What stands in its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The operator's address in place of `base_url`.
    pub fn address(&self) -> Option<&Url> {
        self.address.as_ref()
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// Why it cannot be connected; none where it can.
    pub fn closed(&self) -> Option<&str> {
        let Manifest { not_offered, disabled, .. } = &self.manifest;
        not_offered.as_deref().or(disabled.as_deref())
    }

    /// The field of this name or alias.
    pub fn field(&self, name: &str) -> Option<(&str, &Field)> {
        let named = |(own, field): &(&str, &Field)| {
            *own == name || field.aliases.iter().any(|alias| alias == name)
        };
        self.manifest.config.iter().find(named)
    }

    /// Whether a field is never shown again. What no manifest knows is taken for a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.field(name).is_none_or(|(_, field)| field.secret)
    }

    /// A connection's fields under their own names, and with what is set where nothing is
    /// given. Empty texts and nulls count as not given.
    pub fn complete(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut complete = Map::new();
        for (name, value) in given {
            let is_empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
            let own = self.field(name).map_or(name.as_str(), |(own, _)| own);
            let by_own_name = own == name || !given.contains_key(own);
            if !is_empty && by_own_name {
                complete.insert(own.to_owned(), value.clone());
            }
        }
        for (name, field) in self.manifest.config.iter() {
            if let (Some(default), false) = (&field.default, complete.contains_key(name)) {
                complete.insert(name.to_owned(), default.clone());
            }
        }
        complete
    }

    /// Everything that is wrong with a connection's fields.
    pub fn check(&self, given: &Map<String, Value>) -> Vec<ConfigFault> {
        let complete = self.complete(given);
        let mut faults = Vec::new();
        for (name, field) in self.manifest.config.iter() {
            let fault = |missing, message: String| {
                Some(ConfigFault { field: name.to_owned(), missing, message })
            };
            faults.extend(match complete.get(name) {
                None if field.required => fault(true, format!("`{name}` is required")),
                None => None,
                Some(value) => wrong(field, value)
                    .and_then(|expected| fault(false, format!("`{name}`: expected {expected}"))),
            });
        }
        if faults.is_empty() && self.sign_in(&complete).is_none() {
            let ways = self.manifest.sign_in.iter().map(|way| match way {
                SignIn::OAuth2(_) => format!("`{ACCESS_TOKEN}` or `{REFRESH_TOKEN}`"),
                way => way
                    .needs()
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(" and "),
            });
            let message =
                format!("one of these is required: {}", ways.collect::<Vec<_>>().join("; "));
            faults.push(ConfigFault { field: String::new(), missing: true, message });
        }
        faults
    }

    /// The way in which a connection signs in: the first that its fields allow.
    pub fn sign_in(&self, complete: &Map<String, Value>) -> Option<&SignIn> {
        let has = |name: &str| complete.get(name).is_some_and(|value| !value.is_null());
        let open = |way: &&SignIn| match way {
            SignIn::OAuth2(_) => has(ACCESS_TOKEN) || has(REFRESH_TOKEN),
            way => way.needs().into_iter().all(has),
        };
        static NONE: SignIn = SignIn::None;
        match self.manifest.sign_in.as_slice() {
            [] => Some(&NONE),
            ways => ways.iter().find(open),
        }
    }

    /// What names in templates stand for: a connection's fields, with what its choices mean.
    pub fn values(&self, complete: &Map<String, Value>) -> Map<String, Value> {
        let mut values = complete.clone();
        for (name, field) in self.manifest.config.iter() {
            let chosen = complete.get(name).and_then(Value::as_str);
            if let (Some(choices), Some(chosen)) = (&field.values, chosen)
                && let Some(meant) = choices.get(chosen)
            {
                values.insert(name.to_owned(), meant.clone().into());
            }
        }
        values
    }

    /// A connection's fields as they may be shown: every key, and secrets masked.
    pub fn masked(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mask = |(name, value): (&String, &Value)| {
            let shown = if self.is_secret(name) { masked(value) } else { value.clone() };
            (name.clone(), shown)
        };
        given.iter().map(mask).collect()
    }

    /// A connection's fields apart: those that may be shown, and the secret ones.
    pub fn apart(&self, complete: &Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
        let (secret, open): (BTreeMap<_, _>, BTreeMap<_, _>) =
            complete.clone().into_iter().partition(|(name, _)| self.is_secret(name));
        (open.into_iter().collect(), secret.into_iter().collect())
    }

    /// JSON Schema of a connection's fields, for forms.
    pub fn config_schema(&self) -> Value {
        let property = |(name, field): (&str, &Field)| {
            let mut property = Map::new();
            let (kind, format) = match field.kind {
                FieldKind::String => ("string", None),
                FieldKind::Url => ("string", Some("uri")),
                FieldKind::Integer => ("integer", None),
                FieldKind::Boolean => ("boolean", None),
            };
            property.insert("type".into(), kind.into());
            property.insert("description".into(), field.description.clone().into());
            if let Some(format) = format {
                property.insert("format".into(), format.into());
            }
            if field.secret {
                property.insert("format".into(), "password".into());
                property.insert("writeOnly".into(), true.into());
            }
            if let Some(values) = &field.values {
                property.insert("enum".into(), values.names().collect());
            }
            if let Some(default) = &field.default {
                property.insert("default".into(), default.clone());
            }
            (name.to_owned(), Value::Object(property))
        };
        let fields = || self.manifest.config.iter();
        let required = fields().filter(|(_, field)| field.required && field.default.is_none());
        json!({
            "type": "object",
            "properties": fields().map(property).collect::<Map<_, _>>(),
            "required": required.map(|(name, _)| name).collect::<Vec<_>>(),
        })
    }
}

/// What a secret is shown as. The same secret is always shown the same, so that a form that
/// gives a mask back says that nothing changed.
pub fn masked(value: &Value) -> Value {
    let Value::String(text) = value else { return MASK.into() };
    let signs: Vec<char> = text.chars().collect();
    match signs.len().checked_sub(4).and_then(|at| signs.get(at..)) {
        Some(last) if signs.len() >= LONG_SECRET => {
            format!("{MASK}{}", last.iter().collect::<String>()).into()
        }
        _ => MASK.into(),
    }
}

/// What was expected of a field's value, where it is something else.
fn wrong(field: &Field, value: &Value) -> Option<String> {
    let is_right = match field.kind {
        FieldKind::String => value.is_string() || value.is_number(),
        FieldKind::Integer => {
            value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok())
        }
        FieldKind::Boolean => value.is_boolean(),
        FieldKind::Url => {
            let url = value.as_str().and_then(|text| Url::parse(text).ok());
            url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        }
    };
    if !is_right {
        let expected = match field.kind {
            FieldKind::String => "a text",
            FieldKind::Integer => "a whole number",
            FieldKind::Boolean => "true or false",
            FieldKind::Url => "an address that begins with http:// or https://",
        };
        return Some(expected.to_owned());
    }
    if value
        .as_str()
        .is_some_and(|text| text.contains(['\r', '\n']) && !text.contains("-----BEGIN"))
    {
        let is_json = value.as_str().is_some_and(|text| text.trim_start().starts_with('{'));
        return (!is_json).then(|| "one line".to_owned());
    }
    let values = field.values.as_ref()?;
    let known = value.as_str().is_some_and(|text| values.get(text).is_some());
    (!known).then(|| format!("one of {}", values.names().collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests;
