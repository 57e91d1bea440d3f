//! Ids in paths: what is no number is a fault of the request, what is no id is not found.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use hub_events::id::{CallId, ConversationId, ExecutionId, MessageId, WorkflowId};
use uuid::Uuid;

use super::problem::Problem;

/// An id that can stand in a path.
pub trait PathId: Sized {
    /// The name of its place in the path.
    const PLACE: &'static str;
    /// The id with this number.
    fn of(number: i64) -> Self;
}

impl PathId for WorkflowId {
    const PLACE: &'static str = "workflow_id";
    fn of(number: i64) -> Self {
        Self(number)
    }
}

impl PathId for ExecutionId {
    const PLACE: &'static str = "execution_id";
    fn of(number: i64) -> Self {
        Self(number)
    }
}

impl PathId for ConversationId {
    const PLACE: &'static str = "conversation_id";
    fn of(number: i64) -> Self {
        Self(number)
    }
}

impl PathId for MessageId {
    const PLACE: &'static str = "message_id";
    fn of(number: i64) -> Self {
        Self(number)
    }
}

/// A UUID that can stand in a path.
pub trait PathUuid: Sized {
    /// The name of its place in the path.
    const PLACE: &'static str;
    /// The id that it is.
    fn of(uuid: Uuid) -> Self;
}

impl PathUuid for CallId {
    const PLACE: &'static str = "call_id";
    fn of(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// The UUID in a path.
#[derive(Clone, Copy, Debug)]
pub struct Named<T>(pub T);

/// The id in a path.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

/// A step of the thing in a path.
#[derive(Clone, Copy, Debug)]
pub struct Step<T> {
    /// The thing.
    pub id: T,
    /// The step's number.
    pub number: u32,
}

/// The number at a place of the path. One that is too large for an id names nothing.
fn number(request: &HttpRequest, place: &'static str) -> Result<i64, Problem> {
    let text = request.match_info().get(place).unwrap_or_default();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        let input = Some(text.into());
        return Err(Problem::invalid(&["path", place], "int_parsing", message, input));
    }
    Ok(text.parse().unwrap_or(i64::MAX))
}

impl<T: PathId> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(number(request, T::PLACE).map(|number| Self(T::of(number))))
    }
}

impl<T: PathUuid> FromRequest for Named<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get(T::PLACE).unwrap_or_default();
        ready(Uuid::parse_str(text).map(|uuid| Self(T::of(uuid))).map_err(|_| {
            let message = "Input should be a valid UUID";
            Problem::invalid(&["path", T::PLACE], "uuid_parsing", message, Some(text.into()))
        }))
    }
}

impl<T: PathId> FromRequest for Step<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = number(request, T::PLACE).map(T::of);
        let step = number(request, "step_number");
        ready(id.and_then(|id| {
            let number = u32::try_from(step?).map_err(|_| Problem::not_found("Step not found"))?;
            Ok(Self { id, number })
        }))
    }
}
