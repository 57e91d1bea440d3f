//! Who is asking: the one way in for every operation that is not open to all.
//!
//! An API key or a login token is turned into an account; its request is counted against the
//! day's quota. Never here: what an account may see; each area looks after its own things.

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, Shared};
use hub_events::account::{Role, Scope, Tier};
use hub_events::id::AccountId;
use hub_events::{Actor, Context};
use uuid::Uuid;

use super::exchange::{RequestId, Spent};
use super::problem::Problem;
use crate::Hub;
use crate::clock::Clock;
use crate::counters::{Quota, QuotaSpent};

/// An account that asks for something.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Which.
    pub account: AccountId,
    /// Its plan.
    pub tier: Tier,
    /// What it may do beyond its own things.
    pub role: Role,
    /// The request's id, by which everything that follows from it is found.
    pub correlation: Uuid,
}

impl Caller {
    /// When, for whom, by whom and why something is decided that this caller asks for.
    pub fn context(&self, clock: &Clock) -> Context {
        self.context_for(self.account, clock)
    }

    /// The same for a thing of another account.
    pub(super) fn context_for(&self, account: AccountId, clock: &Clock) -> Context {
        Context {
            at: clock.now(),
            account: Some(account),
            actor: Actor::Account(self.account),
            correlation: self.correlation,
            causation: None,
        }
    }
}

/// The owner of the hub.
#[derive(Clone, Copy, Debug)]
pub struct Owner(pub Caller);

/// One look at the caller for as many as ask, so that a request is counted once.
type Looked = Shared<LocalBoxFuture<'static, Result<Caller, Problem>>>;

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Looked;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Looked {
        if let Some(looked) = request.extensions().get::<Looked>() {
            return looked.clone();
        }
        // The request keeps this future, so the future must not keep the request.
        let asked = Asked::of(request);
        let looked = async move { asked?.caller().await }.boxed_local().shared();
        request.extensions_mut().insert(looked.clone());
        looked
    }
}

impl FromRequest for Owner {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            match caller.role {
                Role::Owner => Ok(Self(caller)),
                Role::Member => Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "owner_only",
                    "Only the owner of this hub may do this",
                )),
            }
        })
    }
}

/// What a request says about its caller.
struct Asked {
    hub: Data<Hub>,
    token: String,
    looking: bool,
    correlation: Uuid,
    spent: Spent,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let hub = request.app_data::<Data<Hub>>();
        let hub = hub.cloned().ok_or_else(|| Problem::accident("the app has no hub"))?;
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or_else(|| unauthorized("not_authenticated", "Not authenticated"))?
            .to_owned();
        let looking = matches!(*request.method(), Method::GET | Method::HEAD);
        let correlation = RequestId::of(request).correlation();
        let spent = Spent::of(request);
        Ok(Self { hub, token, looking, correlation, spent })
    }

    async fn caller(self) -> Result<Caller, Problem> {
        let known =
            self.hub.auth.identify(&self.hub, &self.token).await?.ok_or_else(|| {
                unauthorized("credentials_invalid", "Could not validate credentials")
            })?;
        if known.scope == Scope::Read && !self.looking {
            let detail = "This API key is for reading only";
            return Err(Problem::new(StatusCode::FORBIDDEN, "key_reads_only", detail));
        }
        let day = self.hub.clock.now().date_naive();
        match self.hub.counters.count_request(known.account, known.tier, day).await {
            Ok(quota) => self.spent.set(quota),
            Err(spent) => {
                self.hub.metrics.quota_refused();
                let QuotaSpent { limit, reset_s } = spent;
                self.spent.set(Some(Quota { limit, remaining: 0, reset_s }));
                return Err(too_many("quota_spent", reset_s));
            }
        }
        let (account, tier, role) = (known.account, known.tier, known.role);
        Ok(Caller { account, tier, role, correlation: self.correlation })
    }
}

/// The caller did not say who it is, or not so that it can be believed.
pub(super) fn unauthorized(code: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail).header(WWW_AUTHENTICATE, "Bearer")
}

/// Too many requests for now.
pub(super) fn too_many(code: &'static str, retry_after_s: u64) -> Problem {
    let detail = "Too many requests. Please try again later.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail).retry_after(retry_after_s)
}
