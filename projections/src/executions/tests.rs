#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::execution::{
    Cancelled, Doubt, Event, Failed, Resolution, Retried, StepDeferred, StepDoubted, StepFailed,
    StepResolved, StepSkipped, StepSucceeded,
};
use hub_events::id::{AccountId, ExecutionId, StepId, WorkflowId};
use hub_events::recorded::{Position, Version};

use super::*;
use crate::testing::{Kept, folded, moment, sealed, started, step_started, whole_run};

const RUN: ExecutionId = ExecutionId(9);

/// A run of three steps to which this happens, one event a second.
fn run_of(events: &[Event]) -> (ExecutionView, Vec<StepView>) {
    let log = Kept::default();
    log.add(&RUN.stream(), AccountId(1), 0, &[Event::Started(started(9, 1, 3))]);
    for (event, second) in events.iter().zip(1..) {
        log.add(&RUN.stream(), AccountId(1), second, std::slice::from_ref(event));
    }
    let generation = folded(&[&Executions], &log);
    let views = generation.connection();
    let view = get(views, RUN).unwrap().unwrap();
    assert_eq!(view.version, Version(events.len() as u64 + 1));
    assert_eq!(view.position, log.head());
    (view, steps(views, RUN).unwrap())
}

fn failed(step: u32, attempt: u32, retry: Option<i64>) -> Event {
    Event::StepFailed(StepFailed {
        step,
        attempt,
        code: "tool_failed".to_owned(),
        error: sealed(8),
        result: None,
        retry_at: retry.map(moment),
        call: None,
    })
}

fn begin(step: u32, attempt: u32) -> Event {
    Event::StepStarted(step_started(step, attempt))
}

fn done(step: u32) -> Event {
    Event::StepSucceeded(StepSucceeded { step, result: sealed(2) })
}

fn doubted(step: u32) -> Event {
    Event::StepDoubted(StepDoubted { step, doubt: Doubt::Restarted, error: None })
}

fn resolved(step: u32, resolution: Resolution) -> Event {
    Event::StepResolved(StepResolved { step, resolution })
}

fn statuses(steps: &[StepView]) -> Vec<(u32, u32, StepStatus)> {
    steps.iter().map(|step| (step.step_number, step.attempt, step.status)).collect()
}

use StepStatus::{Cancelled as Stopped, Completed as Done, Failed as Broken, *};

#[test]
fn each_try_of_each_step_has_a_row() {
    let fails = |step| Event::Failed(Failed { step });
    let cancel = || Event::Cancelled(Cancelled {});
    let retry = |step| Event::Retried(Retried { step });
    let sleep =
        |step| Event::StepDeferred(StepDeferred { step, until: moment(99), result: sealed(2) });
    let skip = |step| Event::StepSkipped(StepSkipped { step });
    let check = |events: &[Event], status, in_doubt, results: &[u32], expected: &[_]| {
        let (run, steps) = run_of(events);
        assert_eq!(statuses(&steps), expected, "after {events:?}");
        assert_eq!((run.status, run.in_doubt), (status, in_doubt), "after {events:?}");
        let found: Vec<_> = run.results.iter().map(|(step, _)| *step).collect();
        assert_eq!(found, results, "after {events:?}");
    };

    check(&[], Status::Running, false, &[], &[]);
    check(&[begin(1, 1)], Status::Running, false, &[], &[(1, 1, Running)]);
    check(&[begin(1, 1), done(1)], Status::Running, false, &[1], &[(1, 1, Done)]);
    check(&[begin(1, 1), sleep(1)], Status::Running, false, &[], &[(1, 1, Waiting)]);
    check(
        &[skip(1), begin(2, 1)],
        Status::Running,
        false,
        &[],
        &[(1, 1, Skipped), (2, 1, Running)],
    );
    check(
        &[begin(1, 1), failed(1, 1, Some(9)), failed(1, 2, None), fails(1)],
        Status::Failed,
        false,
        &[],
        &[(1, 1, Broken), (1, 2, Broken)],
    );
    check(
        &[failed(1, 1, None), fails(1), retry(1), begin(1, 2), done(1)],
        Status::Running,
        false,
        &[1],
        &[(1, 1, Broken), (1, 2, Done)],
    );
    check(
        &[begin(1, 1), failed(1, 1, Some(9)), skip(1)],
        Status::Running,
        false,
        &[],
        &[(1, 1, Broken), (1, 2, Skipped)],
    );
    check(&[begin(1, 1), cancel()], Status::Cancelled, false, &[], &[(1, 1, Stopped)]);
    check(&[begin(1, 1), cancel(), retry(1)], Status::Running, false, &[], &[(1, 1, Running)]);
    check(
        &[begin(1, 1), sleep(1), cancel(), retry(1)],
        Status::Running,
        false,
        &[],
        &[(1, 1, Waiting)],
    );
    check(&[begin(1, 1), doubted(1)], Status::Running, true, &[], &[(1, 1, InDoubt)]);
    check(&[begin(1, 1), doubted(1), cancel()], Status::Cancelled, true, &[], &[(1, 1, InDoubt)]);
    check(
        &[begin(1, 1), doubted(1), resolved(1, Resolution::Done(sealed(3))), begin(2, 1)],
        Status::Running,
        false,
        &[1],
        &[(1, 1, Done), (2, 1, Running)],
    );
    check(
        &[begin(1, 1), doubted(1), resolved(1, Resolution::Repeat), begin(1, 2), done(1)],
        Status::Running,
        false,
        &[1],
        &[(1, 1, Broken), (1, 2, Done)],
    );
    check(
        &[
            skip(1),
            skip(2),
            begin(3, 1),
            done(3),
            Event::Completed(hub_events::execution::Completed {}),
        ],
        Status::Completed,
        false,
        &[3],
        &[(1, 1, Skipped), (2, 1, Skipped), (3, 1, Done)],
    );
}

