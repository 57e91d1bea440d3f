//! Accounts and their API keys.
//!
//! Never here: whether a key has expired; that takes a clock, so the caller compares.

use chrono::{DateTime, Utc};
use hub_events::account::{
    Event, KeyIssued, KeyRevoked, Registered, Role, Scope, Tier, TierChanged,
};
use hub_events::fact::Fact;
use hub_events::id::AccountId;
use hub_events::recorded::Recorded;
use hub_events::sealed::Sealed;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{Json, Micros, Word};
use crate::projection::{ApplyError, Projection, number};

/// The read model.
pub(crate) struct Accounts;

impl Projection for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE accounts (
            id INTEGER PRIMARY KEY,
            email TEXT NOT NULL,
            email_index TEXT NOT NULL,
            name TEXT NOT NULL,
            tier TEXT NOT NULL,
            role TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX accounts_by_email ON accounts (email_index);
        CREATE TABLE keys (
            hash TEXT PRIMARY KEY,
            account INTEGER NOT NULL,
            prefix TEXT NOT NULL,
            scope TEXT NOT NULL,
            expires_at INTEGER,
            created_at INTEGER NOT NULL,
            revoked INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX keys_by_account ON keys (account, created_at);"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let Fact::Account(fact) = fact else { return Ok(()) };
        let at = Micros(event.context.at);
        match fact {
            Event::Registered(Registered { account, email, email_index, name, tier, role }) => {
                tx.prepare_cached("INSERT INTO accounts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                    .execute(params![
                        account.0,
                        Json(email),
                        email_index,
                        Json(name),
                        Word(tier),
                        Word(role),
                        at
                    ])?;
            }
            Event::TierChanged(TierChanged { tier }) => {
                tx.prepare_cached("UPDATE accounts SET tier = ?2 WHERE id = ?1")?
                    .execute(params![number(event)?, Word(tier)])?;
            }
            Event::KeyIssued(KeyIssued { hash, prefix, scope, expires_at }) => {
                let account = number(event)?;
                let expires_at = expires_at.map(Micros);
                tx.prepare_cached(
                    "INSERT OR REPLACE INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
                )?
                .execute(params![
                    hash,
                    account,
                    prefix,
                    Word(scope),
                    expires_at,
                    at
                ])?;
            }
            Event::KeyRevoked(KeyRevoked { hash }) => {
                tx.prepare_cached("UPDATE keys SET revoked = 1 WHERE hash = ?1 AND account = ?2")?
                    .execute(params![hash, number(event)?])?;
            }
        }
        Ok(())
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView {
    /// The account.
    pub id: AccountId,
    /// Its address, as written.
    pub email: Sealed<String>,
    /// The keyed hash by which its address is found.
    pub email_index: String,
    /// What its holder is called.
    pub name: Sealed<String>,
    /// Its plan.
    pub tier: Tier,
    /// What it may do beyond its own things.
    pub role: Role,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// An API key, without the key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyView {
    /// SHA-256 of the key, in hex.
    pub hash: String,
    /// Its first characters.
    pub prefix: String,
    /// What it opens.
    pub scope: Scope,
    /// Until when it counts.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// Whether it no longer counts.
    pub revoked: bool,
}

const ACCOUNT: &str = "a.id, a.email, a.email_index, a.name, a.tier, a.role, a.created_at";
const KEY: &str = "k.hash, k.prefix, k.scope, k.expires_at, k.created_at, k.revoked";

fn account(row: &Row<'_>) -> rusqlite::Result<AccountView> {
    Ok(AccountView {
        id: AccountId(row.get(0)?),
        email: row.get::<_, Json<_>>(1)?.0,
        email_index: row.get(2)?,
        name: row.get::<_, Json<_>>(3)?.0,
        tier: row.get::<_, Word<_>>(4)?.0,
        role: row.get::<_, Word<_>>(5)?.0,
        created_at: row.get::<_, Micros>(6)?.0,
    })
}

/// A key whose columns begin at `first`.
fn key(row: &Row<'_>, first: usize) -> rusqlite::Result<KeyView> {
    Ok(KeyView {
        hash: row.get(first)?,
        prefix: row.get(first + 1)?,
        scope: row.get::<_, Word<_>>(first + 2)?.0,
        expires_at: row.get::<_, Option<Micros>>(first + 3)?.map(|at| at.0),
        created_at: row.get::<_, Micros>(first + 4)?.0,
        revoked: row.get(first + 5)?,
    })
}

/// The account with this id.
pub fn by_id(views: &Connection, id: AccountId) -> rusqlite::Result<Option<AccountView>> {
    views
        .prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id = ?1"))?
        .query_row([id.0], account)
        .optional()
}

/// The account whose address has this keyed hash.
pub fn by_email_index(views: &Connection, index: &str) -> rusqlite::Result<Option<AccountView>> {
    views
        .prepare_cached(&format!(
            "SELECT {ACCOUNT} FROM accounts a WHERE a.email_index = ?1 ORDER BY a.id LIMIT 1"
        ))?
        .query_row([index], account)
        .optional()
}

/// Every account, by id.
pub fn list(views: &Connection) -> rusqlite::Result<Vec<AccountView>> {
    views
        .prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts a ORDER BY a.id"))?
        .query_map([], account)?
        .collect()
}

/// The key with this SHA-256 and its account; none where it was revoked. Whether
/// `expires_at` has passed is the caller's to see.
pub fn by_key_hash(
    views: &Connection,
    hash: &str,
) -> rusqlite::Result<Option<(AccountView, KeyView)>> {
    views
        .prepare_cached(&format!(
            "SELECT {ACCOUNT}, {KEY} FROM keys k JOIN accounts a ON a.id = k.account
             WHERE k.hash = ?1 AND k.revoked = 0"
        ))?
        .query_row([hash], |row| Ok((account(row)?, key(row, 7)?)))
        .optional()
}

/// Every key that an account ever had, oldest first.
pub fn keys_of(views: &Connection, account: AccountId) -> rusqlite::Result<Vec<KeyView>> {
    views
        .prepare_cached(&format!(
            "SELECT {KEY} FROM keys k WHERE k.account = ?1 ORDER BY k.created_at, k.hash"
        ))?
        .query_map([account.0], |row| key(row, 0))?
        .collect()
}

#[cfg(test)]
mod tests;
