//! Requests for tokens and what their answers say: OAuth 2.0 (RFC 6749, 7636, 7523) and the
//! ways beside it.
//!
//! Pure: requests are made and answers read here, and sent elsewhere. Never here: where tokens
//! are kept, or when they are fetched.

mod read;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use super::address::AddressError;
use super::named::Named;
use super::platform::Platform;
use super::sign_in::{
    ACCESS_TOKEN, ClientAuth, ClientCredentials, Method, OAuth2, REFRESH_TOKEN, SignIn,
    SignedAccount, Then, TokenRequest,
};
use super::template::Template;

pub use read::{Refused, read, read_then};

/// For how long the assertion of a service account counts.
const ASSERTION: TimeDelta = TimeDelta::minutes(30);

/// A request for a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Asking {
    /// GET or POST.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<String>,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A request for a token that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It has no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A field is not set.
    #[error("`{0}` is not set")]
    Missing(String),
    /// The key of a service account is none.
    #[error("the service account's key cannot be used: expected the JSON that Google gives out")]
    Key,
    /// This way needs no request, or a person.
    #[error("this way to sign in gives no token by itself")]
    NoToken,
}

type Values = Map<String, Value>;

/// The challenge that a verifier answers (RFC 7636, S256).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Where a person agrees; with the challenge where the way is bound by one.
pub fn authorize(
    platform: &Platform,
    way: &OAuth2,
    values: &Values,
    redirect: &Url,
    state: &str,
    challenge: &str,
) -> Result<Url, AskError> {
    let mut url = platform.at_endpoint(&way.authorize_url, &|name| values.get(name))?;
    let client = text(&way.client_id, values)?;
    let extra = pairs(&way.authorize, values);
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair(&way.client_id_name, &client)
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("state", state);
        if !way.scopes.is_empty() {
            query.append_pair("scope", &way.scopes.join(&way.scope_separator));
        }
        if way.pkce {
            query
                .append_pair("code_challenge", challenge)
                .append_pair("code_challenge_method", "S256");
        }
        query.extend_pairs(extra);
    }
    Ok(url)
}

/// The exchange of a code.
pub fn exchange(
    platform: &Platform,
    way: &OAuth2,
    values: &Values,
    code: &str,
    redirect: &Url,
    verifier: &str,
) -> Result<Asking, AskError> {
    let mut form = vec![
        ("grant_type".to_owned(), "authorization_code".to_owned()),
        ("code".to_owned(), code.to_owned()),
        ("redirect_uri".to_owned(), redirect.to_string()),
    ];
    if way.pkce {
        form.push(("code_verifier".to_owned(), verifier.to_owned()));
    }
    grant(platform, way, values, form)
}

/// The exchange of a refresh token.
pub fn refresh(platform: &Platform, way: &OAuth2, values: &Values) -> Result<Asking, AskError> {
    let token = values.get(REFRESH_TOKEN).and_then(Value::as_str);
    let token = token.ok_or_else(|| AskError::Missing(REFRESH_TOKEN.to_owned()))?;
    let form = vec![
        ("grant_type".to_owned(), "refresh_token".to_owned()),
        ("refresh_token".to_owned(), token.to_owned()),
    ];
    grant(platform, way, values, form)
}

fn grant(
    platform: &Platform,
    way: &OAuth2,
    values: &Values,
    mut form: Vec<(String, String)>,
) -> Result<Asking, AskError> {
    let url = platform.at_endpoint(&way.token_url, &|name| values.get(name))?;
    form.extend(pairs(&way.token, values));
    let client = text(&way.client_id, values)?;
    let secret = way.client_secret.fill(&|name| values.get(name));
    let headers = identified(way.client, &way.client_id_name, client, secret, &mut form);
    Ok(posted(url, headers, form))
}

/// A token without a person, in whichever way a platform gives one.
pub fn ask(
    platform: &Platform,
    way: &SignIn,
    values: &Values,
    now: DateTime<Utc>,
) -> Result<Asking, AskError> {
    match way {
        SignIn::OAuth2(way) => refresh(platform, way, values),
        SignIn::ClientCredentials(way) => credentials(platform, way, values),
        SignIn::Token(way) => token(platform, way, values),
        SignIn::ServiceAccount(way) => service_account(platform, way, values, now),
        _ => Err(AskError::NoToken),
    }
}

fn credentials(
    platform: &Platform,
    way: &ClientCredentials,
    values: &Values,
) -> Result<Asking, AskError> {
    let url = platform.at_endpoint(&way.token_url, &|name| values.get(name))?;
    let mut form = vec![("grant_type".to_owned(), way.grant.clone())];
    if !way.scopes.is_empty() {
        form.push(("scope".to_owned(), way.scopes.join(" ")));
    }
    form.extend(pairs(&way.token, values));
    let client = text(&way.client_id, values)?;
    let secret = way.client_secret.fill(&|name| values.get(name));
    let mut headers = identified(way.client, "client_id", client, secret, &mut form);
    headers.extend(pairs(&way.headers, values));
    Ok(posted(url, headers, form))
}

