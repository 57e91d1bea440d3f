//! Opening accounts, changing their plan, giving them keys: what the HTTP edge and the command
//! line have in common.
//!
//! An e-mail address belongs to one account: it is claimed before the account is opened, and a
//! claim whose account was never opened (a crash came in between) is completed by the next
//! attempt. Never here: who may ask for it, or passwords in clear.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hub_events::account::{Account, Command, KeyIssued, Registered, Role, Scope, Tier};
use hub_events::claim::{Claim, MakeClaim};
use hub_events::id::{AccountId, StreamId};
use hub_events::{Actor, Context, Decider as _, log};
use hub_projections::{Lagging, ViewError, accounts as views};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex as Turn;
use uuid::Uuid;

use crate::config::Secret;
use crate::transact::{TransactError, load, transact, transact_once};
use crate::vault::VaultError;
use crate::{Hub, clock};

/// The account that runs the hub.
pub const OWNER: AccountId = AccountId(1);

/// The owner's address until there is a way to change it.
const OWNER_EMAIL: &str = "owner@localhost";

/// What every key begins with, so that people and scanners know one when they see it.
const KEY_PREFIX: &str = "hub_";

/// How much of a key stays visible.
const VISIBLE: usize = 8;

/// The shortest key that an operator may choose.
const SHORTEST_KEY: usize = 16;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address belongs to an account.
    #[error("this e-mail address belongs to an account already")]
    EmailTaken,
    /// The key that was chosen is too weak to be one.
    #[error("a key has at least {SHORTEST_KEY} visible characters and no spaces")]
    WeakKey,
    /// The log said no.
    #[error(transparent)]
    Transact(#[from] TransactError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The read models failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The read models are behind.
    #[error(transparent)]
    Lagging(#[from] Lagging),
    /// The hub is being stopped.
    #[error("the hub is being stopped")]
    Stopping,
}

/// An account to be opened.
#[derive(Debug)]
pub struct NewAccount {
    /// Its address, as written.
    pub email: String,
    /// What its holder is called.
    pub name: String,
    /// Its plan.
    pub tier: Tier,
    /// The hash of its password; none where it signs in by key only.
    pub password_hash: Option<String>,
}

/// A key, shown once.
#[derive(Debug)]
pub struct NewKey {
    /// Whose it is.
    pub account: AccountId,
    /// The key.
    pub key: Secret,
}

/// A key to be put on record.
#[derive(Debug)]
pub struct KeyOrder<'a> {
    /// The key.
    pub key: &'a str,
    /// What it opens.
    pub scope: Scope,
    /// Until when it counts.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the account's other keys end.
    pub replacing: bool,
}

/// The keyed hash by which an address is found, whatever its case.
pub fn email_index(hub: &Hub, email: &str) -> String {
    hub.vault.index("email", &email.trim().to_lowercase())
}

/// A fresh key: 256 random bits.
pub fn fresh_key() -> String {
    key_of(clock::random())
}

