//! Which engine keeps the log, as the settings say.
//!
//! Never here: what is in the log.

use std::sync::Arc;

#[cfg(feature = "kurrentdb")]
use hub_events::log::kurrentdb::KurrentDb;
use hub_events::log::sqlite::Sqlite;
use hub_events::log::{Log, OpenError};

use crate::config::Config;

/// The file of the embedded log in a data directory.
pub const FILE: &str = "hub.db";

/// The file whose lock keeps a second hub away from a data directory, whatever engine there is.
#[cfg(feature = "kurrentdb")]
const LOCK: &str = "hub.lock";

/// Opens the log as its only owner, and makes it where there is none.
pub async fn open(config: &Config) -> Result<Arc<dyn Log>, OpenError> {
    match &config.store.url {
        None => Ok(Sqlite::open(&config.data_dir.join(FILE))?),
        #[cfg(feature = "kurrentdb")]
        Some(url) => {
            let (prefix, lock) = (&config.store.prefix, config.data_dir.join(LOCK));
            Ok(KurrentDb::open(url.reveal(), prefix, &lock).await?)
        }
        #[cfg(not(feature = "kurrentdb"))]
        Some(_) => Err(not_built()),
    }
}

/// Opens the log for reading only, also beside a running hub.
pub async fn open_read_only(config: &Config) -> Result<Arc<dyn Log>, OpenError> {
    match &config.store.url {
        None => Ok(Sqlite::open_read_only(&config.data_dir.join(FILE))?),
        #[cfg(feature = "kurrentdb")]
        Some(url) => Ok(KurrentDb::open_read_only(url.reveal(), &config.store.prefix).await?),
        #[cfg(not(feature = "kurrentdb"))]
        Some(_) => Err(not_built()),
    }
}

#[cfg(not(feature = "kurrentdb"))]
fn not_built() -> OpenError {
    OpenError::Engine("this build was made without the feature `kurrentdb`".into())
}
