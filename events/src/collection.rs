//! A named set of things that an account keeps by name: its files, its e-mail templates, its
//! links. One stream per account and set, such as `collection-7.files`.
//!
//! ```text
//! Put ──> kept ──Put──> replaced ──Remove──> gone
//! ```
//!
//! Never here: the things themselves; they are sealed, and large ones are blobs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decider::{Decider, events};
use crate::id::{AccountId, StreamId};
use crate::refusal::{Kind, Refusal};
use crate::sealed::Sealed;

events! {
    /// What can happen to a set.
    "collection" {
        /// A thing was put in, or replaced.
        ItemPut(ItemPut) = "item_put" v 1,
        /// A thing was taken out.
        ItemRemoved(ItemRemoved) = "item_removed" v 1,
    }
}

/// The stream of an account's set.
pub fn stream(account: AccountId, set: &str) -> StreamId {
    StreamId::new(Collection::KIND, &format!("{account}.{set}"))
}

/// A thing was put in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemPut {
    /// By what it is found: a keyed hash of its name, or a code.
    pub key: String,
    /// What is said of it: names, types, sizes.
    pub item: Sealed<Value>,
    /// Its content, where it has any beside that.
    pub content: Option<Sealed<Vec<u8>>>,
    /// The size of that content in bytes, unsealed.
    pub size: u64,
}

/// A thing was taken out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemRemoved {
    /// By what it was found.
    pub key: String,
}

/// What can be asked of a set.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Put a thing in, in place of what has that key.
    Put {
        /// The thing.
        put: ItemPut,
        /// How many things the set may hold.
        limit: usize,
    },
    /// Take a thing out.
    Remove {
        /// By what it is found.
        key: String,
    },
}

/// A set: what is in it, by key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Collection {
    items: BTreeMap<String, ItemPut>,
}

impl Collection {
    /// What is in it.
    pub fn items(&self) -> impl Iterator<Item = &ItemPut> {
        self.items.values()
    }

    /// The thing with this key.
    pub fn item(&self, key: &str) -> Option<&ItemPut> {
        self.items.get(key)
    }
}

impl Decider for Collection {
    const KIND: &'static str = "collection";
    const STATE_VERSION: u32 = 1;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Put { put, .. } if self.items.get(&put.key) == Some(&put) => Ok(Vec::new()),
            Command::Put { put, limit }
                if self.items.len() >= limit && !self.items.contains_key(&put.key) =>
            {
                Err(Refusal::new(
                    Kind::Limit,
                    "collection_full",
                    format!("No more than {limit} can be kept"),
                ))
            }
            Command::Put { put, .. } => Ok(vec![Event::ItemPut(put)]),
            Command::Remove { key } if self.items.contains_key(&key) => {
                Ok(vec![Event::ItemRemoved(ItemRemoved { key })])
            }
            Command::Remove { .. } => {
                Err(Refusal::new(Kind::Missing, "item_missing", "There is nothing of that name"))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ItemPut(put) => {
                self.items.insert(put.key.clone(), put.clone());
            }
            Event::ItemRemoved(ItemRemoved { key }) => {
                self.items.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
