//! Signing in: accounts, passwords, login tokens, API keys.
//!
//! Never here: what an account may do; `caller` says who is asking.

mod attempts;
mod identity;
mod passwords;
mod tokens;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use actix_web::{HttpRequest, HttpResponse};
use hub_events::account::{Scope, Tier};
use hub_events::log::{AppendError, Command};
use hub_projections::accounts::{self as views, AccountView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::body::Body;
use super::caller::{Caller, unauthorized};
use super::envelope::Success;
use super::exchange::RequestId;
use super::idempotency::Idempotency;
use super::problem::{Answer, Problem};
use crate::Hub;
use crate::accounts::{self, AccountError, KeyOrder, NewAccount};
use crate::config::Registration;
use crate::transact::TransactError;
use tokens::Kind;

pub use identity::Auth;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/register").route(post().to(register)))
        .service(resource("/auth/login").route(post().to(login)))
        .service(resource("/auth/refresh").route(post().to(refresh)))
        .service(resource("/auth/me").route(get().to(get_me)))
        .service(resource("/auth/me/regenerate-api-key").route(post().to(regenerate_api_key)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(register, login, refresh, get_me, regenerate_api_key))]
pub(super) struct Api;

/// An account to be opened.
#[derive(Deserialize, ToSchema)]
pub(super) struct RegisterRequest {
    /// The address that it signs in with.
    #[schema(max_length = 254, pattern = r"^\s*[^\s@]+@[^\s@]+\s*$")]
    email: String,
    /// Its password.
    #[schema(min_length = 8, max_length = 1024, format = Password)]
    password: String,
    /// What its holder is called.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub(super) struct LoginRequest {
    /// The address.
    #[schema(max_length = 1024)]
    email: String,
    /// The password.
    #[schema(max_length = 1024, format = Password)]
    password: String,
}

/// What a new login token is given for.
#[derive(Deserialize, ToSchema)]
pub(super) struct RefreshRequest {
    /// The refresh token that came with the login.
    #[schema(format = Password)]
    refresh_token: String,
}

/// Somebody signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedIn {
    /// The login token.
    token: String,
    /// For a new login token.
    refresh_token: String,
    /// Who it is.
    user: UserBody,
    /// Always empty here: accounts belong to no organization.
    organizations: [String; 0],
    /// Whether the account was opened just now.
    is_new_user: bool,
}

/// An account, in short.
#[derive(Serialize, ToSchema)]
pub(super) struct UserBody {
    id: i64,
    email: String,
    name: String,
    #[schema(value_type = TierName)]
    subscription_tier: Tier,
}

/// A plan.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "describes `Tier`, which knows nothing of schemas")]
pub(super) enum TierName {
    Free,
    Starter,
    Business,
    Pro,
    Enterprise,
}

/// A login token.
#[derive(Serialize, ToSchema)]
pub(super) struct Refreshed {
    /// The login token.
    token: String,
}

/// The caller's account.
#[derive(Serialize, ToSchema)]
pub(super) struct MeBody {
    #[serde(flatten)]
    user: UserBody,
    /// Always `active`: plans are set by the owner and do not run out.
    subscription_status: &'static str,
    /// None: plans do not run out.
    subscription_end_date: Option<String>,
    /// `owner` or `member`.
    role: &'static str,
    /// What it may do beyond its own things.
    permissions: Vec<&'static str>,
}

/// An API key, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyShown {
    /// The key.
    api_key: String,
}

/// An API key and what became of the ones before.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyAnswer {
    success: bool,
    data: KeyShown,
    message: &'static str,
}

/// Opens an account.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = RegisterRequest,
    responses((status = 200, body = Success<SignedIn>),
        (status = 400, description = "The address belongs to an account"),
        (status = 403, description = "Only the operator opens accounts"), (status = 429)))]
async fn register(hub: Data<Hub>, request: HttpRequest, body: Body<RegisterRequest>) -> Answer {
    if hub.config.auth.registration == Registration::Closed {
        let detail = "Accounts are opened by the operator of this hub";
        return Err(Problem::new(StatusCode::FORBIDDEN, "registration_closed", detail));
    }
    hub.auth.attempt(&hub, &request)?;
    let RegisterRequest { email, password, name } = body.0;
    let password_hash = Some(hub.auth.passwords.hash(password).await?);
    let new = NewAccount { email, name, tier: Tier::Free, password_hash };
    let correlation = RequestId::of(&request).correlation();
    let account = accounts::open(&hub, new, Some(correlation)).await?;
    let view = hub.views.read(|views| views::by_id(views, account))?;
    let view = view.ok_or_else(|| Problem::accident("a new account is not in the views"))?;
    signed_in(&hub, view, true).await
}

