//! The envelopes of answers (contract, section 1.4) and the form of times (1.6).

use std::fmt;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Family A: `{"success": true, "data": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success<T> {
    /// Always true.
    pub success: bool,
    /// What was asked for.
    pub data: T,
}

impl<T> Success<T> {
    /// An answer with this content.
    pub fn of(data: T) -> Self {
        Self { success: true, data }
    }
}

/// Family A with a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Said<T> {
    /// Always true.
    pub success: bool,
    /// What was done, in words.
    pub message: &'static str,
    /// What it is now.
    pub data: T,
}

impl<T> Said<T> {
    /// An answer with this content.
    pub fn of(message: &'static str, data: T) -> Self {
        Self { success: true, message, data }
    }
}

/// Family D without fields: `{"success": true, "message": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// Always true.
    pub success: bool,
    /// What was done, in words.
    pub message: &'static str,
}

impl Done {
    /// An answer with this message.
    pub fn of(message: &'static str) -> Self {
        Self { success: true, message }
    }
}

/// Family E: `{"message": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// What was done, in words.
    pub message: &'static str,
}

impl Message {
    /// An answer with this message.
    pub fn of(message: &'static str) -> Self {
        Self { message }
    }
}

/// Family A as bytes, to be kept and sent again.
pub fn render<T: Serialize>(data: &T) -> Result<Bytes, serde_json::Error> {
    Ok(serde_json::to_vec(&Success { success: true, data })?.into())
}

/// An answer whose body is rendered already.
pub fn rendered(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// A moment as clients see it: ISO 8601 with microseconds and `+00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub DateTime<Utc>);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
