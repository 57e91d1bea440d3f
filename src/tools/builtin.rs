//! Tools that the hub itself has.
//!
//! One file per tool. Never here: tools of platforms, or of other servers.

mod collected;
mod email_template;
pub mod file_management;
mod http_request;
mod set_variables;
mod transform;
mod wait;
pub mod web_tools;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hub_events::log::Log;

use super::Tool;
use crate::egress::Egress;
use crate::vault::Vault;

/// What these tools need of the world.
#[derive(Clone)]
pub struct Parts {
    /// The way out.
    pub egress: Arc<Egress>,
    /// Where what accounts keep is on record.
    pub log: Arc<dyn Log>,
    /// Seals it.
    pub vault: Arc<Vault>,
    /// The short links that the hub serves.
    pub links: Arc<web_tools::Links>,
}

/// Every tool that the hub itself has.
pub fn tools(parts: Parts) -> Vec<Arc<dyn Tool>> {
    let Parts { egress, log, vault, links } = parts;
    vec![
        Arc::new(email_template::EmailTemplate::new(Arc::clone(&log), Arc::clone(&vault))),
        Arc::new(file_management::FileManagement::new(log, vault)),
        Arc::new(http_request::HttpRequest::new(Arc::clone(&egress))),
        Arc::new(set_variables::SetVariables::default()),
        Arc::new(transform::Transform::default()),
        Arc::new(wait::Wait::default()),
        Arc::new(web_tools::WebTools::new(egress, links)),
    ]
}
