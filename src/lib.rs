//! Arrotech Hub: the server and its tools.
//!
//! Here the parts are joined; each part is a module of its own. Never here: rules about what
//! may happen (crate `hub-events`) or read models (crate `hub-projections`).

pub mod accounts;
pub mod actors;
pub mod calls;
pub mod chat;
pub mod checkpoints;
pub mod clock;
pub mod collections;
pub mod config;
pub mod connections;
pub mod counters;
pub mod effects;
pub mod egress;
pub mod expressions;
pub mod feed;
pub mod http;
pub mod limits;
pub mod llm;
pub mod platforms;
mod running;
pub mod store;
pub mod telemetry;
pub mod tools;
pub mod transact;
pub mod vault;

use std::sync::Arc;

use hub_events::log::Log;
use hub_projections::{Lagging, Views};

pub use running::{Running, StartError, open, serve, speak, start};

/// The parts of a running hub.
pub struct Hub {
    /// The settings.
    pub config: Arc<config::Config>,
    /// The clock.
    pub clock: clock::Clock,
    /// What happened.
    pub log: Arc<dyn Log>,
    /// What reads answer from.
    pub views: Arc<Views>,
    /// Secrets at rest.
    pub vault: Arc<vault::Vault>,
    /// The platforms that are known.
    pub catalogue: Arc<platforms::Catalogue>,
    /// Accounts' access to platforms.
    pub connections: Arc<connections::Connections>,
    /// Tries connections out.
    pub probe: Arc<dyn connections::probe::Probe>,
    /// What the tools of platforms need.
    pub lines: Arc<tools::manifest::Parts>,
    /// Ids and quotas.
    pub counters: Arc<counters::Counters>,
    /// What plans allow.
    pub limits: limits::Limits,
    /// Who listens to what moves.
    pub feed: Arc<feed::Feed>,
    /// The models that can be asked.
    pub providers: Arc<llm::Providers>,
    /// Everything that can be called by name.
    pub tools: Arc<tools::Registry>,
    /// The short links that it serves.
    pub links: Arc<tools::builtin::web_tools::Links>,
    /// What effects need of the world.
    pub outside: Arc<effects::Outside>,
    /// Things that wait for something.
    pub actors: Arc<actors::Actors>,
    /// Who is asking.
    pub auth: http::auth::Auth,
    /// Lists of workflows as they were last sent.
    pub rendered: http::workflows::Rendered,
    /// Conversations with clients of the Model Context Protocol.
    pub sessions: http::mcp::Sessions,
    /// What is measured.
    pub metrics: telemetry::Metrics,
}

impl Hub {
    /// Waits until reads see everything that was acknowledged so far.
    pub async fn read_your_writes(&self) -> Result<(), Lagging> {
        self.views.wait_for(self.log.head()).await
    }
}