fn token(platform: &Platform, way: &TokenRequest, values: &Values) -> Result<Asking, AskError> {
    let mut url = platform.at_endpoint(&way.url, &|name| values.get(name))?;
    if !way.query.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs(&way.query, values));
    }
    let mut headers = pairs(&way.headers, values);
    headers.push(("Accept".to_owned(), "application/json".to_owned()));
    if let Some([user, password]) = &way.basic {
        headers.push(basic(&text(user, values)?, &text(password, values)?));
    }
    if let Some(form) = &way.form {
        let asking = posted(url, headers, pairs(form, values));
        return Ok(Asking { method: way.method, ..asking });
    }
    let json = way.json.as_ref().and_then(|tree| tree.fill(&|name| values.get(name)));
    if json.is_some() {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    Ok(Asking { method: way.method, url, headers, body: json.map(|json| json.to_string()) })
}

fn service_account(
    platform: &Platform,
    way: &SignedAccount,
    values: &Values,
    now: DateTime<Utc>,
) -> Result<Asking, AskError> {
    let key = way.key.fill(&|name| values.get(name));
    let key = key.ok_or_else(|| AskError::Missing("service_account".to_owned()))?;
    let key: Value = serde_json::from_str(&key).map_err(|_| AskError::Key)?;
    let of_key = |name: &str| key.get(name).and_then(Value::as_str).ok_or(AskError::Key);
    let url = platform.at_endpoint(&way.token_url, &|name| values.get(name))?;
    let mut claims = json!({
        "iss": of_key("client_email")?, "scope": way.scopes.join(" "), "aud": url.as_str(),
        "iat": now.timestamp(), "exp": (now + ASSERTION).timestamp(),
    });
    let subject = way.subject.as_ref().and_then(|subject| subject.fill(&|name| values.get(name)));
    if let (Some(subject), Some(claims)) = (subject, claims.as_object_mut()) {
        claims.insert("sub".to_owned(), subject.into());
    }
    let pem = of_key("private_key")?.as_bytes();
    let signing = jsonwebtoken::EncodingKey::from_rsa_pem(pem).map_err(|_| AskError::Key)?;
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    header.kid = key.get("private_key_id").and_then(Value::as_str).map(str::to_owned);
    let assertion = jsonwebtoken::encode(&header, &claims, &signing).map_err(|_| AskError::Key)?;
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let form =
        vec![("grant_type".to_owned(), grant.to_owned()), ("assertion".to_owned(), assertion)];
    Ok(posted(url, Vec::new(), form))
}

/// The request with a fresh token that tells more of a connection, where the way has one.
pub fn then(
    platform: &Platform,
    way: &SignIn,
    values: &Values,
) -> Option<Result<Asking, AskError>> {
    let then: &Then = match way {
        SignIn::OAuth2(way) => way.then.as_ref()?,
        SignIn::ClientCredentials(way) => way.then.as_ref()?,
        _ => return None,
    };
    let send = way.bearing()?;
    let asking = || {
        let url = platform.at_endpoint(&then.url, &|name| values.get(name))?;
        let token = send.value.fill(&|name| values.get(name));
        let token = token.ok_or_else(|| AskError::Missing(ACCESS_TOKEN.to_owned()))?;
        let accept = ("Accept".to_owned(), "application/json".to_owned());
        let headers = vec![(send.header.clone(), token), accept];
        Ok(Asking { method: Method::Get, url, headers, body: None })
    };
    Some(asking())
}

/// Puts in who the client is: headers, or members of the form.
fn identified(
    how: ClientAuth,
    id_name: &str,
    client: String,
    secret: Option<String>,
    form: &mut Vec<(String, String)>,
) -> Vec<(String, String)> {
    if how == ClientAuth::Basic {
        return vec![basic(&client, &secret.unwrap_or_default())];
    }
    form.push((id_name.to_owned(), client));
    if let (ClientAuth::Body, Some(secret)) = (how, secret) {
        form.push(("client_secret".to_owned(), secret));
    }
    Vec::new()
}

/// The header of HTTP Basic.
pub fn basic(user: &str, password: &str) -> (String, String) {
    let joined = STANDARD.encode(format!("{user}:{password}"));
    ("Authorization".to_owned(), format!("Basic {joined}"))
}

fn posted(url: Url, mut headers: Vec<(String, String)>, form: Vec<(String, String)>) -> Asking {
    let kinds =
        [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")];
    let kinds: HashMap<_, _> = kinds.into();
    for (name, value) in kinds {
        if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    Asking { method: Method::Post, url, headers, body: Some(body) }
}

/// Members with their names replaced; those with a name that stands for nothing are left out.
fn pairs(members: &Named<Template>, values: &Values) -> Vec<(String, String)> {
    let filled = members.iter().filter_map(|(name, template)| {
        Some((name.to_owned(), template.fill(&|name| values.get(name))?))
    });
    filled.collect()
}

fn text(template: &Template, values: &Values) -> Result<String, AskError> {
    template.fill(&|name| values.get(name)).ok_or_else(|| {
        let missing = template.names().find(|name| !values.contains_key(&name.name));
        AskError::Missing(missing.map(|name| name.name.clone()).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests;
