#![allow(clippy::unwrap_used)]

use hub_events::id::StepId;
use hub_events::workflow::{Deleted, Status, StepOutline, Trigger};

use super::*;
use crate::testing::{Kept, folded, moment, sealed};

fn definition(status: Status, content: u8) -> Definition {
    let step = StepOutline { id: StepId(3), number: 1, tool: "set_variables".to_owned() };
    Definition {
        status,
        trigger_type: Trigger::Manual,
        steps: vec![step],
        content: sealed(content),
    }
}

fn created(workflow: i64, account: i64) -> Event {
    Event::Created(Created {
        workflow: WorkflowId(workflow),
        account: AccountId(account),
        definition: definition(Status::Active, 1),
    })
}

fn add(log: &Kept, workflow: i64, second: i64, event: Event) {
    log.add(&WorkflowId(workflow).stream(), AccountId(1), second, &[event]);
}

#[test]
fn a_workflow_is_shown_in_its_present_version_and_keeps_every_other() {
    let log = Kept::default();
    let paused = definition(Status::Paused, 2);
    add(&log, 1, 0, created(1, 1));
    add(&log, 1, 5, Event::Changed(Changed { version: 2, definition: paused.clone() }));
    let generation = folded(&[&Workflows], &log);
    let views = generation.connection();

    assert_eq!(
        get(views, WorkflowId(1)).unwrap(),
        Some(WorkflowView {
            id: WorkflowId(1),
            account: AccountId(1),
            version: 2,
            definition: paused.clone(),
            created_at: moment(0),
            updated_at: Some(moment(5)),
        })
    );
    assert_eq!(version(views, WorkflowId(1), 1).unwrap(), Some(definition(Status::Active, 1)));
    assert_eq!(version(views, WorkflowId(1), 2).unwrap(), Some(paused));
    assert_eq!(version(views, WorkflowId(1), 3).unwrap(), None);
    assert_eq!(count_active(views, AccountId(1)).unwrap(), 0);
}

#[test]
fn a_deleted_workflow_leaves_only_its_versions() {
    let log = Kept::default();
    add(&log, 1, 0, created(1, 1));
    add(&log, 1, 1, Event::Deleted(Deleted {}));
    let generation = folded(&[&Workflows], &log);
    let views = generation.connection();

    assert_eq!(get(views, WorkflowId(1)).unwrap(), None);
    assert!(list(views, AccountId(1)).unwrap().is_empty());
    assert_eq!(count_active(views, AccountId(1)).unwrap(), 0);
    assert!(version(views, WorkflowId(1), 1).unwrap().is_some());
}

#[test]
fn an_accounts_workflows_are_listed_newest_first() {
    let log = Kept::default();
    for (workflow, account, second) in [(2, 1, 0), (1, 1, 0), (3, 1, 7), (4, 2, 8)] {
        add(&log, workflow, second, created(workflow, account));
    }
    let generation = folded(&[&Workflows], &log);
    let views = generation.connection();

    let ids: Vec<_> = list(views, AccountId(1)).unwrap().iter().map(|view| view.id.0).collect();
    assert_eq!(ids, [3, 2, 1]);
    assert_eq!(count_active(views, AccountId(1)).unwrap(), 3);
    assert_eq!(count_active(views, AccountId(2)).unwrap(), 1);
}
