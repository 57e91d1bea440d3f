//! `hub vault`: the keys under which everything is kept, while no server runs.
//!
//! Never here: a key itself; only its name is shown.

use std::fmt;

use arrotech_hub::config::Config;
use arrotech_hub::vault::Rotated;
use clap::Subcommand;
use serde::Serialize;

use super::data;
use super::output::Output;

/// What to do with the vault.
#[derive(Debug, Subcommand)]
pub(super) enum Vault {
    /// Put a new master key in the place of the present one
    ///
    /// The new key is HUB_NEW_MASTER_KEY, or a fresh one where the present key lies in the data
    /// directory. What breaks off in between goes on when this is run again. A backup from before
    /// opens with the key from before.
    Rotate,
}

impl Vault {
    /// Does it.
    pub(super) fn run(self, config: Config, output: &mut Output) -> anyhow::Result<()> {
        let given = config.new_master_key.is_some();
        data::with_hub(config, async |hub| {
            let Self::Rotate = self;
            let Rotated { master, data_keys } = hub.vault.rotate()?;
            output.print(&Line { master, data_keys, given })?;
            Ok(output.flush()?)
        })
    }
}

#[derive(Serialize)]
struct Line {
    master: String,
    data_keys: u64,
    #[serde(skip)]
    given: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { master, data_keys, given } = self;
        write!(f, "The master key is {master} now; {data_keys} data keys were wrapped anew")?;
        match given {
            true => write!(f, "\nFrom now on HUB_MASTER_KEY must give the new key"),
            false => Ok(()),
        }
    }
}
