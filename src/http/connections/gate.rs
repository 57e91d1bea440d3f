//! Whether the caller's plan has a platform, and what a client is told where it does not.
//!
//! Never here: which plan has which platform (`limits/platforms.rs`).

use actix_web::http::StatusCode;
use hub_events::account::Tier;
use serde_json::json;

use super::super::problem::Problem;
use crate::Hub;
use crate::limits::platforms::{UpgradeRequired, allowed};

/// A platform that the caller's plan does not have.
pub(super) struct Refused {
    platform: String,
    current: Tier,
    required: Tier,
}

/// Why the caller's plan does not allow a connection to a platform; none where it does.
pub(super) fn refused(hub: &Hub, tier: Tier, platform: &str) -> Option<Refused> {
    let named = hub.catalogue.get(platform).map(|platform| platform.manifest().tier);
    let UpgradeRequired { tier: required } = allowed(tier, platform, named).err()?;
    Some(Refused { platform: platform.to_owned(), current: tier, required })
}

/// The same as a problem.
pub(super) fn allow(hub: &Hub, tier: Tier, platform: &str) -> Result<(), Problem> {
    refused(hub, tier, platform).map_or(Ok(()), |refused| Err(refused.into()))
}

impl Refused {
    /// In words.
    pub(super) fn message(&self) -> String {
        format!("This feature requires {} plan or higher", title(self.required.as_str()))
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = json!({
            "error": "upgrade_required",
            "message": refused.message(),
            "feature": format!("{} integration", title(&refused.platform)),
            "current_tier": title(refused.current.as_str()),
            "required_tier": title(refused.required.as_str()),
            "upgrade_url": "/pricing",
            "status_code": StatusCode::PAYMENT_REQUIRED.as_u16(),
        });
        Problem::new(StatusCode::PAYMENT_REQUIRED, "upgrade_required", detail)
    }
}

/// Words with capitals: `google_workspace` is `Google Workspace`.
fn title(words: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    words.split('_').map(capital).collect::<Vec<_>>().join(" ")
}
