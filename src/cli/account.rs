//! `hub account`: opening accounts and listing them, while no server runs.
//!
//! Never here: passwords. An account that was opened here signs in by key.

use std::fmt;

use arrotech_hub::Hub;
use arrotech_hub::accounts::{self, NewAccount};
use arrotech_hub::config::Config;
use chrono::{DateTime, Utc};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use hub_events::account::{Role, Tier};
use hub_events::id::AccountId;
use hub_projections::accounts as views;
use serde::Serialize;

use super::data;
use super::output::{Output, day};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Open an account
    Add {
        /// Its e-mail address
        #[arg(long, value_parser = email)]
        email: String,
        /// Its plan
        #[arg(long, value_parser = PossibleValuesParser::new(Tier::ALL.map(Tier::as_str))
            .try_map(|word| word.parse::<Tier>()))]
        tier: Tier,
        /// What its holder is called [default: the address]
        #[arg(long)]
        name: Option<String>,
    },
    /// Print every account
    List,
}

/// Reads an e-mail address, as strictly as `POST /auth/register` does.
fn email(text: &str) -> Result<String, &'static str> {
    let address = text.trim();
    let parts = address.split_once('@');
    let whole = parts
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    match whole && address.len() <= 254 && !address.contains(char::is_whitespace) {
        true => Ok(address.to_owned()),
        false => Err("an e-mail address looks like `name@example.com`"),
    }
}

impl Account {
    /// Does it.
    pub(super) fn run(self, config: Config, output: &mut Output) -> anyhow::Result<()> {
        data::with_hub(config, async |hub| {
            match self {
                Self::Add { email, tier, name } => {
                    let name = name.unwrap_or_else(|| email.clone());
                    output.print(&add(hub, email, tier, name).await?)?;
                }
                Self::List => {
                    for account in hub.views.read(views::list)? {
                        output.print(&Line::of(hub, account).await?)?;
                    }
                }
            }
            Ok(output.flush()?)
        })
    }
}

async fn add(hub: &Hub, email: String, tier: Tier, name: String) -> anyhow::Result<Added> {
    let new = NewAccount { email: email.clone(), name, tier, password_hash: None };
    let account = accounts::open(hub, new, None).await?;
    Ok(Added { account, email, tier })
}

#[derive(Serialize)]
struct Added {
    account: AccountId,
    email: String,
    tier: Tier,
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, email, tier } = self;
        writeln!(f, "Account {account} was opened for {email}, plan {}", tier.as_str())?;
        write!(f, "`hub key add --account {account}` gives it a key")
    }
}

/// An account as it is listed.
#[derive(Serialize)]
struct Line {
    account: AccountId,
    email: String,
    name: String,
    tier: Tier,
    role: Role,
    created_at: DateTime<Utc>,
}

impl Line {
    async fn of(hub: &Hub, account: views::AccountView) -> anyhow::Result<Self> {
        let views::AccountView { id, email, name, tier, role, created_at, .. } = account;
        Ok(Self {
            account: id,
            email: hub.vault.open_sealed(id, &email).await?,
            name: hub.vault.open_sealed(id, &name).await?,
            tier,
            role,
            created_at,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, email, name, tier, created_at, .. } = self;
        let (tier, opened) = (tier.as_str(), day(*created_at));
        write!(f, "{account:>5}  {tier:<10}  {opened}  {email}  {name:?}")?;
        match self.role {
            Role::Owner => f.write_str("  owner"),
            Role::Member => Ok(()),
        }
    }
}
