#![allow(clippy::unwrap_used)]

use hub_events::call::{Call, Cancelled, Command};
use hub_events::execution::{Doubt, Failure, Outcome};
use hub_events::{Decider, Effect};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::generation::Generation;
use crate::testing::{Kept, dump, folded, moment, sealed};
use crate::unfinished::{self, Unfinished};

const CALL: CallId = CallId(Uuid::from_u128(3));

fn requested(class: Class) -> Requested {
    Requested {
        call: CALL,
        account: AccountId(1),
        tool: "http_request".to_owned(),
        class,
        connection: Some(ConnectionId(5)),
        timeout_s: 60,
        arguments: sealed(1),
        via: Via::Http,
    }
}

fn failure(unanswered: bool) -> Failure {
    Failure {
        code: "tool_failed".to_owned(),
        error: sealed(8),
        result: Some(sealed(9)),
        retryable: false,
        unanswered,
        retry_after: Some(moment(60)),
    }
}

/// The call after these events, one a second.
fn after(happened: &[Event]) -> CallView {
    let mut views = Generation::in_memory(&[&Calls]);
    let log = Kept::default();
    for (second, event) in (0..).zip(happened) {
        views.record(&log, &CALL.stream(), second, std::slice::from_ref(event));
    }
    get(views.connection(), CALL).unwrap().unwrap()
}

#[test]
fn each_event_shows() {
    let begun = Event::Requested(requested(Class::AtMostOnce));
    let running = after(std::slice::from_ref(&begun));
    assert_eq!((running.status, running.connection), (Status::Running, Some(ConnectionId(5))));
    assert_eq!((running.arguments, running.via), (sealed(1), Via::Http));
    assert_eq!((running.started_at, running.completed_at), (moment(0), None));

    let (until, result) = (moment(90), sealed(2));
    let asleep = Event::Deferred(Deferred { until, result: result.clone() });
    assert_eq!(after(&[begun.clone(), asleep]).until, Some(until));

    let done = after(&[begun.clone(), Event::Succeeded(Succeeded { result: result.clone() })]);
    assert_eq!((done.status, done.result), (Status::Completed, Some(result.clone())));
    assert_eq!((done.completed_at, done.version), (Some(moment(1)), Version(2)));

    let Failure { code, error, result: answer, retry_after, .. } = failure(false);
    let failed = Failed { code: code.clone(), error: error.clone(), result: answer, retry_after };
    let failed = after(&[begun.clone(), Event::Failed(failed)]);
    assert_eq!((failed.status, failed.error_code), (Status::Failed, Some(code)));
    assert_eq!((failed.error, failed.retry_after), (Some(error), Some(moment(60))));

    let doubt = Event::Doubted(Doubted { doubt: Doubt::Restarted, error: None });
    let doubtful = after(&[begun.clone(), doubt.clone()]);
    assert_eq!(doubtful.status, Status::InDoubt);
    assert_eq!(doubtful.error_code.as_deref(), Some("restarted"));
    let resolved = |resolution| Event::Resolved(Resolved { resolution });
    let again = after(&[begun.clone(), doubt.clone(), resolved(Resolution::Repeat)]);
    assert_eq!((again.status, again.error_code), (Status::Running, None));
    let settled = after(&[begun.clone(), doubt, resolved(Resolution::Done(sealed(2)))]);
    assert_eq!((settled.status, settled.result), (Status::Completed, Some(result)));

    let cancelled = after(&[begun, Event::Cancelled(Cancelled {})]);
    assert_eq!((cancelled.status, cancelled.completed_at), (Status::Cancelled, Some(moment(1))));
}

#[test]
fn an_accounts_calls_are_listed_newest_first() {
    let log = Kept::default();
    let id = |number| CallId(Uuid::from_u128(number));
    for (number, account) in [(1, 1), (2, 2), (3, 1), (4, 1)] {
        let account = AccountId(account);
        let requested = Requested { call: id(number), account, ..requested(Class::Read) };
        log.add(&id(number).stream(), account, 0, &[Event::Requested(requested)]);
    }
    let views = folded(&[&Calls], &log);
    let ids = |before, limit| {
        let listed = list(views.connection(), AccountId(1), before, limit);
        listed.unwrap().iter().map(|call| call.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 10), [id(4), id(3), id(1)]);
    assert_eq!(ids(None, 2), [id(4), id(3)]);
    assert_eq!(ids(Some(Position(3)), 2), [id(1)]);
}

fn any_command() -> impl Strategy<Value = Command> {
    let outcome = prop_oneof![
        Just(Outcome::Succeeded(sealed(2))),
        Just(Outcome::Deferred { until: moment(5), result: sealed(2) }),
        any::<bool>().prop_map(|unanswered| Outcome::Failed(failure(unanswered))),
    ];
    let class = prop_oneof![Just(Class::Read), Just(Class::AtMostOnce)];
    let first = proptest::option::weighted(0.2, outcome.clone());
    prop_oneof![
        2 => (class, first).prop_map(|(class, outcome)| {
            Command::Request { requested: requested(class), outcome }
        }),
        2 => outcome.prop_map(|outcome| Command::RecordOutcome { outcome }),
        1 => Just(Command::Wake),
        1 => Just(Command::Cancel),
        1 => Just(Command::Resolve { resolution: Resolution::Repeat }),
        1 => Just(Command::Resolve { resolution: Resolution::Done(sealed(2)) }),
    ]
}

proptest! {
    /// What is unfinished agrees with the call at every moment, and computed anew all is the same.
    #[test]
    fn any_history_is_followed(commands in prop::collection::vec((any_command(), any::<bool>()), 0..16)) {
        let (mut state, log) = (Call::default(), Kept::default());
        let mut views = Generation::in_memory(&[&Calls, &Unfinished]);
        for (second, (command, crash)) in (0..).zip(commands) {
            let mut events = state.decide(command, moment(second)).unwrap_or_default();
            events.iter().for_each(|event| state.evolve(event));
            if crash {
                let found = state.restarted();
                found.iter().for_each(|event| state.evolve(event));
                events.extend(found);
            }
            views.record(&log, &CALL.stream(), second, &events);
            let ready = unfinished::ready(views.connection()).unwrap();
            let due = unfinished::next_due(views.connection()).unwrap();
            let pending = state.pending();
            let under_way = pending.iter().any(|it| it.effect == Effect::CallTool { call: CALL, attempt: 1 });
            prop_assert_eq!(ready.len(), usize::from(under_way));
            prop_assert_eq!(due, pending.iter().find_map(|it| it.due));
            let view = get(views.connection(), CALL).unwrap();
            let in_doubt = view.is_some_and(|view| view.status == Status::InDoubt);
            prop_assert_eq!(in_doubt, state.in_doubt());
        }
        let anew = folded(&[&Calls, &Unfinished], &log);
        prop_assert_eq!(dump(views.connection()).unwrap(), dump(anew.connection()).unwrap());
    }
}
