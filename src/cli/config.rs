//! `hub config`: the settings that count, in the form of `hub.toml`.
//!
//! Never here: a secret; those say only that they are set.

use std::fmt;

use arrotech_hub::config::Config;
use serde::Serialize;

use super::output::Output;

/// Prints the settings.
pub(super) fn print(config: Config, output: &mut Output) -> anyhow::Result<()> {
    output.print(&Settings(config))?;
    Ok(output.flush()?)
}

#[derive(Serialize)]
struct Settings(Config);

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let toml = toml::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(toml.trim_end())
    }
}
