//! What an account does with every command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::testing::{Life, epoch, given, sealed};

fn registered() -> Registered {
    Registered {
        account: AccountId(1),
        email: sealed(1),
        email_index: "5f".to_owned(),
        name: sealed(2),
        tier: Tier::Free,
        role: Role::Member,
    }
}

fn key(number: u8) -> KeyIssued {
    let (hash, prefix) = (number.to_string(), "hub_".to_owned());
    KeyIssued { hash, prefix, scope: Scope::Full, expires_at: Some(epoch()) }
}

fn issue(number: u8, replacing: bool) -> Command {
    Command::IssueKey { key: key(number), replacing }
}

fn revoke(number: u8) -> Command {
    Command::RevokeKey { hash: number.to_string() }
}

fn issued(number: u8) -> Event {
    Event::KeyIssued(key(number))
}

fn revoked(number: u8) -> Event {
    Event::KeyRevoked(KeyRevoked { hash: number.to_string() })
}

fn tier_changed(tier: Tier) -> Event {
    Event::TierChanged(TierChanged { tier })
}

/// What an open account does, with these events since it was opened.
#[track_caller]
fn check(since: &[Event], command: Command, then: Result<&[Event], &str>) {
    let history = std::iter::once(Event::Registered(registered())).chain(since.iter().cloned());
    let when = given::<Account>(history).when(command);
    match then {
        Ok(events) => when.then(events),
        Err(code) => when.then_refused(code),
    };
}

#[test]
fn it_is_opened_once() {
    let opening = Command::Register(registered());
    let open = given::<Account>([]).when(opening.clone());
    let open = open.then(&[Event::Registered(registered())]);
    assert_eq!(open.state().tier(), Some(Tier::Free));
    open.when(opening).then(&[]);
}

#[test]
fn before_that_there_is_no_account() {
    assert_eq!(Account::default().tier(), None);
    for command in [Command::ChangeTier(Tier::Pro), issue(1, false), revoke(1)] {
        given::<Account>([]).when(command).then_refused("account_missing");
    }
}

#[test]
fn its_plan_changes() {
    let pro = || [tier_changed(Tier::Pro)];
    check(&[], Command::ChangeTier(Tier::Pro), Ok(&pro()));
    check(&[], Command::ChangeTier(Tier::Free), Ok(&[]));
    check(&pro(), Command::ChangeTier(Tier::Pro), Ok(&[]));
    check(&pro(), Command::ChangeTier(Tier::Free), Ok(&[tier_changed(Tier::Free)]));
}

#[test]
fn keys_come_and_go() {
    check(&[], issue(1, false), Ok(&[issued(1)]));
    check(&[issued(1)], issue(1, false), Ok(&[]));
    check(&[issued(1)], issue(2, false), Ok(&[issued(2)]));
    check(&[issued(1), issued(2)], revoke(1), Ok(&[revoked(1)]));
    check(&[issued(1), revoked(1)], revoke(1), Err("key_missing"));
    check(&[], revoke(1), Err("key_missing"));
}

#[test]
fn a_key_can_take_the_place_of_all_others() {
    let both = [issued(1), issued(2)];
    check(&both, issue(3, true), Ok(&[revoked(1), revoked(2), issued(3)]));
    check(&[], issue(1, true), Ok(&[issued(1)]));
    check(&both, issue(2, true), Ok(&[]));
}

#[test]
fn a_plan_has_one_name() {
    for tier in Tier::ALL {
        assert_eq!(tier.as_str().parse::<Tier>().unwrap(), tier);
        assert_eq!(serde_json::to_value(tier).unwrap(), tier.as_str());
    }
    assert!("Free".parse::<Tier>().is_err());
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => Just(Command::Register(registered())),
        2 => select(Tier::ALL.to_vec()).prop_map(Command::ChangeTier),
        4 => (0u8..4, any::<bool>()).prop_map(|(number, replacing)| issue(number, replacing)),
        3 => (0u8..4).prop_map(revoke),
    ]
}

proptest! {
    /// Keys are issued only where they are not there, and revoked only where they are.
    #[test]
    fn any_life_keeps_its_keys_apart(commands in prop::collection::vec(any_command(), 0..40)) {
        let (mut life, mut keys) = (Life::<Account>::default(), BTreeSet::new());
        for command in commands {
            let Ok(events) = life.when(command.clone(), epoch()) else { continue };
            for event in events {
                match event {
                    Event::KeyIssued(key) => prop_assert!(keys.insert(key.hash)),
                    Event::KeyRevoked(key) => prop_assert!(keys.remove(&key.hash)),
                    Event::Registered(_) | Event::TierChanged(_) => {}
                }
            }
            if !matches!(command, Command::RevokeKey { .. }) {
                prop_assert_eq!(life.when(command, epoch()), Ok(vec![]));
            }
        }
    }
}
