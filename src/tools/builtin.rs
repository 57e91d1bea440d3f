//! Tools that the hub itself has.
//!
//! One file per tool. Never here: tools of platforms, or of other servers.

mod set_variables;
mod wait;

use std::sync::Arc;

use super::{Registry, RegistryError, Tool};

/// Every tool that the hub itself has.
pub fn registry() -> Result<Registry, RegistryError> {
    let tools: [Arc<dyn Tool>; 2] =
        [Arc::new(set_variables::SetVariables::default()), Arc::new(wait::Wait::default())];
    let mut registry = Registry::default();
    for tool in tools {
        registry.add(tool)?;
    }
    Ok(registry)
}
