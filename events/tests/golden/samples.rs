//! One event of each type, with everything in it that it can have.

use chrono::{DateTime, TimeDelta, Utc};
use hub_events::blob::BlobId;
use hub_events::fact::Fact;
use hub_events::id::{AccountId, CallId, ConnectionId, ExecutionId, StepId, WorkflowId};
use hub_events::sealed::{KeyId, Sealed};
use hub_events::testing::{epoch, sealed};
use hub_events::{
    Class, Position, account, call as direct, checkpoint, claim, collection, connection, counter,
    execution, workflow,
};
use uuid::Uuid;

/// A moment with microseconds, as the clock gives them.
pub(crate) fn moment() -> DateTime<Utc> {
    epoch() + TimeDelta::microseconds(1_500_042)
}

pub(crate) fn blob<T>() -> Sealed<T> {
    Sealed::in_blob(KeyId(2), BlobId([0xab; 32]))
}

pub(crate) fn call() -> CallId {
    CallId(Uuid::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab))
}

pub(crate) fn facts() -> Vec<Fact> {
    let executions = executions().into_iter().map(Fact::Execution);
    let calls = calls().into_iter().map(Fact::Call);
    let workflows = workflows().into_iter().map(Fact::Workflow);
    let accounts = accounts().into_iter().map(Fact::Account);
    let connections = connections().into_iter().map(Fact::Connection);
    let conversations = crate::conversations::events().into_iter().map(Fact::Conversation);
    let large = executions.chain(calls).chain(workflows).chain(accounts).chain(connections);
    large.chain(small()).chain(conversations).collect()
}

fn executions() -> Vec<execution::Event> {
    use execution::*;
    let step = 1;
    let plan = vec![PlannedStep {
        id: StepId(11),
        number: 1,
        tool: "http_request".to_owned(),
        max_retries: 3,
        retry_delay_ms: 5_000,
        timeout_s: 30,
    }];
    vec![
        Event::Started(Started {
            execution: ExecutionId(7),
            account: AccountId(1),
            workflow: WorkflowId(3),
            workflow_version: 2,
            trigger: "manual".to_owned(),
            plan,
            input: sealed(1),
        }),
        Event::StepSkipped(StepSkipped { step }),
        Event::StepStarted(StepStarted {
            step,
            attempt: 2,
            call: call(),
            class: Class::Keyed,
            connection: None,
            arguments: sealed(2),
        }),
        Event::StepDeferred(StepDeferred { step, until: moment(), result: sealed(3) }),
        Event::StepSucceeded(StepSucceeded { step, result: blob() }),
        Event::StepFailed(StepFailed {
            step,
            attempt: 2,
            code: "timeout".to_owned(),
            error: sealed(4),
            result: Some(sealed(5)),
            retry_at: Some(moment()),
            call: Some(call()),
        }),
        Event::StepDoubted(StepDoubted { step, doubt: Doubt::Unanswered, error: Some(sealed(6)) }),
        Event::StepResolved(StepResolved { step, resolution: Resolution::Done(sealed(7)) }),
        Event::Completed(Completed {}),
        Event::Failed(Failed { step }),
        Event::Cancelled(Cancelled {}),
        Event::Retried(Retried { step }),
    ]
}

fn calls() -> Vec<direct::Event> {
    use direct::*;
    use execution::{Doubt, Resolution};
    vec![
        Event::Requested(Requested {
            call: call(),
            account: AccountId(1),
            tool: "http_request".to_owned(),
            class: Class::AtMostOnce,
            connection: Some(ConnectionId(5)),
            timeout_s: 60,
            arguments: sealed(1),
            via: Via::Http,
        }),
        Event::Deferred(Deferred { until: moment(), result: sealed(2) }),
        Event::Succeeded(Succeeded { result: blob() }),
        Event::Failed(Failed {
            code: "tool_failed".to_owned(),
            error: sealed(3),
            result: Some(sealed(4)),
            retry_after: Some(moment()),
        }),
        Event::Doubted(Doubted { doubt: Doubt::Unanswered, error: Some(sealed(5)) }),
        Event::Resolved(Resolved { resolution: Resolution::Done(sealed(6)) }),
        Event::Cancelled(Cancelled {}),
    ]
}

fn workflows() -> Vec<workflow::Event> {
    use workflow::*;
    let outline = StepOutline { id: StepId(11), number: 1, tool: "http_request".to_owned() };
    let definition = Definition {
        status: Status::Active,
        trigger_type: Trigger::Scheduled,
        steps: vec![outline],
        content: sealed(1),
    };
    vec![
        Event::Created(Created {
            workflow: WorkflowId(3),
            account: AccountId(1),
            definition: definition.clone(),
        }),
        Event::Changed(Changed { version: 2, definition }),
        Event::Deleted(Deleted {}),
    ]
}

fn accounts() -> Vec<account::Event> {
    use account::*;
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned();
    vec![
        Event::Registered(Registered {
            account: AccountId(1),
            email: sealed(1),
            email_index: "5f3c".to_owned(),
            name: sealed(2),
            tier: Tier::Enterprise,
            role: Role::Owner,
        }),
        Event::TierChanged(TierChanged { tier: Tier::Pro }),
        Event::KeyIssued(KeyIssued {
            hash: hash.clone(),
            prefix: "hub_9f86".to_owned(),
            scope: Scope::Read,
            expires_at: Some(moment()),
        }),
        Event::KeyRevoked(KeyRevoked { hash }),
    ]
}

fn connections() -> Vec<connection::Event> {
    use connection::*;
    let status = Status::Active;
    vec![
        Event::Created(Created {
            connection: ConnectionId(5),
            account: AccountId(1),
            platform: "slack".to_owned(),
            name: sealed(1),
            status,
            config: sealed(2),
        }),
        Event::Changed(Changed { name: sealed(3), status, config: sealed(4) }),
        Event::SecretRotated(SecretRotated {}),
        Event::Tested(Tested { ok: false, error: Some(sealed(5)) }),
        Event::StatusChanged(StatusChanged { status: Status::Error, reason: Some(sealed(6)) }),
        Event::Refreshed(Refreshed { config: sealed(7), expires_at: Some(moment()) }),
        Event::Expired(Expired { reason: sealed(8) }),
        Event::Deleted(Deleted {}),
    ]
}

fn small() -> Vec<Fact> {
    let key = "5f3c".to_owned();
    let put = collection::ItemPut {
        key: key.clone(),
        item: sealed(1),
        content: Some(blob()),
        size: 70_000,
    };
    vec![
        Fact::Collection(collection::Event::ItemPut(put)),
        Fact::Collection(collection::Event::ItemRemoved(collection::ItemRemoved { key })),
        Fact::Counter(counter::Event::BlockTaken(counter::BlockTaken { first: 101, last: 200 })),
        Fact::Claim(claim::Event::Made(claim::Made { account: AccountId(1) })),
        Fact::Checkpoint(checkpoint::Event::Signed(checkpoint::Signed {
            after: Position(10),
            up_to: Position(20),
            streams: 3,
            root: "ab".repeat(32),
            public_key: "cd".repeat(32),
            signature: "ef".repeat(64),
        })),
    ]
}
