//! Settings of platforms: the operator's own manifests, and other addresses.
//!
//! Never here: what a manifest means.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

/// Platforms that can be connected. `HUB_PLATFORMS__SLACK__BASE_URL` (in the file:
/// `[platforms.slack]` and `base_url`) puts an address in place of a manifest's own, for a
/// private installation or a test: scheme, host and path together.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct Platforms {
    /// Directory with manifests of your own (`<id>.toml`), which add to those of the hub or
    /// replace them. A file that changes counts within seconds.
    #[schema(value_type = Option<String>)]
    pub dir: Option<PathBuf>,
    /// What is set for one platform, by its id.
    #[serde(flatten)]
    #[schema(ignore)]
    pub each: BTreeMap<String, OnePlatform>,
}

/// What is set for one platform.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OnePlatform {
    /// Its address, in place of the manifest's own.
    pub base_url: Url,
}
