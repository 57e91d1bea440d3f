//! From settings to a hub that serves, and back to rest. The only place where parts are joined.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use hub_events::blob::{BlobError, Blobs};
use hub_events::id::AccountId;
use hub_events::log::{Log, OpenError};
use hub_projections::Views;

use crate::accounts::{AccountError, NewKey, bootstrap_owner};
use crate::actors::{Actors, Limits as ActorLimits};
use crate::checkpoints::Writing;
use crate::clock::Clock;
use crate::config::Config;
use crate::connections::Connections;
use crate::counters::Counters;
use crate::effects::{Offers, Outside, Plans};
use crate::egress::Egress;
use crate::feed::Feed;
use crate::limits::Limits;
use crate::llm::providers::{OFFLINE, ProvidersError};
use crate::llm::{Providers, offline};
use crate::platforms::Catalogue;
use crate::tools::{Registry, Source, Twice, builtin, manifest};
use crate::vault::{Keyring, MasterKeyError, Vault, VaultError};
use crate::{Hub, http, store, telemetry};

/// How long an actor stays without work.
const IDLE_AFTER: Duration = Duration::from_secs(5);

/// How many rendered lists are kept.
const RENDERED: u64 = 1_000;

/// How long calls under way may take to end when the hub is stopped.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long requests under way may take to end, in seconds.
const LAST_REQUESTS_S: u64 = 3;

