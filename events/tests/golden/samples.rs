//! One event of each type, with everything in it that it can have.

use chrono::{DateTime, TimeDelta, Utc};
use hub_events::blob::BlobId;
use hub_events::fact::Fact;
use hub_events::id::{AccountId, CallId, ExecutionId, StepId, WorkflowId};
use hub_events::sealed::{KeyId, Sealed};
use hub_events::testing::{epoch, sealed};
use hub_events::{
    Class, Position, account, checkpoint, claim, collection, counter, execution, workflow,
};
use uuid::Uuid;

/// A moment with microseconds, as the clock gives them.
fn moment() -> DateTime<Utc> {
    epoch() + TimeDelta::microseconds(1_500_042)
}

fn blob<T>() -> Sealed<T> {
    Sealed::in_blob(KeyId(2), BlobId([0xab; 32]))
}

fn call() -> CallId {
    CallId(Uuid::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab))
}

pub(crate) fn facts() -> Vec<Fact> {
    let executions = executions().into_iter().map(Fact::Execution);
    let workflows = workflows().into_iter().map(Fact::Workflow);
    let accounts = accounts().into_iter().map(Fact::Account);
    executions.chain(workflows).chain(accounts).chain(small()).collect()
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
