//! `hub key`: API keys of accounts, while no server runs.
//!
//! Never here: showing a key again. What is kept of it is a hash and its first characters.

use std::fmt;

use anyhow::{Context as _, bail};
use arrotech_hub::Hub;
use arrotech_hub::accounts::{self, KeyOrder};
use arrotech_hub::config::Config;
use arrotech_hub::transact::transact;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use hub_events::account::{Account, Command, Scope};
use hub_events::id::AccountId;
use hub_projections::accounts as views;
use serde::Serialize;

use super::data;
use super::output::{Output, day};

/// How much of a key's hash names it.
const NAMED_BY: usize = 12;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key for an account and show it, this once
    Add {
        /// The account's number
        #[arg(long, value_name = "NUMBER")]
        account: i64,
        /// What it opens: only looking, or everything
        #[arg(long, default_value = "full", value_parser = PossibleValuesParser::new(["read", "full"])
            .map(|word| if word == "read" { Scope::Read } else { Scope::Full }))]
        scope: Scope,
        /// In how many days it ends [default: never]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        expires_in_days: Option<u32>,
    },
    /// Print every key, without the key itself
    List {
        /// Only those of one account
        #[arg(long, value_name = "NUMBER")]
        account: Option<i64>,
    },
    /// End a key
    Revoke {
        /// The key as `hub key list` names it, in its first column
        #[arg(value_name = "KEY")]
        id: String,
    },
}

impl Key {
    /// Does it.
    pub(super) fn run(self, config: Config, output: &mut Output) -> anyhow::Result<()> {
        data::with_hub(config, async |hub| {
            match self {
                Self::Add { account, scope, expires_in_days } => {
                    output.print(&add(hub, AccountId(account), scope, expires_in_days).await?)?;
                }
                Self::List { account } => {
                    for key in keys(hub)? {
                        if account.is_none_or(|account| key.account.0 == account) {
                            output.print(&key)?;
                        }
                    }
                }
                Self::Revoke { id } => output.print(&revoke(hub, &id).await?)?,
            }
            Ok(output.flush()?)
        })
    }
}

async fn add(
    hub: &Hub,
    account: AccountId,
    scope: Scope,
    days: Option<u32>,
) -> anyhow::Result<Added> {
    let context = accounts::by_operator(hub, account);
    let expires_at = days.map(|days| context.at + TimeDelta::days(days.into()));
    let key = accounts::fresh_key();
    let order = KeyOrder { key: &key, scope, expires_at, replacing: false };
    let issued = accounts::issue_key(hub, account, order, context, None).await;
    issued.with_context(|| format!("account {account} gets no key"))?;
    Ok(Added { account, key, scope, expires_at })
}

/// Every key of every account.
fn keys(hub: &Hub) -> anyhow::Result<Vec<Line>> {
    let now = hub.clock.now();
    Ok(hub.views.read(|views| {
        let mut lines = Vec::new();
        for account in views::list(views)? {
            let keys = views::keys_of(views, account.id)?;
            lines.extend(keys.into_iter().map(|key| Line::of(account.id, key, now)));
        }
        Ok(lines)
    })?)
}

async fn revoke(hub: &Hub, id: &str) -> anyhow::Result<Revoked> {
    let mut named = keys(hub)?.into_iter().filter(|key| key.id == id);
    let (Some(key), None) = (named.next(), named.next()) else {
        bail!("there is no key {id}; `hub key list` shows which there are");
    };
    let Line { account, hash, .. } = key;
    if key.state == State::Revoked {
        bail!("the key {id} of account {account} was revoked before");
    }
    let context = accounts::by_operator(hub, account);
    let command = Command::RevokeKey { hash };
    transact::<Account>(&hub.log, &account.stream(), command, context).await?;
    Ok(Revoked { id: id.to_owned(), account })
}

#[derive(Serialize)]
struct Added {
    account: AccountId,
    key: String,
    scope: Scope,
    expires_at: Option<DateTime<Utc>>,
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "API key of account {} (shown once): {}", self.account, self.key)
    }
}

#[derive(Serialize)]
struct Revoked {
    id: String,
    account: AccountId,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The key {} of account {} no longer counts", self.id, self.account)
    }
}

/// Whether a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Live,
    Expired,
    Revoked,
}

/// A key as it is listed.
#[derive(Serialize)]
struct Line {
    id: String,
    account: AccountId,
    prefix: String,
    scope: Scope,
    state: State,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    hash: String,
}

impl Line {
    fn of(account: AccountId, key: views::KeyView, now: DateTime<Utc>) -> Self {
        let views::KeyView { hash, prefix, scope, expires_at, created_at, revoked } = key;
        let state = match (revoked, expires_at) {
            (true, _) => State::Revoked,
            (false, Some(end)) if end <= now => State::Expired,
            (false, _) => State::Live,
        };
        let id = hash.chars().take(NAMED_BY).collect();
        Self { id, account, prefix, scope, state, created_at, expires_at, hash }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, account, prefix, .. } = self;
        let scope = match self.scope {
            Scope::Full => "full",
            Scope::Read => "read",
        };
        let state = match self.state {
            State::Live => "live",
            State::Expired => "expired",
            State::Revoked => "revoked",
        };
        let made = day(self.created_at);
        write!(f, "{id}  account {account:<5} {prefix}…  {scope}  {state:<7}  made {made}")?;
        match self.expires_at {
            Some(end) => write!(f, ", ends {}", day(end)),
            None => Ok(()),
        }
    }
}
