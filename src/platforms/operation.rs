//! An operation together with its platform: what holds of it once everything that the platform
//! says for all of them is put in.
//!
//! Never here: requests.

use hub_events::Class;
use serde_json::{Map, Value, json};

use super::manifest::{Encoding, Idempotency, Manifest, Operation, Pages, Wrap};
use super::parameter::{Lists, Parameter, Position};
use super::place::Spot;
use super::sign_in::Method;

/// The parameter that says how many pages of a list are fetched.
pub const MAX_PAGES: &str = "max_pages";

/// The parameter that names a connection, where an account has several to one platform.
pub const CONNECTION: &str = "connection_id";

/// How many pages one call fetches at most.
pub const MOST_PAGES: u64 = 50;

/// An operation of a platform.
#[derive(Clone, Copy, Debug)]
pub struct Of<'m> {
    /// The platform.
    pub manifest: &'m Manifest,
    /// The operation.
    pub operation: &'m Operation,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// Into the path.
    Path,
    /// Where a parameter says.
    To(Position),
}

impl Manifest {
    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = Of<'_>> {
        self.tools.iter().map(|operation| Of { manifest: self, operation })
    }
}

impl<'m> Of<'m> {
    /// The tool's name.
    pub fn name(self) -> String {
        format!("{}_{}", self.manifest.id, self.operation.id)
    }

    /// Its parameters by name: those in the path, those that it shares, its own.
    pub fn parameters(self) -> Vec<(&'m str, &'m Parameter)> {
        let Self { manifest, operation } = self;
        let find = |name: &str| {
            let own = operation.parameters.iter().find(|(known, _)| *known == name);
            own.or_else(|| manifest.parameters.iter().find(|(known, _)| *known == name))
        };
        let in_path = operation.path.names().map(|name| name.name.as_str());
        let shared = operation.shared.iter().map(String::as_str);
        let mut all: Vec<(&str, &Parameter)> = Vec::new();
        for found in in_path.chain(shared).filter_map(find).chain(operation.parameters.iter()) {
            if !all.iter().any(|(name, _)| *name == found.0) {
                all.push(found);
            }
        }
        all
    }

    /// Where a parameter of it goes.
    pub fn goes(self, name: &str, parameter: &Parameter) -> Goes {
        let operation = self.operation;
        if operation.path.names().any(|in_path| in_path.name == name) {
            return Goes::Path;
        }
        let implied = if operation.method().has_body() || operation.graphql.is_some() {
            Position::Body
        } else {
            Position::Query
        };
        Goes::To(parameter.position.unwrap_or(implied))
    }

    /// The parameters that must be given: those that are said to be, and those in the path that
    /// neither have a default nor can come from the connection.
    pub fn required(self) -> Vec<&'m str> {
        let Self { manifest, operation } = self;
        let must = |(name, parameter): &(&str, &Parameter)| {
            let in_path = self.goes(name, parameter) == Goes::Path;
            let given =
                parameter.schema.get("default").is_some() || manifest.config.get(name).is_some();
            operation.required.iter().any(|required| required == name) || in_path && !given
        };
        self.parameters().into_iter().filter(must).map(|(name, _)| name).collect()
    }

    /// JSON Schema of its arguments.
    pub fn schema(self) -> Value {
        let mut properties = Map::new();
        for (name, parameter) in self.parameters() {
            let mut schema = parameter.schema.clone();
            let is_text = schema.get("type").is_some_and(|kind| kind == "string");
            if self.goes(name, parameter) == Goes::Path
                && is_text
                && let Some(members) = schema.as_object_mut()
            {
                members.entry("minLength").or_insert(1.into());
            }
            properties.insert(name.to_owned(), schema);
        }
        if self.pages().is_some() {
            properties.insert(
                MAX_PAGES.to_owned(),
                json!({
                    "type": "integer", "minimum": 1, "maximum": MOST_PAGES, "default": 1,
                    "description": "How many pages are fetched and joined, at most",
                }),
            );
        }
        properties.insert(
            CONNECTION.to_owned(),
            json!({
                "type": "integer",
                "description": "The connection to use, where there are several; \
                                the oldest that is active where none is named",
            }),
        );
        json!({
            "type": "object",
            "properties": properties,
            "required": self.required(),
            "additionalProperties": false,
        })
    }

    /// How its list goes on, where it has one.
    pub fn pages(self) -> Option<&'m Pages> {
        self.operation.items.as_ref()?;
        self.operation.pages.as_ref().or(self.manifest.pages.as_ref())
    }

    /// Where it takes an idempotency key.
    pub fn idempotency(self) -> Option<&'m Spot> {
        let writes = matches!(self.operation.method(), Method::Post | Method::Patch);
        match &self.operation.idempotency {
            Some(Idempotency::Not) => None,
            Some(Idempotency::At(spot)) => Some(spot),
            None if writes && self.operation.class.is_none() => self.manifest.idempotency.as_ref(),
            None => None,
        }
    }

    /// What the world can notice of it.
    pub fn class(self) -> Class {
        let implied = match self.operation.method() {
            Method::Get | Method::Head => Class::Read,
            Method::Put | Method::Delete => Class::Idempotent,
            Method::Post | Method::Patch if self.idempotency().is_some() => Class::Keyed,
            Method::Post | Method::Patch => Class::AtMostOnce,
        };
        self.operation.class.unwrap_or(implied)
    }

    /// Whether it deletes or overwrites what cannot be had back.
    pub fn destructive(self) -> bool {
        self.operation.destructive.unwrap_or(self.operation.method() == Method::Delete)
    }

    /// How its body is written.
    pub fn encoding(self) -> Encoding {
        match self.operation.graphql {
            Some(_) => Encoding::Json,
            None => self.operation.body.unwrap_or(self.manifest.body),
        }
    }

    /// How lists in its query and forms are written.
    pub fn lists(self, parameter: &Parameter) -> Lists {
        parameter.lists.or(self.operation.lists).unwrap_or(self.manifest.lists)
    }

    /// What its body is put into.
    pub fn wrap(self) -> Option<&'m Wrap> {
        match self.operation.graphql {
            Some(_) => None,
            None => self.operation.wrap.as_ref().or(self.manifest.wrap.as_ref()),
        }
    }

    /// Why it cannot be called; none where it can.
    pub fn closed(self) -> Option<&'m str> {
        let Manifest { not_offered, disabled, .. } = self.manifest;
        not_offered.as_deref().or(disabled.as_deref()).or(self.operation.disabled.as_deref())
    }

    /// What was not confirmed about it.
    pub fn unverified(self) -> Option<&'m str> {
        self.operation.unverified.as_deref().or(self.manifest.unverified.as_deref())
    }
}
