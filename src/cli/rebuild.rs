//! `hub rebuild`: all read models anew from the log, while no server runs.
//!
//! Never here: how a read model is computed.

use std::fmt;

use arrotech_hub::config::Config;
use serde::Serialize;

use super::data;
use super::output::{self, Output};

/// Rebuilds the read models and says from how many events.
pub(super) fn rebuild(config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let log = data::open_alone(config)?;
    let bar = output::progress(0);
    let rebuilt = hub_projections::rebuild(log, &config.data_dir, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    output.print(&Rebuilt { events: rebuilt? })?;
    Ok(output.flush()?)
}

#[derive(Serialize)]
struct Rebuilt {
    events: u64,
}

impl fmt::Display for Rebuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The read models were computed anew from {} events", self.events)
    }
}
