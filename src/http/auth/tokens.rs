//! Login tokens: JSON Web Tokens, signed by a key that comes from the master key.
//!
//! Never here: whether the account still is; that is looked up.

use chrono::{DateTime, TimeDelta, Utc};
use hub_events::id::AccountId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use crate::config;

/// What a token is for. One is never taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It signs in.
    Access,
    /// It gets a new one that signs in.
    Refresh,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The account's address.
    pub(super) sub: String,
    /// The account.
    pub(super) account: AccountId,
    #[serde(rename = "type")]
    kind: Kind,
    iat: i64,
    exp: i64,
}

/// Makes and reads tokens.
pub(super) struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    rules: Validation,
    access: TimeDelta,
    refresh: TimeDelta,
}

impl Tokens {
    pub(super) fn new(key: &[u8; 32], config: &config::Auth) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        // The hub has a clock of its own, so `read` looks at the end itself.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        Self {
            signing: EncodingKey::from_secret(key),
            checking: DecodingKey::from_secret(key),
            rules,
            access: TimeDelta::minutes(config.access_minutes.into()),
            refresh: TimeDelta::days(config.refresh_days.into()),
        }
    }

    /// A token for an account.
    pub(super) fn issue(
        &self,
        kind: Kind,
        account: AccountId,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Problem> {
        let lasts = match kind {
            Kind::Access => self.access,
            Kind::Refresh => self.refresh,
        };
        let (iat, exp) = (now.timestamp(), (now + lasts).timestamp());
        let claims = Claims { sub: email.to_owned(), account, kind, iat, exp };
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(Problem::accident)
    }

    /// What a token of this kind says; none where it is not one, not ours or no longer counts.
    pub(super) fn read(&self, kind: Kind, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.checking, &self.rules).ok()?.claims;
        (claims.kind == kind && now.timestamp() < claims.exp).then_some(claims)
    }
}
