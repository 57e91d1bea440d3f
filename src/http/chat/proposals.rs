//! What waits for a person: calls to be approved, and calls in doubt.
//!
//! Never here: which calls those are; settings and the decider of conversations say.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hub_events::Class;
use hub_events::conversation::{Command, Resolution};
use hub_events::id::CallId;
use hub_projections::conversations::{self, CallStatus, CallView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::conversations::{find, tell};
use super::rest::{self, settled};
use super::view::{self, CalledTool};
use crate::Hub;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::envelope::{self, Time};
use crate::http::executions::Preference;
use crate::http::idempotency::Idempotency;
use crate::http::path::{Named, PathUuid};
use crate::http::problem::{Answer, Problem};

/// A proposal in a path, which is the call that is proposed.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProposalId(CallId);

impl PathUuid for ProposalId {
    const PLACE: &'static str = "proposal_id";
    fn of(uuid: Uuid) -> Self {
        Self(CallId(uuid))
    }
}

/// A call that waits for a person's approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProposalBody {
    /// The proposal, which is also the call.
    pub id: String,
    /// The conversation.
    pub conversation_id: i64,
    /// The message of a person whose turn asked for it.
    pub turn_id: i64,
    /// The tool.
    pub tool: String,
    /// What it would be called with.
    #[schema(value_type = Object)]
    pub arguments: Value,
    /// What exactly these arguments are approved by.
    pub arguments_hash: String,
    /// `read`, `idempotent`, `keyed` or `at_most_once`.
    #[schema(value_type = Option<String>)]
    pub effect_class: Option<Class>,
    /// The connection through which it would go.
    pub connection_id: Option<i64>,
    /// When it lapses.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Time>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
}

/// A person's answer to a proposal.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ConfirmProposal {
    /// Whether the call is made.
    #[serde(default = "yes")]
    #[schema(nullable = false)]
    pub approve: bool,
    /// The `arguments_hash` of what was shown; the answer counts for nothing else.
    pub arguments_hash: Option<String>,
}

fn yes() -> bool {
    true
}

/// What became of a proposal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmedProposal {
    /// Whether the answer was taken.
    pub success: bool,
    /// The proposal.
    pub proposal_id: String,
    /// `executed`, `failed`, `cancelled`, `in_doubt` or `running`.
    pub status: &'static str,
    /// What the tool answered, or what went wrong.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// The conversation, whose turn goes on.
    pub conversation_id: i64,
}

/// What became of a call in doubt.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResolveDoubt {
    /// `done`: it took effect; `not_done`: it did not. It is not made again by itself.
    pub resolution: Became,
    /// With `done`: the call's result.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
}

/// What somebody says of a call in doubt.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It took effect.
    Done,
    /// It did not.
    NotDone,
}

async fn call(
    hub: &Hub,
    caller: &Caller,
    id: CallId,
    missing: &'static str,
) -> Result<CallView, Problem> {
    hub.read_your_writes().await?;
    let found = hub.views.read(|views| conversations::call(views, id))?;
    found.filter(|call| call.account == caller.account).ok_or_else(|| Problem::not_found(missing))
}

/// Lists the calls that wait for the caller's approval, oldest first.
#[utoipa::path(get, path = "/chat/proposals", tag = "chat", security(("HTTPBearer" = [])),
    responses((status = 200, body = envelope::Success<Vec<ProposalBody>>)))]
pub(super) async fn list_proposals(hub: Data<Hub>, caller: Caller) -> Answer {
    hub.read_your_writes().await?;
    let proposed = hub.views.read(|views| conversations::proposals(views, caller.account))?;
    let mut bodies = Vec::with_capacity(proposed.len());
    for call in proposed {
        bodies.push(ProposalBody {
            id: call.call.to_string(),
            conversation_id: call.conversation.0,
            turn_id: call.turn.0,
            arguments: hub.vault.open_sealed(call.account, &call.arguments).await?,
            tool: call.tool,
            arguments_hash: call.arguments_hash,
            effect_class: call.class,
            connection_id: call.connection.map(|connection| connection.0),
            expires_at: call.expires_at.map(Time),
            created_at: Time(call.asked_at),
        });
    }
    Ok(HttpResponse::Ok().json(envelope::Success::of(bodies)))
}

