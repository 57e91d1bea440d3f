//! The data directory as commands find it: whether it is there, its log, page by page.
//!
//! Never here: making a data directory. That is what the server does on its first start.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use arrotech_hub::clock::Clock;
use arrotech_hub::config::Config;
use arrotech_hub::vault::{Keyring, Vault};
use arrotech_hub::{Hub, StartError, checkpoints, store};
use hub_events::blob::Blobs;
use hub_events::id::StreamId;
use hub_events::log::{Log, OpenError, ReadError};
use hub_events::{Position, Recorded, Version};

/// The file of the master key in a data directory.
const MASTER_KEY: &str = "master.key";

/// How many events are read at once.
const PAGE: usize = 1_000;

/// Where the log is, for errors; one where there is none.
fn log_of(config: &Config) -> anyhow::Result<PathBuf> {
    let directory = &config.data_dir;
    let shown = directory.display();
    let hint = format!("`hub serve --data-dir {shown}` makes one, `--data-dir` names another");
    if !directory.is_dir() {
        bail!("there is no data directory {shown}; {hint}");
    }
    if config.store.url.is_some() {
        return Ok(directory.clone());
    }
    let log = directory.join(store::FILE);
    if !log.try_exists().with_context(|| format!("{} cannot be read", log.display()))? {
        bail!("there is no log ({}) in the data directory {shown}; {hint}", store::FILE);
    }
    Ok(log)
}

/// Fails where there is no data directory with a log.
pub(super) fn must_be_there(config: &Config) -> anyhow::Result<()> {
    log_of(config).map(drop)
}

/// Opens the log of a data directory for reading, also beside a running server.
pub(super) fn open_for_reading(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    let path = log_of(config)?;
    let opened = runtime()?.block_on(store::open_read_only(config));
    opened.with_context(|| path.display().to_string())
}

/// Opens the log of a data directory as its only owner; a running server forbids it.
pub(super) fn open_alone(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    let path = log_of(config)?;
    runtime()?.block_on(store::open(config)).map_err(|error| match error {
        error @ OpenError::InUse(_) => anyhow::Error::from(error).context("stop the server first"),
        error => anyhow::Error::from(error).context(path.display().to_string()),
    })
}

/// Does something with the parts of a hub that is not served; a running server forbids it.
/// Nothing unfinished is resumed.
pub(super) fn with_hub(
    config: Config,
    f: impl AsyncFnOnce(&Hub) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    log_of(&config)?;
    actix_rt::System::new().block_on(async {
        let hub =
            arrotech_hub::open(config, Clock::system()).await.map_err(|error| match error {
                StartError::Log(OpenError::InUse(_)) => {
                    anyhow::Error::from(error).context("stop the server first, or ask it over HTTP")
                }
                error => error.into(),
            })?;
        hub.read_your_writes().await?;
        f(&hub).await
    })
}

/// The public keys whose checkpoints count: those that are named, and this hub's own, where its
/// master key is there.
pub(super) fn checkpoint_keys(
    config: &Config,
    mut named: Vec<String>,
) -> anyhow::Result<Vec<String>> {
    let directory = &config.data_dir;
    let has_key = config.master_key.is_some() || directory.join(MASTER_KEY).exists();
    if has_key && directory.join("vault.db").exists() {
        let (present, next) = (config.master_key.as_ref(), config.new_master_key.as_ref());
        let keyring = Keyring::load(directory, present, next)?;
        let vault = Vault::open(directory, keyring, Blobs::local(&directory.join("blobs"))?)?;
        named.push(checkpoints::public_key(&vault));
    }
    Ok(named)
}

/// A runtime for one command.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the operating system gives no runtime")
}

/// A log, or one stream of it, page by page.
pub(super) struct Pages {
    log: Arc<dyn Log>,
    stream: Option<StreamId>,
    after: Position,
    version: Version,
}

impl Pages {
    /// The whole log after a position.
    pub(super) fn of_log(log: Arc<dyn Log>, after: Position) -> Self {
        Self { log, stream: None, after, version: Version(0) }
    }

    /// One stream from its beginning.
    pub(super) fn of_stream(log: Arc<dyn Log>, stream: StreamId) -> Self {
        Self { log, stream: Some(stream), after: Position(0), version: Version(0) }
    }

    /// The next events; none at the end, for now. Everything before a damaged event is given
    /// before the error.
    pub(super) async fn next(&mut self) -> Result<Vec<Recorded>, ReadError> {
        let mut limit = PAGE;
        let page = loop {
            let read = match &self.stream {
                Some(stream) => self.log.read_stream(stream, self.version, limit).await,
                None => self.log.read_all(self.after, limit).await,
            };
            match read {
                Err(ReadError::Damaged { .. }) if limit > 1 => limit /= 2,
                read => break read?,
            }
        };
        if let Some(last) = page.last() {
            (self.after, self.version) = (last.position, last.version);
        }
        Ok(page)
    }
}
