//! What becomes of a connection while it is used: tested, failed, renewed, expired.
//!
//! Never here: what its holder changes.

use hub_events::Context;
use hub_events::connection::{Command, Expired, Refreshed, Tested};
use hub_events::id::{AccountId, ConnectionId};
use serde_json::{Map, Value};

use super::{ConnectionError, Connections};
use crate::platforms::sign_in::EXPIRES_AT;

impl Connections {
    /// Puts down what a test of a connection came to.
    pub async fn record_test(
        &self,
        account: AccountId,
        id: ConnectionId,
        outcome: Result<(), String>,
        context: Context,
    ) -> Result<(), ConnectionError> {
        let error = match &outcome {
            Ok(()) => None,
            Err(error) => Some(self.vault.seal(account, error).await?),
        };
        let tested = Tested { ok: outcome.is_ok(), error };
        self.write(id, Command::RecordTest(tested), context, None).await
    }

    /// Puts down that the platform does not accept a connection any more.
    pub async fn record_error(
        &self,
        account: AccountId,
        id: ConnectionId,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        let reason = self.vault.seal(account, &reason.to_owned()).await?;
        self.write(id, Command::RecordError { reason }, self.by_hub(account), None).await
    }

    /// Puts down that the access of a connection ended and that its holder has to sign in again.
    pub async fn record_expired(
        &self,
        account: AccountId,
        id: ConnectionId,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        let reason = self.vault.seal(account, &reason.to_owned()).await?;
        let command = Command::Expire(Expired { reason });
        self.write(id, command, self.by_hub(account), None).await
    }

    /// Keeps what a platform gave out for a connection, such as a new refresh token; durable
    /// when it returns.
    pub async fn keep_learnt(
        &self,
        account: AccountId,
        id: ConnectionId,
        learnt: Map<String, Value>,
    ) -> Result<(), ConnectionError> {
        let _turn = self.turn(id).await;
        let (platform, before) = self.made_of(account, id).await?;
        let expires_at = learnt.get(EXPIRES_AT).and_then(Value::as_str);
        let expires_at = expires_at.and_then(|moment| moment.parse().ok());
        let made = before.and(&platform, learnt);
        let config = self.vault.seal(account, &Value::Object(made.shown)).await?;
        // What was given out stays also where the event cannot be written: the old is spent.
        self.keep(account, id, made.secret).await?;
        let command = Command::RecordRefresh(Refreshed { config, expires_at });
        self.write(id, command, self.by_hub(account), None).await
    }
}