/// Approves or declines a proposed call, and waits for what comes of it.
#[utoipa::path(post, path = "/chat/proposals/{proposal_id}/confirm", tag = "chat",
    security(("HTTPBearer" = [])), params(("proposal_id" = String, Path)),
    request_body = ConfirmProposal,
    responses((status = 200, body = ConfirmedProposal), (status = 404), (status = 409)))]
pub(super) async fn confirm_proposal(
    hub: Data<Hub>,
    caller: Caller,
    id: Named<ProposalId>,
    request: HttpRequest,
    once: Idempotency,
    body: Body<ConfirmProposal>,
) -> Answer {
    let missing = "Proposal not found";
    let ProposalId(id) = id.0;
    let proposed = call(&hub, &caller, id, missing).await?;
    let before = find(&hub, &caller, proposed.conversation).await?.version;
    let ConfirmProposal { approve, arguments_hash } = body.0;
    if once.earlier(&hub).await?.is_none() {
        let command = if approve {
            let arguments_hash = arguments_hash.unwrap_or(proposed.arguments_hash);
            Command::ApproveCall { call: id, arguments_hash }
        } else {
            Command::DeclineCall { call: id }
        };
        tell(&hub, &caller, proposed.conversation, once.command(), command).await?;
    }
    let now = call(&hub, &caller, id, missing).await?;
    if now.status == CallStatus::Running {
        let wait = Preference::of(&request, hub.config.chat.wait_s.into()).wait();
        let (mut done, mut turn) = (false, rest::Turn::of(now.turn));
        rest::until(&hub, now.conversation, before, wait, |event| {
            turn.take(event);
            done |= settled(event) == Some(id) || turn.over();
            done
        })
        .await?;
    }
    let now = call(&hub, &caller, id, missing).await?;
    let result = view::result(&hub, &now).await?;
    Ok(HttpResponse::Ok().json(ConfirmedProposal {
        success: true,
        proposal_id: id.to_string(),
        status: match now.status {
            CallStatus::Completed => "executed",
            CallStatus::InDoubt => "in_doubt",
            CallStatus::Running | CallStatus::Proposed => "running",
            CallStatus::Declined | CallStatus::Expired | CallStatus::Cancelled => "cancelled",
            CallStatus::Failed | CallStatus::Rejected | CallStatus::Withheld => "failed",
        },
        result,
        conversation_id: now.conversation.0,
    }))
}

/// Says what became of a call in doubt.
#[utoipa::path(post, path = "/chat/calls/{call_id}/resolve", tag = "chat",
    security(("HTTPBearer" = [])), params(("call_id" = String, Path)),
    request_body = ResolveDoubt,
    responses((status = 200, body = envelope::Said<CalledTool>), (status = 404), (status = 409)))]
pub(super) async fn resolve_doubt(
    hub: Data<Hub>,
    caller: Caller,
    id: Named<CallId>,
    once: Idempotency,
    body: Body<ResolveDoubt>,
) -> Answer {
    let missing = "Call not found";
    let doubted = call(&hub, &caller, id.0, missing).await?;
    if once.earlier(&hub).await?.is_none() {
        let resolution = match body.0.resolution {
            Became::NotDone => Resolution::NotDone,
            Became::Done => {
                let result = body.0.result.unwrap_or_else(|| Value::Object(Map::new()));
                Resolution::Done(hub.vault.seal(caller.account, &result).await?)
            }
        };
        let command = Command::ResolveCall { call: id.0, resolution };
        tell(&hub, &caller, doubted.conversation, once.command(), command).await?;
    }
    let call = call(&hub, &caller, id.0, missing).await?;
    let body = CalledTool::open(&hub, &call).await?;
    Ok(HttpResponse::Ok().json(envelope::Said::of("Call resolved", body)))
}
