//! What the owner of the hub does: look at accounts, change their plans, rotate the master key.
//!
//! Never here: an account's own things; not even the owner sees those.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig, block, get, post, put, resource};
use hub_events::account::{Role, Tier};
use hub_events::id::AccountId;
use hub_projections::accounts::{self as views, AccountView};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::auth::{TierName, UserBody, user_body};
use super::body::Body;
use super::caller::Owner;
use super::envelope::{Success, Time};
use super::path::{Id, PathId};
use super::problem::{Answer, Problem};
use crate::vault::{Rotated, VaultError};
use crate::{Hub, accounts};

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/admin/accounts").route(get().to(list_accounts)))
        .service(resource("/admin/accounts/{account_id}").route(put().to(update_account)))
        .service(resource("/admin/vault/rotate").route(post().to(rotate_master_key)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(list_accounts, update_account, rotate_master_key))]
pub(super) struct Api;

impl PathId for AccountId {
    const PLACE: &'static str = "account_id";
    fn of(number: i64) -> Self {
        Self(number)
    }
}

/// A change of an account.
#[derive(Debug, Deserialize, ToSchema)]
struct UpdateAccount {
    /// Its new plan.
    #[schema(value_type = TierName)]
    tier: Tier,
}

/// An account.
#[derive(Serialize, ToSchema)]
struct AccountBody {
    #[serde(flatten)]
    user: UserBody,
    /// `owner` or `member`.
    role: &'static str,
    #[schema(value_type = String)]
    created_at: Time,
}

async fn account_body(hub: &Hub, view: AccountView) -> Result<AccountBody, Problem> {
    let role = match view.role {
        Role::Owner => "owner",
        Role::Member => "member",
    };
    let created_at = Time(view.created_at);
    Ok(AccountBody { user: user_body(hub, view).await?, role, created_at })
}

/// Lists all accounts, oldest first. For the owner.
#[utoipa::path(get, path = "/admin/accounts", tag = "admin", security(("HTTPBearer" = [])),
    responses((status = 200, body = Success<Vec<AccountBody>>), (status = 403)))]
async fn list_accounts(hub: Data<Hub>, _owner: Owner) -> Answer {
    hub.read_your_writes().await?;
    let mut listed = Vec::new();
    for view in hub.views.read(views::list)? {
        listed.push(account_body(&hub, view).await?);
    }
    Ok(HttpResponse::Ok().json(Success::of(listed)))
}

/// Changes an account's plan. For the owner.
#[utoipa::path(put, path = "/admin/accounts/{account_id}", tag = "admin",
    security(("HTTPBearer" = [])), params(("account_id" = i64, Path)),
    request_body = UpdateAccount,
    responses((status = 200, body = Success<AccountBody>), (status = 403), (status = 404)))]
async fn update_account(
    hub: Data<Hub>,
    owner: Owner,
    id: Id<AccountId>,
    body: Body<UpdateAccount>,
) -> Answer {
    let context = owner.0.context_for(id.0, &hub.clock);
    accounts::change_tier(&hub, id.0, body.0.tier, context).await?;
    let view = hub.views.read(|connection| views::by_id(connection, id.0))?;
    let view = view.ok_or_else(|| Problem::not_found("Account not found"))?;
    Ok(HttpResponse::Ok().json(Success::of(account_body(&hub, view).await?)))
}

/// What a rotation came to.
#[derive(Serialize, ToSchema)]
struct RotatedBody {
    /// The name of the master key that wraps everything now; not the key.
    master: String,
    /// How many data keys were wrapped anew.
    data_keys: u64,
}

/// Puts a new master key in the place of the present one, while work goes on: the setting
/// `new_master_key`, or a fresh one where the present key lies in the data directory. What broke
/// off goes on when this is asked for again. For the owner.
#[utoipa::path(post, path = "/admin/vault/rotate", tag = "admin", security(("HTTPBearer" = [])),
    responses((status = 200, body = Success<RotatedBody>), (status = 403), (status = 409)))]
async fn rotate_master_key(hub: Data<Hub>, owner: Owner) -> Answer {
    let vault = hub.vault.clone();
    let rotated = block(move || vault.rotate()).await.map_err(Problem::accident)?;
    let Rotated { master, data_keys } = rotated.map_err(|error| match error {
        VaultError::NoNewMaster | VaultError::OtherRotation => {
            Problem::new(StatusCode::CONFLICT, "master_key_not_rotated", error.to_string())
        }
        error => error.into(),
    })?;
    tracing::info!(%master, data_keys, account = %owner.0.account, "the master key was rotated");
    Ok(HttpResponse::Ok().json(Success::of(RotatedBody { master, data_keys })))
}
