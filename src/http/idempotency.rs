//! `Idempotency-Key`: the same request twice takes effect once.
//!
//! The key goes into the log with the append that it leads to, so it holds across restarts,
//! and for at least 24 hours.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use hub_events::Version;
use hub_events::id::StreamId;
use hub_events::log::{Command, CommandKey};
use sha2::{Digest as _, Sha256};

use super::body;
use super::caller::Caller;
use super::problem::Problem;
use crate::Hub;

/// The longest key.
const LONGEST: usize = 255;

/// The key of a request, where it has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idempotency(Option<Command>);

/// What a request with the same key did before.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// The stream that it wrote to.
    pub stream: StreamId,
    /// That stream's version after it.
    pub version: Version,
}

impl Idempotency {
    /// What makes an append happen once; none where the client did not ask for it.
    pub fn command(&self) -> Option<Command> {
        self.0
    }

    /// What the same request did before; a fault where the key was used for another.
    pub async fn earlier(&self, hub: &Hub) -> Result<Option<Earlier>, Problem> {
        let Some(command) = self.0 else { return Ok(None) };
        match hub.log.remembered(command.key).await? {
            None => Ok(None),
            Some(before) if before.fingerprint == command.fingerprint => {
                Ok(Some(Earlier { stream: before.stream, version: before.version }))
            }
            Some(_) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request",
            )),
        }
    }
}

impl FromRequest for Idempotency {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let Some(key) = request.headers().get("idempotency-key").cloned() else {
            return Box::pin(std::future::ready(Ok(Self(None))));
        };
        let caller = Caller::from_request(request, payload);
        let body = body::bytes(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let (caller, body) = (caller.await?, body.await?);
            if key.is_empty() || key.len() > LONGEST {
                let detail = "An Idempotency-Key has 1 to 255 characters";
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "idempotency_key_invalid",
                    detail,
                ));
            }
            let mut digest = Sha256::new();
            digest.update(caller.account.0.to_be_bytes());
            for part in [request.method().as_str(), request.path().trim_end_matches('/')] {
                digest.update((part.len() as u32).to_be_bytes());
                digest.update(part);
            }
            digest.update(key.as_bytes());
            let key = CommandKey(digest.finalize().into());
            let fingerprint = Sha256::digest(&body).into();
            Ok(Self(Some(Command { key, fingerprint })))
        })
    }
}
