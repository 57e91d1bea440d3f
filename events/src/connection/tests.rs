//! What a connection does with every command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::testing::{Life, epoch, given, sealed};

fn made(status: Status) -> Created {
    Created {
        connection: ConnectionId(3),
        account: AccountId(1),
        platform: "slack".to_owned(),
        name: sealed(1),
        status,
        config: sealed(2),
    }
}

fn change(status: Status, rotated: bool) -> Command {
    Command::Change { changed: changed(status), rotated }
}

fn changed(status: Status) -> Changed {
    Changed { name: sealed(3), status, config: sealed(4) }
}

fn tested(ok: bool) -> Tested {
    Tested { ok, error: (!ok).then(|| sealed(5)) }
}

fn refreshed() -> Refreshed {
    Refreshed { config: sealed(6), expires_at: Some(epoch()) }
}

fn expired() -> Expired {
    Expired { reason: sealed(7) }
}

const FAIL: fn() -> Command = || Command::RecordError { reason: sealed(8) };
const FAILED: fn() -> Event = || {
    let (status, reason) = (Status::Error, Some(sealed(8)));
    Event::StatusChanged(StatusChanged { status, reason })
};

const DELETED: Event = Event::Deleted(Deleted {});
const ALL: [Status; 5] =
    [Status::Active, Status::Inactive, Status::Error, Status::Pending, Status::Expired];

/// What a connection of a status does, and what its status is then.
#[track_caller]
fn check(status: Status, command: Command, then: &[Event], after: Status) {
    let given = given::<Connection>([Event::Created(made(status))]).when(command).then(then);
    assert_eq!(given.state().status(), Some(after));
}

#[test]
fn it_is_made_once() {
    let create = Command::Create(made(Status::Active));
    let created = Event::Created(made(Status::Active));
    let given_it =
        given::<Connection>([]).when(create.clone()).then(std::slice::from_ref(&created));
    assert_eq!(given_it.state().account(), Some(AccountId(1)));
    given_it.when(create.clone()).then(&[]);
    given::<Connection>([created, DELETED]).when(create).then(&[]);
}

#[test]
fn its_holder_says_whether_it_is_used() {
    for (from, to) in ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to))) {
        let event = Event::Changed(changed(to));
        check(from, change(to, false), std::slice::from_ref(&event), to);
        let rotated = Event::SecretRotated(SecretRotated {});
        check(from, change(to, true), &[event, rotated], to);
    }
}

#[test]
fn a_test_says_whether_it_can_be_used() {
    for from in ALL {
        for (ok, after) in [(true, Status::Active), (false, Status::Error)] {
            let test = Command::RecordTest(tested(ok));
            check(from, test, &[Event::Tested(tested(ok))], after);
        }
    }
}

#[test]
fn only_one_that_is_used_falls_into_error() {
    check(Status::Active, FAIL(), &[FAILED()], Status::Error);
    for other in [Status::Inactive, Status::Error, Status::Pending, Status::Expired] {
        check(other, FAIL(), &[], other);
    }
}

#[test]
fn it_expires_once_and_comes_back_when_it_is_renewed() {
    let expire = || Command::Expire(expired());
    for from in [Status::Active, Status::Error, Status::Pending] {
        check(from, expire(), &[Event::Expired(expired())], Status::Expired);
    }
    for from in [Status::Inactive, Status::Expired] {
        check(from, expire(), &[], from);
    }
    for from in ALL {
        let after = if from == Status::Expired { Status::Active } else { from };
        let refresh = Command::RecordRefresh(refreshed());
        check(from, refresh, &[Event::Refreshed(refreshed())], after);
    }
}

#[test]
fn what_is_not_there_refuses_everything() {
    let commands = [
        change(Status::Active, true),
        Command::RecordTest(tested(true)),
        FAIL(),
        Command::RecordRefresh(refreshed()),
        Command::Expire(expired()),
        Command::Delete,
    ];
    let created = Event::Created(made(Status::Active));
    let deleted = given::<Connection>([created]).when(Command::Delete).then(&[DELETED]);
    assert_eq!(deleted.state().status(), None);
    for command in commands {
        deleted.clone().when(command.clone()).then_refused("connection_missing");
        given::<Connection>([]).when(command).then_refused("connection_missing");
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let status = || (0..ALL.len()).prop_map(|at| ALL[at]);
    prop_oneof![
        3 => status().prop_map(|status| Command::Create(made(status))),
        4 => (status(), any::<bool>()).prop_map(|(status, rotated)| change(status, rotated)),
        4 => any::<bool>().prop_map(|ok| Command::RecordTest(tested(ok))),
        4 => Just(FAIL()),
        2 => Just(Command::RecordRefresh(refreshed())),
        2 => Just(Command::Expire(expired())),
        1 => Just(Command::Delete),
    ]
}

proptest! {
    /// What is deleted stays so, and nothing happens to it any more.
    #[test]
    fn any_life_ends_with_its_deletion(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut life = Life::<Connection>::default();
        let mut gone = false;
        for command in commands {
            let deletes = command == Command::Delete;
            let decided = life.when(command, epoch());
            prop_assert!(!gone || decided.is_err() || decided == Ok(vec![]));
            gone |= deletes && decided.is_ok();
            prop_assert!(!gone || life.state().status().is_none());
        }
    }
}
