//! Workflows: make, list, read, change, delete.

mod draft;
mod view;

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::web::{Bytes, Data, ServiceConfig, delete, get, post, put, resource};
use actix_web::{HttpRequest, HttpResponse};
use hub_events::id::{AccountId, StepId, WorkflowId};
use hub_events::log;
use hub_events::workflow::{Command, Content, Created, Definition, Status, Trigger, Workflow};
use hub_events::{Decider as _, Position};
use hub_projections::workflows::{self, WorkflowView};
use utoipa::OpenApi;

use super::body::Body;
use super::caller::Caller;
use super::envelope;
use super::idempotency::{Earlier, Idempotency};
use super::path::Id;
use super::problem::{Answer, Problem};
use crate::Hub;
use crate::transact::{TransactError, transact, transact_once};

pub use draft::{CreateFromSteps, RetryConfig, StepDraft, UpdateWorkflow};
pub use view::{StepBody, WorkflowBody};

/// How often a change is based on the newest version again when others change it too.
const TRIES: u32 = 8;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/workflows").route(get().to(list_workflows)))
        .service(resource("/workflows/create-from-steps").route(post().to(create_from_steps)))
        .service(
            resource("/workflows/{workflow_id}")
                .route(get().to(get_workflow))
                .route(put().to(update_workflow))
                .route(delete().to(delete_workflow)),
        );
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(
    list_workflows,
    get_workflow,
    create_from_steps,
    update_workflow,
    delete_workflow
))]
pub(super) struct Api;

/// The caller's workflow with this id.
pub(super) async fn find(
    hub: &Hub,
    caller: &Caller,
    id: WorkflowId,
) -> Result<WorkflowView, Problem> {
    hub.read_your_writes().await?;
    let found = hub.views.read(|views| workflows::get(views, id))?;
    found
        .filter(|workflow| workflow.account == caller.account)
        .ok_or_else(|| Problem::not_found("Workflow not found"))
}

/// Lists the caller's workflows, newest first.
#[utoipa::path(get, path = "/workflows/", tag = "workflows", security(("HTTPBearer" = [])),
    responses((status = 200, body = envelope::Success<Vec<WorkflowBody>>)))]
pub(super) async fn list_workflows(hub: Data<Hub>, caller: Caller) -> Answer {
    hub.read_your_writes().await?;
    let account = caller.account;
    let changed = hub.views.changed(Workflow::KIND, account);
    if let Some((at, body)) = hub.rendered.get(&account)
        && at == changed
    {
        return Ok(envelope::rendered(body));
    }
    let mut listed = Vec::new();
    for view in hub.views.read(|views| workflows::list(views, account))? {
        listed.push(WorkflowBody::open(&hub, view).await?);
    }
    let body = envelope::render(&listed)?;
    hub.rendered.insert(account, (changed, body.clone()));
    Ok(envelope::rendered(body))
}

/// Answers already rendered, by account, with the position up to which they are right.
pub type Rendered = moka::sync::Cache<AccountId, (Position, Bytes)>;

/// Reads a workflow.
#[utoipa::path(get, path = "/workflows/{workflow_id}", tag = "workflows",
    security(("HTTPBearer" = [])), params(("workflow_id" = i64, Path)),
    responses((status = 200, body = envelope::Success<WorkflowBody>), (status = 404)))]
pub(super) async fn get_workflow(hub: Data<Hub>, caller: Caller, id: Id<WorkflowId>) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    answer(&hub, view).await
}

/// A workflow, with its version as entity tag.
async fn answer(hub: &Hub, view: WorkflowView) -> Answer {
    let tag = format!("\"{}\"", view.version);
    let body = WorkflowBody::open(hub, view).await?;
    Ok(HttpResponse::Ok().insert_header((ETAG, tag)).json(envelope::Success::of(body)))
}

/// Makes a workflow from its steps; it is active at once.
#[utoipa::path(post, path = "/workflows/create-from-steps", tag = "workflows",
    security(("HTTPBearer" = [])), request_body = CreateFromSteps,
    responses((status = 200, body = envelope::Success<WorkflowBody>), (status = 403)))]
pub(super) async fn create_from_steps(
    hub: Data<Hub>,
    caller: Caller,
    once: Idempotency,
    body: Body<CreateFromSteps>,
) -> Answer {
    let id = match once.earlier(&hub).await? {
        Some(Earlier { stream, .. }) => WorkflowId(stream.number().unwrap_or_default()),
        None => {
            let ids = step_ids(&hub, draft::count_steps(&body.0.steps)?).await?;
            let (trigger, content) = body.0.into_content(ids)?;
            create(&hub, &caller, once.command(), (Status::Active, trigger), content).await?
        }
    };
    let view = find(&hub, &caller, id).await?;
    answer(&hub, view).await
}

