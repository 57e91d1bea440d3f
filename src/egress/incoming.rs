//! An answer whose body is still on its way.
//!
//! Never here: what the body says.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::{EgressError, shown};

/// What has come in so far: the status and the headers; the body is read piece by piece.
#[derive(Debug)]
pub struct Incoming {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Response,
    place: String,
    max_bytes: usize,
    left: usize,
    silence: Duration,
    deadline: Instant,
}

impl Incoming {
    pub(super) fn new(
        answer: Response,
        url: &Url,
        max_bytes: usize,
        silence: Duration,
        deadline: Instant,
    ) -> Self {
        Self {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer,
            place: shown(url),
            max_bytes,
            left: max_bytes,
            silence,
            deadline,
        }
    }

    /// The next bytes of the body; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        let until = self.deadline.min(Instant::now() + self.silence);
        match tokio::time::timeout_at(until, self.body.chunk()).await {
            Err(_) => Err(EgressError::Silent(self.place.clone())),
            Ok(Err(_)) => Err(EgressError::Unanswered(self.place.clone())),
            Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(chunk))) => match self.left.checked_sub(chunk.len()) {
                None => Err(EgressError::TooLarge(self.place.clone(), self.max_bytes)),
                Some(left) => {
                    self.left = left;
                    Ok(Some(chunk))
                }
            },
        }
    }

    /// All of the body that is still to come.
    pub async fn rest(&mut self) -> Result<Bytes, EgressError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}
