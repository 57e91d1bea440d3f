//! All tools, by name and by where they come from.
//!
//! What the hub itself has and what platforms offer is there for every account; what a
//! connected server offers, for its account alone. Never here: how a tool is made, or who may
//! call it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hub_events::id::{AccountId, ConnectionId};
use parking_lot::RwLock;
use serde_json::Value;

use super::{Card, Fault, Tool};

/// Where tools come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The hub itself.
    Hub,
    /// The manifests of platforms.
    Platforms,
    /// A server that an account has connected.
    Connection(AccountId, ConnectionId),
}

type Shelf = BTreeMap<Arc<str>, Arc<Registered>>;

/// All tools.
#[derive(Default)]
pub struct Registry {
    shelves: RwLock<BTreeMap<Source, Shelf>>,
    revision: AtomicU64,
}

/// A tool in its place.
pub struct Registered {
    tool: Arc<dyn Tool>,
    /// Made when it is first needed; why not, where the schema is none.
    validator: OnceLock<Result<jsonschema::Validator, String>>,
}

/// There would be two tools of one name.
#[derive(Debug, thiserror::Error)]
#[error("there are two tools named {0}")]
pub struct Twice(pub Arc<str>);

impl Registry {
    /// Puts in everything that a source has, in place of what it had. Nothing changes where a
    /// name is taken by another source.
    pub fn fill(&self, source: Source, tools: Vec<Arc<dyn Tool>>) -> Result<(), Twice> {
        let mut shelf = Shelf::new();
        for tool in tools {
            let name = Arc::clone(&tool.card().name);
            let registered = Arc::new(Registered { tool, validator: OnceLock::new() });
            if shelf.insert(Arc::clone(&name), registered).is_some() {
                return Err(Twice(name));
            }
        }
        let mut shelves = self.shelves.write();
        for (other, taken) in shelves.iter().filter(|(other, _)| meet(**other, source)) {
            if *other != source
                && let Some(name) = shelf.keys().find(|name| taken.contains_key(*name))
            {
                return Err(Twice(Arc::clone(name)));
            }
        }
        shelves.insert(source, shelf);
        self.revision.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Takes out everything that a source has.
    pub fn clear(&self, source: Source) {
        self.shelves.write().remove(&source);
        self.revision.fetch_add(1, Ordering::Release);
    }

    /// Counts the changes: as long as it stays the same, so does what accounts can call.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The tool of this name that an account can call.
    pub fn find(&self, account: AccountId, name: &str) -> Option<Arc<Registered>> {
        let shelves = self.shelves.read();
        seen(&shelves, account).find_map(|shelf| shelf.get(name).cloned())
    }

    /// Every tool that an account can call: the hub's own first, each source's by name.
    pub fn all(&self, account: AccountId) -> Vec<Arc<Registered>> {
        let shelves = self.shelves.read();
        seen(&shelves, account).flat_map(|shelf| shelf.values().cloned()).collect()
    }
}

/// Whether one account can see both.
fn meet(one: Source, other: Source) -> bool {
    match (one, other) {
        (Source::Connection(one, _), Source::Connection(other, _)) => one == other,
        _ => true,
    }
}

/// What an account can see.
fn seen(shelves: &BTreeMap<Source, Shelf>, account: AccountId) -> impl Iterator<Item = &Shelf> {
    let first = Source::Connection(account, ConnectionId(i64::MIN));
    let last = Source::Connection(account, ConnectionId(i64::MAX));
    let common = shelves.range(..=Source::Platforms);
    common.chain(shelves.range(first..=last)).map(|(_, shelf)| shelf)
}

impl std::ops::Deref for Registered {
    type Target = dyn Tool;

    fn deref(&self) -> &Self::Target {
        &*self.tool
    }
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registered").field(&self.tool.card().name).finish()
    }
}

impl Registered {
    /// The arguments with texts turned into what the tool's schema asks for, where they are
    /// written so: expressions always give texts, so `"5"` may be meant for an integer.
    pub fn coerced(&self, mut arguments: Value) -> Value {
        let Card { schema, .. } = self.tool.card();
        let properties = schema.get("properties").and_then(Value::as_object);
        let (Some(properties), Value::Object(given)) = (properties, &mut arguments) else {
            return arguments;
        };
        for (key, value) in given {
            if let (Value::String(text), Some(property)) = (&*value, properties.get(key))
                && let Some(meant) = meant(text, property)
            {
                *value = meant;
            }
        }
        arguments
    }

    /// Everything that is wrong with arguments.
    pub fn faults(&self, arguments: &Value) -> Vec<Fault> {
        match self.validator.get_or_init(|| validator(&self.tool.card().schema)) {
            Ok(validator) => validator
                .iter_errors(arguments)
                .map(|error| Fault {
                    pointer: error.instance_path().to_string(),
                    message: error.to_string(),
                })
                .collect(),
            Err(error) => {
                let message = format!("the schema of the tool is not valid: {error}");
                vec![Fault { pointer: String::new(), message }]
            }
        }
    }
}

fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).map_err(|error| error.to_string())
}

/// What a text means where a schema asks for something else than a text; none where the schema
/// takes texts, or the text is not written so.
fn meant(text: &str, schema: &Value) -> Option<Value> {
    let kind = schema.get("type")?;
    let asks_for = |name: &str| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == name),
        kind => kind == name,
    };
    if asks_for("string") {
        return None;
    }
    let read = match text.trim() {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        "None" => Value::Null,
        text => serde_json::from_str(text).ok()?,
    };
    let is_asked_for = match &read {
        Value::Null => asks_for("null"),
        Value::Bool(_) => asks_for("boolean"),
        Value::Number(number) => {
            asks_for("number") || asks_for("integer") && (number.is_i64() || number.is_u64())
        }
        Value::Array(_) => asks_for("array"),
        Value::Object(_) => asks_for("object"),
        Value::String(_) => false,
    };
    is_asked_for.then_some(read)
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shelves = self.shelves.read();
        f.debug_map().entries(shelves.iter().map(|(source, shelf)| (source, shelf.len()))).finish()
    }
}

#[cfg(test)]
mod tests;