/// Why a hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("the data directory {0} cannot be made: {1}")]
    DataDir(PathBuf, #[source] std::io::Error),
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The log does not open.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The blob store does not open.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The read models do not start.
    #[error(transparent)]
    Views(#[from] hub_projections::StartError),
    /// They cannot be read.
    #[error(transparent)]
    View(#[from] hub_projections::ViewError),
    /// They do not catch up.
    #[error(transparent)]
    Lagging(#[from] hub_projections::Lagging),
    /// The way out cannot be set up.
    #[error("the outgoing HTTP client cannot be set up: {0}")]
    Egress(String),
    /// The providers of models are set up wrongly.
    #[error(transparent)]
    Providers(#[from] ProvidersError),
    /// A tool cannot be registered.
    #[error(transparent)]
    Tools(#[from] Twice),
    /// Measurements cannot be registered.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// Log lines cannot be written.
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    /// The owner's account cannot be made.
    #[error(transparent)]
    Owner(#[from] AccountError),
    /// A conversation over standard input and output failed.
    #[error(transparent)]
    Speak(#[from] http::mcp::SpeakError),
    /// The address is not to be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, #[source] std::io::Error),
    /// The server failed.
    #[error("the server failed: {0}")]
    Server(#[source] std::io::Error),
}

/// A hub that serves.
pub struct Running {
    /// Its parts.
    pub hub: Data<Hub>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The owner's key, where one was made just now.
    pub new_key: Option<NewKey>,
    server: ServerHandle,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    checkpoints: Writing,
    /// Looks for manifests that changed.
    manifests: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Opens the parts of a hub; nothing is served and nothing resumed.
pub async fn open(config: Config, clock: Clock) -> Result<Data<Hub>, StartError> {
    let directory = config.data_dir.clone();
    std::fs::create_dir_all(&directory)
        .map_err(|error| StartError::DataDir(directory.clone(), error))?;
    // The log's lock keeps a second process away from everything else too.
    let log = store::open(&config).await?;
    join(config, clock, log)
}

/// Joins the parts of a hub over a log.
pub(crate) fn join(
    config: Config,
    clock: Clock,
    log: Arc<dyn Log>,
) -> Result<Data<Hub>, StartError> {
    let directory = config.data_dir.clone();
    let (present, next) = (config.master_key.as_ref(), config.new_master_key.as_ref());
    let keyring = Keyring::load(&directory, present, next)?;
    let blobs = Blobs::local(&directory.join("blobs"))?;
    let vault = Vault::open(&directory, keyring, blobs)?;
    let views = Views::start(Arc::clone(&log), &directory)?;
    let addresses = &config.platforms.each;
    let addresses = addresses.iter().map(|(id, one)| (id.clone(), one.base_url.clone()));
    let directory = config.platforms.dir.clone();
    let catalogue = Arc::new(Catalogue::open(directory, addresses.collect()));
    let connections = Arc::new(Connections::new(
        Arc::clone(&log),
        Arc::clone(&views),
        Arc::clone(&vault),
        clock.clone(),
        Arc::clone(&catalogue),
    ));
    let counters = Counters::new(Arc::clone(&log), clock.clone(), config.quotas.clone());
    let egress = Egress::new(config.egress.allow.clone())
        .map_err(|error| StartError::Egress(error.to_string()))?;
    let egress = Arc::new(egress);
    let providers = Providers::new(&config.llm, &egress, &clock)?;
    let offline = Arc::new(offline::Offline);
    let providers = Arc::new(providers.with(OFFLINE, "Offline", offline::MODEL, offline));
    let links = builtin::web_tools::Links::new(
        Arc::clone(&log),
        Arc::clone(&vault),
        Arc::clone(&counters),
        config.public_url(),
    );
    let tools = Arc::new(Registry::default());
    let parts = builtin::Parts {
        egress: Arc::clone(&egress),
        log: Arc::clone(&log),
        vault: Arc::clone(&vault),
        links: Arc::clone(&links),
    };
    tools.fill(Source::Hub, builtin::tools(parts))?;
    let lines =
        Arc::new(manifest::Parts::new(egress, Arc::clone(&connections) as _, clock.clone()));
    tools.fill(Source::Platforms, manifest::tools(&catalogue, &lines))?;
    let feed = Arc::new(Feed::default());
    let outside = Arc::new(Outside {
        clock: clock.clone(),
        log: Arc::clone(&log),
        vault: Arc::clone(&vault),
        feed: Arc::clone(&feed),
        tools: Arc::clone(&tools),
        plans: Plans::default(),
        counters: Arc::clone(&counters),
        models: Arc::clone(&providers),
        connections: Arc::clone(&connections),
        offers: Offers::default(),
    });
    let limits = ActorLimits {
        per_entity: config.limits.commands_per_thing,
        in_all: config.limits.commands,
        effects: config.limits.calls,
        idle_after: IDLE_AFTER,
    };
    let actors = Actors::new(Arc::clone(&outside), Arc::clone(&views), limits);
    Ok(Data::new(Hub {
        auth: http::auth::Auth::new(&config, &vault),
        config: Arc::new(config),
        limits: Limits::new(Arc::clone(&log), Arc::clone(&views)),
        rendered: http::workflows::Rendered::new(RENDERED),
        sessions: http::mcp::Sessions::default(),
        metrics: telemetry::Metrics::new()?,
        clock,
        log,
        views,
        vault,
        catalogue,
        connections,
        probe: Arc::clone(&lines) as _,
        lines,
        counters,
        feed,
        providers,
        tools,
        links,
        outside,
        actors,
    }))
}

/// Opens a hub and serves it on a listener.
pub async fn start(
    config: Config,
    clock: Clock,
    listener: TcpListener,
) -> Result<Running, StartError> {
    let hub = open(config, clock).await?;
    let new_key = bootstrap_owner(&hub).await?;
    let address = listener.local_addr().map_err(StartError::Server)?;
    let served = hub.clone();
    let server = HttpServer::new(move || http::app(served.clone()));
    let server = server
        .shutdown_timeout(LAST_REQUESTS_S)
        .disable_signals()
        .listen(listener)
        .map_err(StartError::Server)?
        .run();
    let handle = server.handle();
    let served = actix_rt::spawn(server);
    let resumed = hub.clone();
    actix_rt::spawn(async move {
        if let Err(error) = resume(&resumed).await {
            tracing::error!(%error, "what was unfinished could not be resumed");
        }
    });
    let (catalogue, tools) = (Arc::clone(&hub.catalogue), Arc::clone(&hub.tools));
    let manifests = manifest::keep_up(catalogue, tools, Arc::clone(&hub.lines));
    let manifests = actix_rt::spawn(manifests);
    let key = hub.vault.derived_key(Writing::PURPOSE);
    let (log, clock) = (Arc::clone(&hub.log), hub.clock.clone());
    let checkpoints = Writing::start(log, clock, &key, &hub.config.checkpoints);
    Ok(Running { hub, address, new_key, server: handle, served, checkpoints, manifests })
}

/// Has everything that was unfinished go on, once the read models know all of it.
async fn resume(hub: &Hub) -> Result<(), StartError> {
    hub.views.wait_for(hub.log.head()).await?;
    Ok(hub.actors.resume(&hub.views).await?)
}

impl Running {
    /// Takes no more requests, lets what is under way come to an end, and rests. What does not
    /// come to an end in time is resumed at the next start.
    pub async fn stop(self) -> Result<(), StartError> {
        self.hub.sessions.end();
        self.manifests.abort();
        self.server.stop(true).await;
        self.hub.actors.wind_down(PATIENCE).await;
        self.hub.counters.record_visits().await;
        self.checkpoints.stop().await;
        until_stopped(self.served).await
    }
}

async fn until_stopped(
    served: tokio::task::JoinHandle<std::io::Result<()>>,
) -> Result<(), StartError> {
    served.await.map_err(|error| StartError::Server(error.into()))?.map_err(StartError::Server)
}

/// Serves until the process is told to end (SIGTERM or SIGINT).
pub async fn serve(config: Config) -> Result<(), StartError> {
    telemetry::start(&config.log)?;
    let address = config.listen.clone();
    let listener =
        TcpListener::bind(&address).map_err(|error| StartError::Listen(address, error))?;
    let running = start(config, Clock::system(), listener).await?;
    announce(&running);
    told_to_end().await;
    tracing::info!("stopping");
    running.stop().await
}

/// Speaks the Model Context Protocol with one client over standard input and output, on behalf
/// of an account, until the client ends it. Nothing is served meanwhile, and what was unfinished
/// goes on.
pub async fn speak(config: Config, account: AccountId) -> Result<(), StartError> {
    telemetry::start(&config.log)?;
    let hub = open(config, Clock::system()).await?;
    resume(&hub).await?;
    let spoken = http::mcp::speak(hub.clone(), account).await;
    hub.actors.wind_down(PATIENCE).await;
    hub.counters.record_visits().await;
    Ok(spoken?)
}

/// Says where it listens, and shows a new key the only time it can be seen.
fn announce(running: &Running) {
    let mut said = format!("Arrotech Hub listens on http://{}\n", running.address);
    if let Some(new) = &running.new_key {
        said.push_str("API key of the owner (shown once): ");
        said.push_str(new.key.reveal());
        said.push('\n');
    }
    // Whoever closed the output does not want to know.
    let _ = std::io::stdout().write_all(said.as_bytes());
}

async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
