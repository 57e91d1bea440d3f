//! What is asked and answered about connections, in its wire form.
//!
//! Never here: a secret on its way out.

use std::borrow::Cow;

use hub_events::connection::Status;
use hub_projections::connections::{ConnectionView, UseView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, SchemaType};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::super::envelope::Time;
use super::super::problem::Problem;
use crate::connections::Shown;
use crate::connections::probe::Accepted;

/// The most that a connection is made of, as JSON, in bytes.
const LARGEST_CONFIG: usize = 64 * 1024;

/// What a connection is made of, secrets in the clear. Nothing of a body with it is told back.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct ConfigFields(Map<String, Value>);

impl PartialSchema for ConfigFields {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .description(Some("By the names that `config_schema` of the platform gives"))
            .into()
    }
}

impl ToSchema for ConfigFields {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ConfigFields")
    }
}

impl ConfigFields {
    /// The fields, where they are not too many or too large.
    pub(super) fn within_limits(self) -> Result<Map<String, Value>, Problem> {
        if serde_json::to_vec(&self.0)?.len() <= LARGEST_CONFIG {
            return Ok(self.0);
        }
        let message = format!("A configuration has at most {LARGEST_CONFIG} bytes");
        Err(Problem::invalid(&["body", "config"], "too_long", &message, None))
    }
}

/// A connection to be made.
#[derive(Deserialize, ToSchema)]
pub(super) struct CreateConnection {
    /// The platform, by its id.
    pub(super) platform: String,
    /// What people call it.
    #[schema(max_length = 1000)]
    pub(super) name: String,
    /// What it is made of.
    #[schema(inline)]
    pub(super) config: ConfigFields,
}

/// What shall be tried out.
#[derive(Deserialize, ToSchema)]
pub(super) struct TestConnection {
    /// The platform, by its id.
    pub(super) platform: String,
    /// What a connection would be made of.
    #[schema(inline)]
    pub(super) config: ConfigFields,
}

/// What a connection shall be.
#[derive(Deserialize, ToSchema)]
pub(super) struct UpdateConnection {
    /// What people call it.
    #[schema(max_length = 1000)]
    pub(super) name: String,
    /// `active`, `inactive`, `error`, `pending` or `expired`.
    #[schema(value_type = String, pattern = "^(active|inactive|error|pending|expired)$")]
    pub(super) status: Status,
    /// What it is made of; a secret may be given as its mask.
    #[schema(inline)]
    pub(super) config: ConfigFields,
}

/// A connection.
#[derive(Serialize, ToSchema)]
pub(super) struct ConnectionBody {
    id: i64,
    platform: String,
    name: String,
    /// `active`, `inactive`, `error`, `pending` or `expired`.
    #[schema(value_type = String)]
    status: Status,
    /// What it is made of: every key, with a mask in the place of each secret.
    config: Map<String, Value>,
    /// Always null; kept for clients of the original.
    #[schema(value_type = Option<String>)]
    last_sync: (),
    error_message: Option<String>,
    #[schema(value_type = String)]
    created_at: Time,
    #[schema(value_type = Option<String>)]
    updated_at: Option<Time>,
}

impl ConnectionBody {
    /// A connection as its holder sees it.
    pub(super) fn of(view: ConnectionView, shown: Shown) -> Self {
        Self {
            id: view.id.0,
            platform: view.platform,
            name: shown.name,
            status: view.status,
            config: shown.config,
            last_sync: (),
            error_message: shown.error,
            created_at: Time(view.created_at),
            updated_at: view.updated_at.map(Time),
        }
    }
}

/// A connection that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedBody {
    pub(super) id: i64,
    pub(super) platform: String,
    pub(super) name: String,
    #[schema(value_type = String)]
    pub(super) status: Status,
    #[schema(value_type = String)]
    pub(super) created_at: Time,
}

/// A connection that was changed.
#[derive(Serialize, ToSchema)]
pub(super) struct ChangedBody {
    pub(super) id: i64,
    pub(super) platform: String,
    pub(super) name: String,
    #[schema(value_type = String)]
    pub(super) status: Status,
    #[schema(value_type = Option<String>)]
    pub(super) updated_at: Option<Time>,
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum TestResult {
    /// The platform accepted it.
    Accepted {
        /// True.
        success: bool,
        /// In words.
        message: String,
        /// Who is connected, where the platform says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>)]
        data: Option<Value>,
    },
    /// It did not.
    Refused {
        /// False.
        success: bool,
        /// Why.
        error: String,
    },
}

impl TestResult {
    /// What came of a test, in its wire form.
    pub(super) fn of(outcome: Result<Accepted, String>) -> Self {
        match outcome {
            Ok(Accepted { message, data }) => Self::Accepted { success: true, message, data },
            Err(error) => Self::Refused { success: false, error },
        }
    }
}

/// A connection that was tried out.
#[derive(Serialize, ToSchema)]
pub(super) struct TestedBody {
    pub(super) connection_id: i64,
    #[schema(value_type = String)]
    pub(super) status: Status,
    pub(super) test_result: TestResult,
}

/// Something in the history of a connection.
#[derive(Serialize, ToSchema)]
struct UseBody {
    /// Its place among all events; it grows, with gaps.
    position: u64,
    #[schema(value_type = String)]
    at: Time,
    /// To what it happened: the connection, or the run whose call went through it.
    stream: String,
    /// What.
    event_type: String,
    /// Who asked for it: `hub`, or `account:` and its id.
    actor: String,
    /// The request or alarm that everything with this value came from.
    correlation_id: Uuid,
    /// The call that went through it; null where the connection itself changed.
    call_id: Option<Uuid>,
}

/// A page of the history of a connection.
#[derive(Serialize, ToSchema)]
pub(super) struct UsageBody {
    success: bool,
    data: Vec<UseBody>,
    /// For the next page, as `cursor`; null on the last one.
    next_cursor: Option<String>,
}

impl UsageBody {
    /// A page, after which there is more or not.
    pub(super) fn of(uses: Vec<UseView>, more: bool) -> Self {
        let last = uses.last().filter(|_| more);
        let next_cursor = last.map(|last| last.position.to_string());
        let body = |used: UseView| UseBody {
            position: used.position.0,
            at: Time(used.at),
            stream: used.stream.to_string(),
            event_type: used.event_type,
            actor: used.actor.to_string(),
            correlation_id: used.correlation,
            call_id: used.call.map(|call| call.0),
        };
        Self { success: true, data: uses.into_iter().map(body).collect(), next_cursor }
    }
}
