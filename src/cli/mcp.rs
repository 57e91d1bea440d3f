//! `hub mcp`: the Model Context Protocol over standard input and output.
//!
//! Against a running hub it passes messages on; where none runs, it opens the data directory
//! itself. Never here: what is said.

mod relay;

use arrotech_hub::accounts::OWNER;
use arrotech_hub::config::Config;
use arrotech_hub::{StartError, speak};
use clap::Args;
use hub_events::id::AccountId;
use hub_events::log::OpenError;
use url::Url;

use super::data;

/// What `hub mcp` takes.
#[derive(Debug, Args)]
pub(super) struct Mcp {
    /// Address of a running hub, such as http://127.0.0.1:8080 (HUB_URL). Without it the data
    /// directory is opened, which no running hub may hold
    #[arg(long, value_name = "URL", env = "HUB_URL", hide_env = true, requires = "key")]
    url: Option<Url>,
    /// API key for the running hub (HUB_KEY)
    #[arg(long, value_name = "KEY", env = "HUB_KEY", hide_env = true, hide_env_values = true)]
    key: Option<String>,
    /// Without an address: the account on whose behalf it speaks [default: the owner's]
    #[arg(long, value_name = "NUMBER", conflicts_with = "url")]
    account: Option<i64>,
}

impl Mcp {
    /// Speaks until the client ends it.
    pub(super) fn speak(self, config: Config) -> anyhow::Result<()> {
        if let (Some(url), Some(key)) = (self.url, self.key) {
            return data::runtime()?.block_on(relay::relay(&url, &key));
        }
        data::must_be_there(&config)?;
        let account = self.account.map_or(OWNER, AccountId);
        let spoken = actix_rt::System::new().block_on(speak(config, account));
        spoken.map_err(|error| match error {
            StartError::Log(OpenError::InUse(_)) => anyhow::Error::from(error)
                .context("a hub runs over this data directory; name it with --url and --key"),
            error => error.into(),
        })
    }
}