/// The key that these bytes make.
pub fn key_of(bytes: [u8; 32]) -> String {
    format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// How a key is kept: SHA-256, in hex. It has so many random bits that no slower hash is needed.
pub fn key_hash(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// What an operator asks for through the command line, for an account.
pub fn by_operator(hub: &Hub, account: AccountId) -> Context {
    asked_by(hub, Actor::Hub, account, clock::uuid())
}

fn asked_by(hub: &Hub, actor: Actor, account: AccountId, correlation: Uuid) -> Context {
    Context { at: hub.clock.now(), account: Some(account), actor, correlation, causation: None }
}

/// Opens an account of a member. `correlation` is the request's, and none where the operator
/// asks.
pub async fn open(
    hub: &Hub,
    new: NewAccount,
    correlation: Option<Uuid>,
) -> Result<AccountId, AccountError> {
    /// Two that complete the same claim would mix up their passwords.
    static OPENING: Turn<()> = Turn::const_new(());
    let _turn = OPENING.lock().await;

    let index = email_index(hub, &new.email);
    let wanted = member_id(hub).await?;
    let actor = |id| correlation.map_or(Actor::Hub, |_| Actor::Account(id));
    let context = |id| asked_by(hub, actor(id), id, correlation.unwrap_or_else(clock::uuid));
    let claim = StreamId::new(Claim::KIND, &format!("email.{index}"));
    let made =
        transact::<Claim>(&hub.log, &claim, MakeClaim { account: wanted }, context(wanted)).await;
    let account = match made {
        Ok(_) => wanted,
        Err(TransactError::Refused(_)) => {
            let (claim, _) = load::<Claim>(&hub.log, &claim).await?;
            claim.holder().ok_or(AccountError::EmailTaken)?
        }
        Err(error) => return Err(error.into()),
    };
    let (known, _) = load::<Account>(&hub.log, &account.stream()).await?;
    if known.tier().is_some() {
        return Err(AccountError::EmailTaken);
    }
    let NewAccount { email, name, tier, password_hash } = new;
    let email = email.trim().to_owned();
    register(hub, account, (email, name, tier, Role::Member), password_hash, context(account))
        .await?;
    hub.read_your_writes().await?;
    Ok(account)
}

/// A fresh id that is not the owner's, whose id is fixed.
async fn member_id(hub: &Hub) -> Result<AccountId, TransactError> {
    loop {
        let id = AccountId(hub.counters.next_id(AccountId::KIND).await?);
        if id != OWNER {
            return Ok(id);
        }
    }
}

async fn register(
    hub: &Hub,
    account: AccountId,
    (email, name, tier, role): (String, String, Tier, Role),
    password_hash: Option<String>,
    context: Context,
) -> Result<(), AccountError> {
    let vault = Arc::clone(&hub.vault);
    tokio::task::spawn_blocking(move || {
        vault.open_account(account)?;
        password_hash.map_or(Ok(()), |hash| vault.set_password(account, &hash))
    })
    .await
    .map_err(|_| AccountError::Stopping)??;
    let registered = Registered {
        account,
        email_index: email_index(hub, &email),
        email: hub.vault.seal(account, &email).await?,
        name: hub.vault.seal(account, &name).await?,
        tier,
        role,
    };
    let command = Command::Register(registered);
    transact::<Account>(&hub.log, &account.stream(), command, context).await?;
    Ok(())
}

/// Puts a key of an account on record. `once` makes it take effect once.
pub async fn issue_key(
    hub: &Hub,
    account: AccountId,
    order: KeyOrder<'_>,
    context: Context,
    once: Option<log::Command>,
) -> Result<(), AccountError> {
    let key = KeyIssued {
        hash: key_hash(order.key),
        prefix: order.key.chars().take(VISIBLE).collect(),
        scope: order.scope,
        expires_at: order.expires_at,
    };
    let command = Command::IssueKey { key, replacing: order.replacing };
    transact_once::<Account>(&hub.log, &account.stream(), command, context, once).await?;
    Ok(hub.read_your_writes().await?)
}

/// Changes the plan of an account.
pub async fn change_tier(
    hub: &Hub,
    account: AccountId,
    tier: Tier,
    context: Context,
) -> Result<(), AccountError> {
    transact::<Account>(&hub.log, &account.stream(), Command::ChangeTier(tier), context).await?;
    Ok(hub.read_your_writes().await?)
}

/// Makes sure that there is an owner with a key: the one that the settings say, else a fresh
/// one where there is none, which is answered so that it can be shown once.
pub async fn bootstrap_owner(hub: &Hub) -> Result<Option<NewKey>, AccountError> {
    let context = by_operator(hub, OWNER);
    let (owner, _) = load::<Account>(&hub.log, &OWNER.stream()).await?;
    if owner.tier().is_none() {
        let claim = StreamId::new(Claim::KIND, &format!("email.{}", email_index(hub, OWNER_EMAIL)));
        let command = MakeClaim { account: OWNER };
        transact::<Claim>(&hub.log, &claim, command, context.clone()).await?;
        let owner = (OWNER_EMAIL.into(), "Owner".into(), Tier::Enterprise, Role::Owner);
        register(hub, OWNER, owner, None, context.clone()).await?;
    }
    hub.read_your_writes().await?;
    let keys = hub.views.read(|connection| views::keys_of(connection, OWNER))?;
    let (key, shown) = match &hub.config.owner_key {
        Some(chosen) => {
            let key = chosen.reveal();
            if key.len() < SHORTEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(AccountError::WeakKey);
            }
            (key.to_owned(), false)
        }
        None if keys.iter().any(|key| !key.revoked) => return Ok(None),
        None => (fresh_key(), true),
    };
    let order = KeyOrder { key: &key, scope: Scope::Full, expires_at: None, replacing: false };
    issue_key(hub, OWNER, order, context, None).await?;
    Ok(shown.then(|| NewKey { account: OWNER, key: key.into() }))
}
