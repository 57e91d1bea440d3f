//! Short links: made by accounts, followed by anybody at `/l/{code}`.
//!
//! A code begins with its account's number, so that a link is found without an index. Never
//! here: how visits are counted (`counters`), or what an answer to a visitor looks like.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hub_events::id::AccountId;
use hub_events::log::Log;
use moka::sync::Cache;
use serde_json::{Value, json};
use url::Url;

use super::parsed;
use crate::collections::{CollectionError, Collections, Item, New, Set};
use crate::counters::Counters;
use crate::tools::builtin::collected::context;
use crate::tools::{Call, Failure};
use crate::vault::Vault;

const SET: Set = Set { name: "links", items: 1_000, item_bytes: 16_384, total_bytes: 0 };

/// How many links are kept at hand, and for how long: a deleted one may still lead somewhere on
/// another node for that time.
const AT_HAND: (u64, Duration) = (10_000, Duration::from_secs(60));

/// How many hexadecimal digits stand in a code after the account's number.
const DIGITS: usize = 12;

/// The parameters of a tracking link: what a call names them, and what they are in an address.
const TRACKED: [(&str, &str); 5] = [
    ("source", "utm_source"),
    ("medium", "utm_medium"),
    ("campaign", "utm_campaign"),
    ("term", "utm_term"),
    ("content", "utm_content"),
];

/// The links of all accounts.
pub struct Links {
    vault: Arc<Vault>,
    own: Collections,
    counters: Arc<Counters>,
    public_url: String,
    at_hand: Cache<String, Link>,
}

/// A link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it leads: an `http` or `https` address.
    pub target: Url,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links(..)")
    }
}

impl Links {
    /// Links below the address under which clients reach this hub, kept in a log and sealed by
    /// a vault.
    pub fn new(
        log: Arc<dyn Log>,
        vault: Arc<Vault>,
        counters: Arc<Counters>,
        public_url: String,
    ) -> Arc<Self> {
        let own = Collections::new(log, Arc::clone(&vault));
        let (most, time) = AT_HAND;
        let at_hand = Cache::builder().max_capacity(most).time_to_live(time).build();
        Arc::new(Self { vault, own, counters, public_url, at_hand })
    }

    /// The link with this code.
    pub async fn find(&self, code: &str) -> Result<Option<Link>, CollectionError> {
        if let Some(link) = self.at_hand.get(code) {
            return Ok(Some(link));
        }
        let Some(account) = account_of(code) else { return Ok(None) };
        let item = self.own.get(account, &SET, code).await?;
        let link = item.as_ref().and_then(read);
        if let Some(link) = &link {
            self.at_hand.insert(code.to_owned(), link.clone());
        }
        Ok(link)
    }

    /// Makes a short link to the address of a call.
    pub(super) async fn shorten(&self, call: &Call) -> Result<Value, Failure> {
        let url = address(call)?;
        let code = self.put(call, &url).await?;
        let short_url = self.short_url(&code);
        Ok(json!({ "success": true, "code": code, "short_url": short_url, "url": url }))
    }

    /// Makes a short link to the address of a call with the parameters of a campaign added.
    pub(super) async fn track(&self, call: &Call) -> Result<Value, Failure> {
        let url = address(call)?;
        let tracking_url = tracked(url.clone(), &call.arguments);
        let code = self.put(call, &tracking_url).await?;
        Ok(json!({
            "success": true, "code": code, "short_url": self.short_url(&code),
            "url": url, "tracking_url": tracking_url,
        }))
    }

    /// How often a link of the account was followed.
    pub(super) async fn stats(&self, call: &Call) -> Result<Value, Failure> {
        let code = code(call);
        let found = match account_of(code) {
            Some(account) if account == call.account => self.find(code).await?,
            _ => None,
        };
        let Some(Link { target, made_at }) = found else {
            return Err(Failure::lasting("link_missing", "There is no such link"));
        };
        let visits = self.counters.visits(code).await.map_err(CollectionError::from)?;
        Ok(json!({
            "success": true, "code": code, "short_url": self.short_url(code), "url": target,
            "visits": visits, "created_at": made_at,
        }))
    }

    /// Deletes a link of the account.
    pub(super) async fn delete(&self, call: &Call) -> Result<Value, Failure> {
        let code = code(call);
        let deleted = self.own.remove(call.account, &SET, code, context(call)).await?;
        if deleted {
            self.at_hand.invalidate(code);
        }
        Ok(json!({ "success": true, "code": code, "deleted": deleted }))
    }

    /// Keeps a link; the same call makes the same link. Its code.
    async fn put(&self, call: &Call, target: &Url) -> Result<String, Failure> {
        let account = call.account;
        let hash = self.vault.index(&format!("link:{account}"), &call.id.to_string());
        let code = format!("{account}-{}", hash.get(..DIGITS).unwrap_or(&hash));
        let new = New { name: code.clone(), about: json!({ "url": target }), content: None };
        self.own.put(account, &SET, new, context(call)).await?;
        Ok(code)
    }

    fn short_url(&self, code: &str) -> String {
        format!("{}/l/{code}", self.public_url)
    }
}

fn read(item: &Item) -> Option<Link> {
    let target: Url = item.about.get("url")?.as_str()?.parse().ok()?;
    let leads_to_web = matches!(target.scheme(), "http" | "https");
    leads_to_web.then_some(Link { target, made_at: item.put_at })
}

/// Whose link this is; none where it is no code.
fn account_of(code: &str) -> Option<AccountId> {
    let (account, digits) = code.split_once('-')?;
    let is_hash = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    account.parse().ok().filter(|_| is_hash).map(AccountId)
}

/// The code that a call names, or that ends the short address that it names.
fn code(call: &Call) -> &str {
    let given = call.arguments.get("code").and_then(Value::as_str).unwrap_or_default();
    given.rsplit('/').next().unwrap_or_default()
}

fn address(call: &Call) -> Result<Url, Failure> {
    parsed(call.arguments.get("url").and_then(Value::as_str).unwrap_or_default())
}

/// An address with the parameters that a call gives, in place of those it had of these names.
fn tracked(mut url: Url, arguments: &Value) -> Url {
    let given: Vec<_> = TRACKED
        .iter()
        .filter_map(|(name, parameter)| Some((*parameter, arguments.get(name)?.as_str()?)))
        .collect();
    let is_given = |pair: &&str| {
        let name = pair.split('=').next();
        given.iter().any(|(parameter, _)| Some(*parameter) == name)
    };
    let kept = url
        .query()
        .map(|query| query.split('&').filter(|pair| !is_given(pair)).collect::<Vec<_>>().join("&"));
    url.set_query(kept.as_deref().filter(|query| !query.is_empty()));
    url.query_pairs_mut().extend_pairs(given);
    url
}

#[cfg(test)]
mod tests;
