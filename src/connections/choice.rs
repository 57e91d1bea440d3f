//! Which connection a call goes through: the one that it names, else the account's oldest.
//!
//! Never here: what is done with it.

use std::collections::BTreeSet;

use hub_events::connection::Status;
use hub_events::id::{AccountId, ConnectionId};
use hub_events::refusal::{Kind, Refusal};
use hub_projections::connections::{self as views, ConnectionView};

use super::{ConnectionError, Connections};

impl Connections {
    /// The connection to a platform through which an account's call goes: the one that it wants,
    /// else the oldest that is active.
    pub async fn choose(
        &self,
        account: AccountId,
        platform: &str,
        wanted: Option<ConnectionId>,
    ) -> Result<ConnectionId, ConnectionError> {
        if let Some(wanted) = wanted {
            let view = self.find(account, wanted).await?;
            return Ok(fits(&view, platform)?);
        }
        self.seen().await?;
        let all = self.views.read(|views| views::of_platform(views, account, platform))?;
        match all.iter().find(|(_, status)| *status == Status::Active) {
            Some((id, _)) => Ok(*id),
            None => Err(self.none_active(platform, &all).into()),
        }
    }

    /// The platforms to which an account has an active connection.
    pub async fn platforms(&self, account: AccountId) -> Result<BTreeSet<String>, ConnectionError> {
        let all = self.list(account).await?.into_iter();
        let active = all.filter(|view| view.status == Status::Active);
        Ok(active.map(|view| view.platform).collect())
    }

    fn none_active(&self, platform: &str, all: &[(ConnectionId, Status)]) -> Refusal {
        let known = self.catalogue.get(platform);
        let name = known.as_ref().map_or(platform, |known| known.manifest().name.as_str());
        let others = all.iter().map(|(id, status)| format!("{id} is {}", word(*status)));
        let others = others.collect::<Vec<_>>().join(", ");
        let detail = match others.as_str() {
            "" => format!("No active {name} connection found"),
            others => format!("No active {name} connection found: connection {others}"),
        };
        Refusal::new(Kind::Conflict, "connection_required", detail)
    }
}

/// The connection, where it leads to this platform and can be used.
fn fits(view: &ConnectionView, platform: &str) -> Result<ConnectionId, Refusal> {
    let ConnectionView { id, status, .. } = view;
    if view.platform != platform {
        let detail = format!("Connection {id} leads to {}, not to {platform}", view.platform);
        return Err(Refusal::new(Kind::Conflict, "connection_mismatch", detail));
    }
    if *status != Status::Active {
        let detail = format!("Connection {id} is not active: it is {}", word(*status));
        return Err(Refusal::new(Kind::Conflict, "connection_not_active", detail));
    }
    Ok(*id)
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Inactive => "inactive",
        Status::Error => "in error",
        Status::Pending => "pending",
        Status::Expired => "expired",
    }
}