/// Makes a workflow with this content.
async fn create(
    hub: &Hub,
    caller: &Caller,
    once: Option<log::Command>,
    (status, trigger_type): (Status, Trigger),
    content: Content,
) -> Result<WorkflowId, Problem> {
    let _room = match status {
        Status::Active => hub.limits.room_for_workflow(caller.account, caller.tier).await?,
        Status::Draft | Status::Inactive | Status::Archived | Status::Paused => None,
    };
    let workflow = WorkflowId(hub.counters.next_id(WorkflowId::KIND).await?);
    let definition = seal(hub, caller.account, status, trigger_type, &content).await?;
    let created = Created { workflow, account: caller.account, definition };
    let (stream, context) = (workflow.stream(), caller.context(&hub.clock));
    let command = Command::Create(created);
    match transact_once::<Workflow>(&hub.log, &stream, command, context, once).await {
        Ok(_) => Ok(workflow),
        // Another request with the same key was quicker.
        Err(TransactError::Append(log::AppendError::Duplicate(before))) => {
            Ok(WorkflowId(before.stream.number().unwrap_or_default()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A definition with its words sealed.
async fn seal(
    hub: &Hub,
    account: AccountId,
    status: Status,
    trigger_type: Trigger,
    content: &Content,
) -> Result<Definition, Problem> {
    let steps = draft::outline(&content.steps);
    let content = hub.vault.seal(account, content).await?;
    Ok(Definition { status, trigger_type, steps, content })
}

async fn step_ids(hub: &Hub, count: usize) -> Result<std::vec::IntoIter<StepId>, Problem> {
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(StepId(hub.counters.next_id(StepId::KIND).await?));
    }
    Ok(ids.into_iter())
}

/// Changes a workflow, which makes its next version. Runs that began with an earlier version go
/// on with it.
#[utoipa::path(put, path = "/workflows/{workflow_id}", tag = "workflows",
    security(("HTTPBearer" = [])), params(("workflow_id" = i64, Path),
    ("If-Match" = Option<String>, Header, description = "Only if this is its version")),
    request_body = UpdateWorkflow,
    responses((status = 200, body = envelope::Success<WorkflowBody>), (status = 404), (status = 412)))]
pub(super) async fn update_workflow(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<WorkflowId>,
    request: HttpRequest,
    body: Body<UpdateWorkflow>,
) -> Answer {
    let wanted = request.headers().get(IF_MATCH).cloned();
    let steps = body.0.steps.as_deref().map_or(Ok(0), draft::count_steps)?;
    let (change, ids) = (body.0, step_ids(&hub, steps).await?.collect::<Vec<_>>());
    for _ in 0..TRIES {
        let view = find(&hub, &caller, id.0).await?;
        let tag = format!("\"{}\"", view.version);
        if wanted.as_ref().is_some_and(|wanted| wanted != "*" && wanted != tag.as_str()) {
            return Err(Problem::precondition("The workflow has another version"));
        }
        match change_to(&hub, &caller, view, &change, &ids).await {
            Ok(()) => {
                let view = find(&hub, &caller, id.0).await?;
                return answer(&hub, view).await;
            }
            Err(NotChanged::Changed) => {}
            Err(NotChanged::Problem(problem)) => return Err(problem),
        }
    }
    Err(Problem::busy("The workflow is being changed by many at once"))
}

/// Why a change did not happen.
enum NotChanged {
    /// Somebody else changed it meanwhile.
    Changed,
    /// It cannot.
    Problem(Problem),
}

impl<E> From<E> for NotChanged
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

async fn change_to(
    hub: &Hub,
    caller: &Caller,
    view: WorkflowView,
    change: &UpdateWorkflow,
    ids: &[StepId],
) -> Result<(), NotChanged> {
    let WorkflowView { id, version, definition, .. } = view;
    let status = change.status.unwrap_or(definition.status);
    let becomes_active = status == Status::Active && definition.status != Status::Active;
    let _room = if becomes_active {
        hub.limits.room_for_workflow(caller.account, caller.tier).await?
    } else {
        None
    };
    let trigger_type = change.trigger_type.unwrap_or(definition.trigger_type);
    let mut content: Content = hub.vault.open_sealed(caller.account, &definition.content).await?;
    change.apply(&mut content, ids.iter().copied())?;
    let definition = seal(hub, caller.account, status, trigger_type, &content).await?;
    let command = Command::Change { based_on: version, definition };
    let context = caller.context(&hub.clock);
    match transact::<Workflow>(&hub.log, &id.stream(), command, context).await {
        Ok(_) => Ok(()),
        Err(TransactError::Refused(refusal)) if refusal.code == "workflow_changed" => {
            Err(NotChanged::Changed)
        }
        Err(error) => Err(error.into()),
    }
}

/// Deletes a workflow. Its history stays in the log, and runs under way go on.
#[utoipa::path(delete, path = "/workflows/{workflow_id}", tag = "workflows",
    security(("HTTPBearer" = [])), params(("workflow_id" = i64, Path)),
    responses((status = 200, body = envelope::Message), (status = 404)))]
pub(super) async fn delete_workflow(hub: Data<Hub>, caller: Caller, id: Id<WorkflowId>) -> Answer {
    let view = find(&hub, &caller, id.0).await?;
    let (stream, context) = (view.id.stream(), caller.context(&hub.clock));
    transact::<Workflow>(&hub.log, &stream, Command::Delete, context).await?;
    Ok(HttpResponse::Ok().json(envelope::Message::of("Workflow deleted successfully")))
}
