//! All platforms that are known: those in the binary, and above them those in the operator's
//! directory, which are read anew when a file changes.
//!
//! A file that is wrong changes nothing: what was there stays, and the log says why. Never
//! here: what a manifest means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use url::Url;

use super::check::Fault;
use super::platform::Platform;
use crate::config::{Config, Platforms};

/// The manifests in the binary: id and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/platforms.rs"));

type Known = BTreeMap<String, Arc<Platform>>;

/// All platforms.
#[derive(Debug)]
pub struct Catalogue {
    directory: Option<PathBuf>,
    addresses: BTreeMap<String, Url>,
    seen: Mutex<BTreeMap<PathBuf, Seen>>,
    known: RwLock<Known>,
}

/// A file of the operator's as it was last read.
#[derive(Clone, Debug)]
struct Seen {
    stamp: Stamp,
    /// The last that was right.
    platform: Option<Arc<Platform>>,
}

/// What tells that a file has changed: its time and its length.
type Stamp = (Option<SystemTime>, u64);

impl Catalogue {
    /// The platforms in the binary, those of a directory above them, and addresses in place of
    /// manifests' own by id.
    pub fn open(directory: Option<PathBuf>, addresses: BTreeMap<String, Url>) -> Self {
        let seen = Mutex::new(BTreeMap::new());
        let known = RwLock::new(Known::new());
        let catalogue = Self { directory, addresses, seen, known };
        catalogue.assemble(&BTreeMap::new());
        catalogue.refresh();
        for id in catalogue.addresses.keys().filter(|id| catalogue.get(id).is_none()) {
            tracing::warn!(platform = %id, "an address is set for a platform that is not known");
        }
        catalogue
    }

    /// The platforms as the settings say.
    pub fn of(config: &Config) -> Self {
        let Platforms { dir, each } = config.platforms.clone();
        let addresses = each.into_iter().map(|(id, one)| (id, one.base_url));
        Self::open(dir, addresses.collect())
    }

    /// The platforms in the binary alone.
    pub fn embedded() -> Self {
        Self::open(None, BTreeMap::new())
    }

    /// The texts of the manifests in the binary, by id.
    pub fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        EMBEDDED.iter().copied()
    }

    /// The platform of this id.
    pub fn get(&self, id: &str) -> Option<Arc<Platform>> {
        self.known.read().get(id).cloned()
    }

    /// Every platform, by id.
    pub fn all(&self) -> Vec<Arc<Platform>> {
        self.known.read().values().cloned().collect()
    }

    /// Reads the directory's files that have changed; says whether there is anything new.
    pub fn refresh(&self) -> bool {
        let Some(directory) = &self.directory else { return false };
        let files = match listed(directory) {
            Ok(files) => files,
            Err(error) => {
                tracing::warn!(directory = %directory.display(), %error,
                    "the directory of platforms cannot be read");
                return false;
            }
        };
        let mut seen = self.seen.lock();
        let mut changed = seen.len() != files.len();
        seen.retain(|path, _| files.contains_key(path));
        for (path, stamp) in files {
            let before = seen.get(&path);
            if before.is_some_and(|before| before.stamp == stamp) {
                continue;
            }
            let platform = match read(&path) {
                Ok(platform) => Some(Arc::new(platform)),
                Err(why) => {
                    tracing::warn!(file = %path.display(), "a manifest is wrong: {why}");
                    before.and_then(|before| before.platform.clone())
                }
            };
            seen.insert(path, Seen { stamp, platform });
            changed = true;
        }
        if changed {
            self.assemble(&seen);
        }
        changed
    }

    fn assemble(&self, seen: &BTreeMap<PathBuf, Seen>) {
        let mut known = Known::new();
        for (id, text) in EMBEDDED {
            match Platform::read_checked(text) {
                Ok(platform) => self.put(&mut known, platform),
                Err(faults) => tracing::error!(platform = %id, "{}", told(&faults)),
            }
        }
        for platform in seen.values().filter_map(|seen| seen.platform.as_deref()) {
            self.put(&mut known, platform.clone());
        }
        *self.known.write() = known;
    }

    fn put(&self, known: &mut Known, platform: Platform) {
        let id = platform.id().to_owned();
        let platform = platform.at(self.addresses.get(&id).cloned());
        known.insert(id, Arc::new(platform));
    }
}

/// The manifests in a directory.
fn listed(directory: &Path) -> std::io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            // A file that has just gone is none.
            let Ok(about) = path.metadata() else { continue };
            files.insert(path, (about.modified().ok(), about.len()));
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Platform, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let platform = Platform::read(&text).map_err(|faults| told(&faults))?;
    if path.file_stem().is_some_and(|stem| stem == platform.id()) {
        return Ok(platform);
    }
    Err(format!("its `id` is `{}`; a file is named by its id", platform.id()))
}

fn told(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
