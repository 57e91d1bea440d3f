//! Which tools a model is offered: the few of hundreds that fit what was said, and those that
//! the turns in its window have used.
//!
//! Never here: how tools are found (`tools/search.rs`), or whether one may be called.

use std::collections::BTreeSet;
use std::sync::Arc;

use hub_events::id::AccountId;

use super::{Talk, ask};
use crate::effects::{Accident, Outside};
use crate::llm::{Message, ToolSpec};
use crate::tools::search::{Document, Index};
use crate::tools::{Registered, Registry};

/// How many tools are offered for what was said.
const MOST: usize = 10;

/// How well a tool must fit at least, from 0 to 1.
const LEAST: f32 = 0.2;

/// How many indexes are kept.
const KEPT: u64 = 1_000;

/// What is offered.
#[derive(Debug, Default)]
pub(super) struct Offered {
    tools: Vec<Arc<Registered>>,
    /// Platforms whose tools would fit, and which the account has not connected.
    pub(super) unconnected: BTreeSet<Arc<str>>,
}

impl Offered {
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &Arc<Registered>| {
            let card = tool.card();
            ToolSpec {
                name: card.name.to_string(),
                description: card.description.to_string(),
                schema: card.schema.clone(),
            }
        };
        self.tools.iter().map(spec).collect()
    }
}

/// Indexes over what each account can call, made anew when that changes.
#[derive(Clone, Debug)]
pub struct Offers(moka::sync::Cache<(AccountId, u64), Arc<Shelf>>);

/// Tools with their index.
#[derive(Debug)]
pub struct Shelf {
    tools: Vec<Arc<Registered>>,
    index: Index,
}

impl Default for Offers {
    fn default() -> Self {
        Self(moka::sync::Cache::new(KEPT))
    }
}

impl Offers {
    /// What an account can call, ready to be searched.
    pub fn shelf(&self, account: AccountId, registry: &Registry) -> Arc<Shelf> {
        self.0.get_with((account, registry.revision()), || Arc::new(Shelf::of(registry, account)))
    }
}

impl Shelf {
    fn of(registry: &Registry, account: AccountId) -> Self {
        let tools = registry.all(account);
        let index = Index::new(tools.iter().map(|tool| {
            let card = tool.card();
            Document {
                name: &card.name,
                description: &card.description,
                platform: card.platform.as_deref(),
                category: Some(&card.category),
                schema: &card.schema,
            }
        }));
        Self { tools, index }
    }

    /// The tools that fit a text best, with how well they do (0 to 1), best first.
    pub fn search(&self, text: &str, most: usize) -> Vec<(&Arc<Registered>, f32)> {
        let hits = self.index.search(text, most).into_iter();
        hits.filter_map(|hit| Some((self.tools.get(hit.place)?, hit.score))).collect()
    }
}

/// Chooses what a model is offered.
pub(super) async fn choose(
    talk: &Talk,
    messages: &[Message],
    outside: &Outside,
) -> Result<Offered, Accident> {
    let shelf = outside.offers.shelf(talk.account, &outside.tools);
    let connected = outside.connections.platforms(talk.account).await?;
    let mut offered = Offered::default();
    // Twice as many are looked at, since those that are not connected are passed over.
    for (tool, score) in shelf.search(ask::asked(messages), 2 * MOST) {
        if score < LEAST || offered.tools.len() == MOST {
            break;
        }
        match &tool.card().platform {
            Some(platform) if !connected.contains(&**platform) => {
                offered.unconnected.insert(Arc::clone(platform));
            }
            _ => offered.tools.push(Arc::clone(tool)),
        }
    }
    let used: BTreeSet<&str> = messages.iter().flat_map(names).collect();
    for name in used {
        let known = offered.tools.iter().any(|tool| &*tool.card().name == name);
        if let Some(tool) = outside.tools.find(talk.account, name).filter(|_| !known) {
            offered.tools.push(tool);
        }
    }
    Ok(offered)
}

/// The tools that a message asks for.
fn names(message: &Message) -> impl Iterator<Item = &str> {
    let calls = match message {
        Message::Assistant { calls, .. } => calls.as_slice(),
        Message::User { .. } | Message::Tool { .. } => &[],
    };
    calls.iter().map(|call| &*call.name)
}
