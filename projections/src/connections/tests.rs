#![allow(clippy::unwrap_used)]

use hub_events::connection::{Deleted, SecretRotated};
use hub_events::execution::{self, StepStarted};
use hub_events::id::ExecutionId;
use hub_events::recorded::Position;
use rusqlite::Connection as Views;

use super::*;
use crate::testing::{Kept, folded, moment, sealed, started, step_started};

fn created(id: i64, account: i64, platform: &str, status: Status) -> Event {
    Event::Created(Created {
        connection: ConnectionId(id),
        account: AccountId(account),
        platform: platform.to_owned(),
        name: sealed(1),
        status,
        config: sealed(2),
    })
}

fn add(log: &Kept, id: i64, second: i64, events: &[Event]) {
    log.add(&ConnectionId(id).stream(), AccountId(1), second, events);
}

fn changed(status: Status) -> Event {
    Event::Changed(Changed { name: sealed(3), status, config: sealed(4) })
}

const DELETED: Event = Event::Deleted(Deleted {});

/// What of a connection changes with these events since it was made.
#[track_caller]
fn check(since: &[Event], then: (Status, u8, Option<u8>)) {
    let log = Kept::default();
    add(&log, 5, 0, &[created(5, 1, "slack", Status::Active)]);
    for event in since {
        add(&log, 5, 9, std::slice::from_ref(event));
    }
    let generation = folded(&[&Connections], &log);
    let (status, config, error) = then;
    let expected = ConnectionView {
        id: ConnectionId(5),
        account: AccountId(1),
        platform: "slack".to_owned(),
        name: sealed(if config == 4 { 3 } else { 1 }),
        status,
        config: sealed(config),
        error: error.map(sealed),
        created_at: moment(0),
        updated_at: (!since.is_empty()).then(|| moment(9)),
    };
    assert_eq!(get(generation.connection(), ConnectionId(5)).unwrap(), Some(expected));
}

#[test]
fn a_connection_is_shown_as_it_stands() {
    let failed = || Event::Tested(Tested { ok: false, error: Some(sealed(5)) });
    let passed = || Event::Tested(Tested { ok: true, error: None });
    let error =
        || Event::StatusChanged(StatusChanged { status: Status::Error, reason: Some(sealed(6)) });
    let expired = || Event::Expired(Expired { reason: sealed(7) });
    let refreshed = || Event::Refreshed(Refreshed { config: sealed(8), expires_at: None });
    check(&[], (Status::Active, 2, None));
    check(&[failed()], (Status::Error, 2, Some(5)));
    check(&[failed(), passed()], (Status::Active, 2, None));
    check(&[error()], (Status::Error, 2, Some(6)));
    check(&[error(), refreshed()], (Status::Error, 8, Some(6)));
    check(&[expired()], (Status::Expired, 2, Some(7)));
    check(&[expired(), refreshed()], (Status::Active, 8, None));
    let rotated = Event::SecretRotated(SecretRotated {});
    check(&[error(), changed(Status::Active), rotated], (Status::Active, 4, None));
    check(&[error(), changed(Status::Error)], (Status::Error, 4, Some(6)));
    check(&[expired(), changed(Status::Inactive)], (Status::Inactive, 4, None));
}

#[test]
fn an_accounts_connections_are_listed_newest_first_and_chosen_oldest_first() {
    let log = Kept::default();
    for (id, account, second, platform, status) in [
        (3, 1, 0, "slack", Status::Active),
        (1, 1, 1, "slack", Status::Error),
        (2, 1, 1, "slack", Status::Active),
        (4, 1, 2, "github", Status::Active),
        (5, 2, 2, "slack", Status::Active),
        (6, 1, 3, "slack", Status::Active),
    ] {
        add(&log, id, second, &[created(id, account, platform, status)]);
    }
    add(&log, 6, 9, &[DELETED]);
    let generation = folded(&[&Connections], &log);
    let views = generation.connection();
    let listed = list(views, AccountId(1)).unwrap();
    assert_eq!(listed.iter().map(|view| view.id.0).collect::<Vec<_>>(), [4, 2, 1, 3]);
    let of = |account, platform| of_platform(views, AccountId(account), platform).unwrap();
    let (active, error) = (Status::Active, Status::Error);
    let slack = [(3, active), (1, error), (2, active)];
    assert_eq!(of(1, "slack"), slack.map(|(id, status)| (ConnectionId(id), status)));
    assert_eq!(of(1, "stripe"), []);
    assert_eq!(get(views, ConnectionId(6)).unwrap(), None);
    assert_eq!(owner(views, ConnectionId(6)).unwrap(), Some(AccountId(1)));
    assert_eq!(owner(views, ConnectionId(7)).unwrap(), None);
}

#[test]
fn its_history_is_what_happened_to_it_and_what_went_through_it() {
    let log = Kept::default();
    add(&log, 5, 0, &[created(5, 1, "slack", Status::Active)]);
    let through = |connection, step| {
        let connection = Some(ConnectionId(connection));
        execution::Event::StepStarted(StepStarted { connection, ..step_started(step, 1) })
    };
    let none = execution::Event::StepStarted(step_started(3, 1));
    let begun = execution::Event::Started(started(7, 1, 3));
    let run = [begun, through(5, 1), through(6, 2), none];
    log.add(&ExecutionId(7).stream(), AccountId(1), 1, &run);
    add(&log, 5, 2, &[changed(Status::Active), Event::SecretRotated(SecretRotated {}), DELETED]);
    let generation = folded(&[&Connections], &log);
    let views: &Views = generation.connection();

    let whole = usage(views, ConnectionId(5), None, 10).unwrap();
    let told: Vec<_> = whole
        .iter()
        .map(|used| (&*used.event_type, used.stream.as_str(), used.call.is_some()))
        .collect();
    let connection = |event_type| (event_type, "connection-5", false);
    assert_eq!(
        told,
        [
            connection("connection.deleted"),
            connection("connection.secret_rotated"),
            connection("connection.changed"),
            ("execution.step_started", "execution-7", true),
            connection("connection.created"),
        ]
    );
    let call = whole.iter().find_map(|used| used.call);
    assert_eq!(call, Some(step_started(1, 1).call));
    let page = usage(views, ConnectionId(5), Some(whole.get(1).unwrap().position), 2).unwrap();
    assert_eq!(page, whole.get(2..4).unwrap());
    assert_eq!(usage(views, ConnectionId(5), Some(Position(1)), 2).unwrap(), []);
    assert_eq!(usage(views, ConnectionId(6), None, 10).unwrap().len(), 1);
}
