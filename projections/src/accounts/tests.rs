#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::testing::{Kept, folded, moment, sealed};

fn registered(account: i64, index: &str) -> Event {
    Event::Registered(Registered {
        account: AccountId(account),
        email: sealed(1),
        email_index: index.to_owned(),
        name: sealed(2),
        tier: Tier::Free,
        role: Role::Member,
    })
}

fn issued(hash: &str) -> Event {
    Event::KeyIssued(KeyIssued {
        hash: hash.to_owned(),
        prefix: "hub_ab".to_owned(),
        scope: Scope::Read,
        expires_at: Some(moment(50)),
    })
}

fn revoked(hash: &str) -> Event {
    Event::KeyRevoked(KeyRevoked { hash: hash.to_owned() })
}

#[test]
fn an_account_is_found_by_id_and_by_address() {
    let log = Kept::default();
    let tier = Event::TierChanged(TierChanged { tier: Tier::Pro });
    log.add(&AccountId(1).stream(), AccountId(1), 3, &[registered(1, "aa"), tier]);
    log.add(&AccountId(2).stream(), AccountId(2), 4, &[registered(2, "bb")]);
    let generation = folded(&[&Accounts], &log);
    let views = generation.connection();

    let first = by_id(views, AccountId(1)).unwrap().unwrap();
    assert_eq!(
        first,
        AccountView {
            id: AccountId(1),
            email: sealed(1),
            email_index: "aa".to_owned(),
            name: sealed(2),
            tier: Tier::Pro,
            role: Role::Member,
            created_at: moment(3),
        }
    );
    assert_eq!(by_email_index(views, "aa").unwrap(), Some(first.clone()));
    assert_eq!(by_email_index(views, "cc").unwrap(), None);
    assert_eq!(by_id(views, AccountId(3)).unwrap(), None);
    let second = by_id(views, AccountId(2)).unwrap().unwrap();
    assert_eq!(list(views).unwrap(), [first, second]);
}

#[test]
fn a_key_opens_its_account_until_it_is_revoked() {
    let log = Kept::default();
    let events = [registered(1, "aa"), issued("k1"), revoked("k1"), issued("k2")];
    for (event, second) in events.into_iter().zip(0..) {
        log.add(&AccountId(1).stream(), AccountId(1), second, &[event]);
    }
    let generation = folded(&[&Accounts], &log);
    let views = generation.connection();

    assert_eq!(by_key_hash(views, "k1").unwrap(), None);
    assert_eq!(by_key_hash(views, "k3").unwrap(), None);
    let (account, key) = by_key_hash(views, "k2").unwrap().unwrap();
    assert_eq!(account.id, AccountId(1));
    assert_eq!(
        key,
        KeyView {
            hash: "k2".to_owned(),
            prefix: "hub_ab".to_owned(),
            scope: Scope::Read,
            expires_at: Some(moment(50)),
            created_at: moment(3),
            revoked: false,
        }
    );
    let keys = keys_of(views, AccountId(1)).unwrap();
    let keys: Vec<_> = keys.iter().map(|key| (&*key.hash, key.revoked)).collect();
    assert_eq!(keys, [("k1", true), ("k2", false)]);
    assert!(keys_of(views, AccountId(2)).unwrap().is_empty());
}
