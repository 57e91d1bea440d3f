//! What a set keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::testing::{Life, epoch, given, sealed};

fn thing(key: u8, mark: u8) -> ItemPut {
    ItemPut { key: key.to_string(), item: sealed(mark), content: Some(sealed(mark)), size: 4 }
}

fn put(key: u8, mark: u8) -> Command {
    Command::Put { put: thing(key, mark), limit: 2 }
}

fn remove(key: u8) -> Command {
    Command::Remove { key: key.to_string() }
}

fn is_put(key: u8, mark: u8) -> Event {
    Event::ItemPut(thing(key, mark))
}

fn removed(key: u8) -> Event {
    Event::ItemRemoved(ItemRemoved { key: key.to_string() })
}

#[track_caller]
fn check(history: &[Event], command: Command, then: Result<&[Event], &str>) {
    let when = given::<Collection>(history.iter().cloned()).when(command);
    match then {
        Ok(events) => when.then(events),
        Err(code) => when.then_refused(code),
    };
}

#[test]
fn things_are_put_in_replaced_and_taken_out() {
    check(&[], put(1, 1), Ok(&[is_put(1, 1)]));
    check(&[is_put(1, 1)], put(1, 1), Ok(&[]));
    check(&[is_put(1, 1)], put(1, 2), Ok(&[is_put(1, 2)]));
    check(&[is_put(1, 1)], remove(1), Ok(&[removed(1)]));
    check(&[is_put(1, 1), removed(1)], remove(1), Err("item_missing"));
    check(&[is_put(1, 1), removed(1)], put(1, 1), Ok(&[is_put(1, 1)]));
    check(&[], remove(1), Err("item_missing"));
}

#[test]
fn a_full_set_takes_nothing_new_but_replaces() {
    let full = [is_put(1, 1), is_put(2, 1)];
    check(&full, put(3, 1), Err("collection_full"));
    check(&full, put(2, 2), Ok(&[is_put(2, 2)]));
    check(&full, put(2, 1), Ok(&[]));
    check(&[is_put(1, 1), is_put(2, 1), removed(1)], put(3, 1), Ok(&[is_put(3, 1)]));
    let (none, nothing) = (Command::Put { put: thing(1, 1), limit: 0 }, &[]);
    check(nothing, none, Err("collection_full"));
}

#[test]
fn what_is_in_it_can_be_found() {
    let given = given::<Collection>([is_put(2, 1), is_put(1, 1), is_put(2, 3)]);
    let things: Vec<_> = given.state().items().cloned().collect();
    assert_eq!(things, [thing(1, 1), thing(2, 3)]);
    assert_eq!(given.state().item("2"), Some(&thing(2, 3)));
    assert_eq!(given.state().item("3"), None);
    assert_eq!(stream(AccountId(7), "files").as_str(), "collection-7.files");
}

proptest! {
    /// It keeps what a map would, within its limit.
    #[test]
    fn it_is_a_map_with_a_limit(
        moves in prop::collection::vec((0u8..5, prop::option::of(0u8..3)), 0..40),
    ) {
        let (mut life, mut map) = (Life::<Collection>::default(), BTreeMap::new());
        for (key, mark) in moves {
            let possible = match mark {
                Some(_) => map.len() < 2 || map.contains_key(&key),
                None => map.contains_key(&key),
            };
            let command = mark.map_or_else(|| remove(key), |mark| put(key, mark));
            prop_assert_eq!(life.when(command.clone(), epoch()).is_ok(), possible);
            if let (Some(mark), true) = (mark, possible) {
                map.insert(key, mark);
                prop_assert_eq!(life.when(command, epoch()), Ok(vec![]));
            } else if possible {
                map.remove(&key);
            }
            let kept: Vec<_> = life.state().items().cloned().collect();
            let expected: Vec<_> = map.iter().map(|(key, mark)| thing(*key, *mark)).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