/// Signs in with a password.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, body = Success<SignedIn>), (status = 401), (status = 429)))]
async fn login(hub: Data<Hub>, request: HttpRequest, body: Body<LoginRequest>) -> Answer {
    hub.auth.attempt(&hub, &request)?;
    hub.read_your_writes().await?;
    let index = accounts::email_index(&hub, &body.0.email);
    let account = hub.views.read(|views| views::by_email_index(views, &index))?;
    let hash = match &account {
        Some(account) => hub.vault.password(account.id)?,
        None => None,
    };
    // An unknown address takes as long as a wrong password.
    let right = hub.auth.passwords.verify(body.0.password, hash).await?;
    match account {
        Some(account) if right => signed_in(&hub, account, false).await,
        _ => Err(unauthorized("login_failed", "Incorrect email or password")),
    }
}

async fn signed_in(hub: &Hub, account: AccountView, is_new_user: bool) -> Answer {
    let id = account.id;
    let user = user_body(hub, account).await?;
    let signed = SignedIn {
        token: hub.auth.tokens.issue(Kind::Access, id, &user.email, hub.clock.now())?,
        refresh_token: hub.auth.tokens.issue(Kind::Refresh, id, &user.email, hub.clock.now())?,
        user,
        organizations: [],
        is_new_user,
    };
    Ok(secret(&Success::of(signed)))
}

/// An answer that nobody on the way may keep.
fn secret(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

pub(super) async fn user_body(hub: &Hub, account: AccountView) -> Result<UserBody, Problem> {
    Ok(UserBody {
        id: account.id.0,
        email: hub.vault.open_sealed(account.id, &account.email).await?,
        name: hub.vault.open_sealed(account.id, &account.name).await?,
        subscription_tier: account.tier,
    })
}

/// Gives a new login token for a refresh token.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = RefreshRequest,
    responses((status = 200, body = Success<Refreshed>), (status = 401)))]
async fn refresh(hub: Data<Hub>, body: Body<RefreshRequest>) -> Answer {
    let now = hub.clock.now();
    let invalid = || unauthorized("credentials_invalid", "Could not validate credentials");
    let token = &body.0.refresh_token;
    let claims = hub.auth.tokens.read(Kind::Refresh, token, now).ok_or_else(invalid)?;
    hub.read_your_writes().await?;
    let account = hub.views.read(|views| views::by_id(views, claims.account))?;
    let account = account.ok_or_else(invalid)?;
    let token = hub.auth.tokens.issue(Kind::Access, account.id, &claims.sub, now)?;
    Ok(secret(&Success::of(Refreshed { token })))
}

/// The caller's account.
#[utoipa::path(get, path = "/auth/me", tag = "auth", security(("HTTPBearer" = [])),
    responses((status = 200, body = Success<MeBody>), (status = 401)))]
async fn get_me(hub: Data<Hub>, caller: Caller) -> Answer {
    hub.read_your_writes().await?;
    let account = hub.views.read(|views| views::by_id(views, caller.account))?;
    let account = account.ok_or_else(|| Problem::not_found("Account not found"))?;
    let (role, permissions) = match account.role {
        hub_events::account::Role::Owner => ("owner", vec!["accounts:manage"]),
        hub_events::account::Role::Member => ("member", Vec::new()),
    };
    let user = user_body(&hub, account).await?;
    let subscription_status = "active";
    let me = MeBody { user, subscription_status, subscription_end_date: None, role, permissions };
    Ok(HttpResponse::Ok().json(Success::of(me)))
}

/// Gives the caller a new API key in place of all its others. It is shown this once; with an
/// `Idempotency-Key`, the same request shows the same key again.
#[utoipa::path(post, path = "/auth/me/regenerate-api-key", tag = "auth",
    security(("HTTPBearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = KeyAnswer), (status = 401)))]
async fn regenerate_api_key(hub: Data<Hub>, caller: Caller, once: Idempotency) -> Answer {
    let command = once.command();
    let key = command.map_or_else(accounts::fresh_key, |command| repeatable_key(&hub, &command));
    if once.earlier(&hub).await?.is_none() {
        let order = KeyOrder { key: &key, scope: Scope::Full, expires_at: None, replacing: true };
        let context = caller.context(&hub.clock);
        match accounts::issue_key(&hub, caller.account, order, context, command).await {
            Ok(()) => {}
            // The same request was quicker on another connection.
            Err(AccountError::Transact(TransactError::Append(AppendError::Duplicate(_)))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = "API key regenerated. The keys before no longer count.";
    Ok(secret(&KeyAnswer { success: true, data: KeyShown { api_key: key }, message }))
}

/// The key that a request with an `Idempotency-Key` leads to, each time it is made.
fn repeatable_key(hub: &Hub, command: &Command) -> String {
    let request = hex::encode(command.key.0);
    accounts::key_of(hub.vault.derived_key(&format!("api-key {request}")))
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::EmailTaken => {
                let detail = Value::from("Email already registered");
                Self::new(StatusCode::BAD_REQUEST, "email_taken", detail)
            }
            AccountError::Transact(error) => error.into(),
            AccountError::Vault(error) => error.into(),
            AccountError::View(error) => error.into(),
            AccountError::Lagging(error) => error.into(),
            AccountError::WeakKey | AccountError::Stopping => Self::accident(error),
        }
    }
}

#[cfg(test)]
mod tests;
