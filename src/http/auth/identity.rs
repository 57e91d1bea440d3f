//! From a token to an account, without a look at the database each time.
//!
//! What is remembered is good as long as nothing happened to the account, which the views know:
//! a revoked key or a changed plan counts from the next request on. Never here: quotas.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use hub_events::account::{Account, Role, Scope, Tier};
use hub_events::id::AccountId;
use hub_events::{Decider as _, Position};
use hub_projections::accounts as views;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::super::problem::Problem;
use super::attempts::Attempts;
use super::passwords::Passwords;
use super::tokens::{Kind, Tokens};
use crate::Hub;
use crate::config::Config;
use crate::vault::Vault;

/// Tokens that are remembered.
const REMEMBERED: u64 = 100_000;

/// Everything that signing in needs.
pub struct Auth {
    pub(super) tokens: Tokens,
    pub(super) passwords: Passwords,
    attempts: Attempts,
    remembered: Cache<Proof, Identity>,
}

/// What a token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Proof {
    /// A login token of this account.
    Login(AccountId),
    /// An API key with this hash.
    Key([u8; 32]),
}

/// Whose a token is.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Identity {
    pub(in crate::http) account: AccountId,
    pub(in crate::http) tier: Tier,
    pub(in crate::http) role: Role,
    pub(in crate::http) scope: Scope,
    expires_at: Option<DateTime<Utc>>,
    /// Up to where the account's life is known.
    seen: Position,
}

impl Auth {
    /// What signing in needs, by the settings and the vault's keys.
    pub fn new(config: &Config, vault: &Vault) -> Self {
        Self {
            tokens: Tokens::new(&vault.derived_key("jwt"), &config.auth),
            passwords: Passwords::new(config.limits.passwords),
            attempts: Attempts::new(config.auth.attempts_per_minute),
            remembered: Cache::new(REMEMBERED),
        }
    }

    /// Whose a token is; none where it is unknown, revoked, expired or made up.
    pub(in crate::http) async fn identify(
        &self,
        hub: &Hub,
        token: &str,
    ) -> Result<Option<Identity>, Problem> {
        let now = hub.clock.now();
        let proof = if token.contains('.') {
            match self.tokens.read(Kind::Access, token, now) {
                Some(claims) => Proof::Login(claims.account),
                None => return Ok(None),
            }
        } else {
            Proof::Key(Sha256::digest(token).into())
        };
        let changed = |account| hub.views.changed(Account::KIND, account);
        let known =
            self.remembered.get(&proof).filter(|known| known.seen == changed(known.account));
        let known = match known {
            Some(known) => Some(known),
            None => self.look_up(hub, proof).await?,
        };
        Ok(known.filter(|known| known.expires_at.is_none_or(|end| now < end)))
    }

    async fn look_up(&self, hub: &Hub, proof: Proof) -> Result<Option<Identity>, Problem> {
        hub.read_your_writes().await?;
        let read = || hub.views.read(|connection| find(connection, proof));
        let Some((account, ..)) = read()? else { return Ok(None) };
        // The position is asked for before what is remembered with it is read.
        let seen = hub.views.changed(Account::KIND, account);
        let found = read()?.map(|(account, tier, role, scope, expires_at)| Identity {
            account,
            tier,
            role,
            scope,
            expires_at,
            seen,
        });
        if let Some(found) = found {
            self.remembered.insert(proof, found);
        }
        Ok(found)
    }

    /// Counts an attempt to sign in; a problem where there were too many from there.
    pub(super) fn attempt(&self, hub: &Hub, request: &HttpRequest) -> Result<(), Problem> {
        self.attempts.count(request, &hub.config.http.trusted_proxies, hub.clock.now())
    }
}

type Found = (AccountId, Tier, Role, Scope, Option<DateTime<Utc>>);

fn find(connection: &rusqlite::Connection, proof: Proof) -> rusqlite::Result<Option<Found>> {
    Ok(match proof {
        Proof::Login(account) => views::by_id(connection, account)?
            .map(|account| (account.id, account.tier, account.role, Scope::Full, None)),
        Proof::Key(hash) => {
            views::by_key_hash(connection, &hex::encode(hash))?.map(|(account, key)| {
                (account.id, account.tier, account.role, key.scope, key.expires_at)
            })
        }
    })
}