#[test]
fn a_failed_run_says_why() {
    let events =
        [begin(1, 1), done(1), begin(2, 1), failed(2, 1, None), Event::Failed(Failed { step: 2 })];
    let (run, steps) = run_of(&events);
    assert_eq!(run.failed_step, Some(2));
    assert_eq!(run.error, Some(sealed(8)));
    assert_eq!(run.completed_at, Some(moment(5)));
    assert_eq!(steps[1].error_code.as_deref(), Some("tool_failed"));
    assert_eq!(steps[1].completed_at, Some(moment(4)));

    let (run, _) = run_of(&[&events[..], &[Event::Retried(Retried { step: 2 })]].concat());
    assert_eq!((run.failed_step, run.error, run.completed_at), (None, None, None));
}

#[test]
fn a_step_shows_what_was_sent_and_what_came_back() {
    let (_, steps) = run_of(&[begin(1, 1), done(1)]);
    let sent = step_started(1, 1);
    assert_eq!(
        steps[0],
        StepView {
            seq: 2,
            step_number: 1,
            step_id: StepId(101),
            tool: "set_variables".to_owned(),
            attempt: 1,
            status: Done,
            call: Some(sent.call),
            class: Some(sent.class),
            arguments: Some(sent.arguments),
            result: Some(sealed(2)),
            error_code: None,
            error: None,
            retry_at: None,
            until: None,
            started_at: moment(1),
            completed_at: Some(moment(2)),
        }
    );
}

#[test]
fn runs_are_listed_newest_first_and_paged_by_where_they_began() {
    let log = Kept::default();
    for (run, account) in [(1, 1), (3, 1), (2, 1), (4, 2)] {
        log.add(&ExecutionId(run).stream(), AccountId(account), run, &whole_run(run, account, 1));
    }
    let generation = folded(&[&Executions], &log);
    let views = generation.connection();
    let ids = |runs: Vec<ExecutionView>| runs.into_iter().map(|run| run.id.0).collect::<Vec<_>>();
    let one = AccountId(1);

    assert_eq!(ids(list(views, one, None, None).unwrap()), [2, 3, 1]);
    let first = list(views, one, None, Some(2)).unwrap();
    let next = list(views, one, first.last().map(|run| run.began), Some(2)).unwrap();
    assert_eq!((ids(first), ids(next)), (vec![2, 3], vec![1]));
    assert_eq!(ids(list_of_workflow(views, AccountId(2), WorkflowId(5), None, None).unwrap()), [4]);
    assert!(list_of_workflow(views, one, WorkflowId(6), None, None).unwrap().is_empty());
    assert!(list(views, one, Some(Position(1)), None).unwrap().is_empty());
    assert_eq!(get(views, ExecutionId(7)).unwrap(), None);
    assert!(steps(views, ExecutionId(7)).unwrap().is_empty());
}
