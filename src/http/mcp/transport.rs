//! Streamable HTTP on exactly `/mcp`: who asks, whose session it is, and whether the host and
//! the page that sends the request may.
//!
//! Never here: what is said; `server` has that.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use hub_events::id::AccountId;
use hub_projections::ViewError;
use hub_projections::accounts::{self, AccountView};
use rmcp::ServiceExt as _;
use rmcp_actix_web::transport::{CancellationToken, LocalSessionManager, StreamableHttpService};
use url::Url;

use super::server::Server;
use crate::config::{Config, Origin};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::{Hub, clock};

const SESSION_ID: &str = "mcp-session-id";

/// How long it is known whose a session is that nobody uses.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3_600);

/// How many sessions may be open.
const SESSIONS: u64 = 100_000;

/// The conversations with clients that speak the revision with sessions. They end with the
/// process; a client begins a new one then.
pub struct Sessions {
    manager: Arc<LocalSessionManager>,
    owners: moka::sync::Cache<String, AccountId>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("known", &self.owners.entry_count()).finish()
    }
}

impl Default for Sessions {
    fn default() -> Self {
        let owners = moka::sync::Cache::builder().max_capacity(SESSIONS).time_to_idle(KNOWN_FOR);
        let (manager, stop) = (Arc::default(), CancellationToken::new());
        Self { manager, owners: owners.build(), stop }
    }
}

impl Sessions {
    /// Ends all of them.
    pub fn end(&self) {
        self.stop.cancel();
    }
}

/// The one operation. It must come after those whose paths are longer.
pub(super) fn routes(config: &mut ServiceConfig, hub: &Data<Hub>) {
    let served = hub.clone();
    let settings = &hub.config;
    let service = StreamableHttpService::builder()
        .service_factory(Arc::new(move || Ok(Server::of_requests(served.clone()))))
        .session_manager(Arc::clone(&hub.sessions.manager))
        .cancellation_token(hub.sessions.stop.clone())
        .max_request_body_bytes(settings.http.max_body_bytes)
        .allowed_hosts(hosts(settings))
        .allowed_origins(origins(settings))
        .on_request_fn(|request, extensions| {
            if let Some(caller) = request.extensions().get::<Caller>() {
                extensions.insert(*caller);
            }
        })
        .build();
    config.service(service.scope_with_path("/mcp").wrap(from_fn(identify)));
}

/// Finds out who asks, and turns away whoever uses another's session.
async fn identify(
    hub: Data<Hub>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let caller = match request.extract::<Caller>().await {
        Ok(caller) => caller,
        Err(problem) => return Ok(request.into_response(problem.error_response())),
    };
    let owners = &hub.sessions.owners;
    let session = request.headers().get(SESSION_ID).and_then(|id| id.to_str().ok());
    if let Some(session) = session
        && owners.get(session).is_some_and(|owner| owner != caller.account)
    {
        let problem = Problem::not_found("Session not found");
        return Ok(request.into_response(problem.error_response()));
    }
    request.extensions_mut().insert(caller);
    let answer = next.call(request).await?;
    let begun = answer.headers().get(SESSION_ID).and_then(|id| id.to_str().ok());
    if let Some(begun) = begun {
        owners.insert(begun.to_owned(), caller.account);
    }
    Ok(answer)
}

/// The names under which this hub may be asked: those of its own machine, and the one that the
/// operator gave it. Where it listens on every address and has no name, any will do: who asks
/// has to show a key all the same.
fn hosts(settings: &Config) -> Vec<String> {
    let listens = settings.listen.rsplit_once(':').map_or("", |(host, _)| host);
    let listens = listens.trim_matches(['[', ']']);
    let named = settings.public_url.as_ref().and_then(|url| url.host_str());
    if named.is_none() && matches!(listens, "" | "0.0.0.0" | "::") {
        return Vec::new();
    }
    let own = ["localhost", "127.0.0.1", "::1", listens];
    own.into_iter().chain(named).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// The pages that may ask from a browser: those that may ask for anything else, and the hub's
/// own.
fn origins(settings: &Config) -> Vec<String> {
    if settings.http.cors_origins.contains(&Origin::Any) {
        return Vec::new();
    }
    let allowed = settings.http.cors_origins.iter().filter_map(|origin| match origin {
        Origin::One(origin) => Url::parse(origin).ok(),
        Origin::Any => None,
    });
    let known = allowed.chain(settings.public_url.clone()).filter_map(|url| {
        Some(format!("{}://{}:{}", url.scheme(), url.host_str()?, url.port_or_known_default()?))
    });
    let own = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];
    own.into_iter().map(str::to_owned).chain(known).collect()
}

/// Why a conversation over standard input and output came to no good end.
#[derive(Debug, thiserror::Error)]
pub enum SpeakError {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// The read models failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The client did not begin as the protocol says.
    #[error("the client did not begin: {0}")]
    Begin(String),
    /// It broke off.
    #[error("the conversation broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Speaks with one client over standard input and output, on behalf of an account, until the
/// client closes them.
pub async fn speak(hub: Data<Hub>, account: AccountId) -> Result<(), SpeakError> {
    let known = hub.views.read(|views| accounts::by_id(views, account))?;
    let AccountView { tier, role, .. } = known.ok_or(SpeakError::NoAccount(account))?;
    let caller = Caller { account, tier, role, correlation: clock::uuid() };
    let begun = Server::of(hub, caller).serve(rmcp::transport::stdio()).await;
    let speaking = begun.map_err(|error| SpeakError::Begin(error.to_string()))?;
    speaking.waiting().await?;
    Ok(())
}
