//! What a workflow does with every command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::testing::{Life, epoch, given, sealed};

fn definition(mark: u8, numbers: &[u32]) -> Definition {
    let outline = |number: &u32| StepOutline {
        id: StepId(i64::from(*number)),
        number: *number,
        tool: "set_variables".to_owned(),
    };
    Definition {
        status: Status::Active,
        trigger_type: Trigger::Manual,
        steps: numbers.iter().map(outline).collect(),
        content: sealed(mark),
    }
}

fn made() -> Created {
    let (workflow, account) = (WorkflowId(3), AccountId(1));
    Created { workflow, account, definition: definition(1, &[1, 2]) }
}

fn changed(version: u32, mark: u8) -> Event {
    Event::Changed(Changed { version, definition: definition(mark, &[1]) })
}

fn change(based_on: u32, mark: u8) -> Command {
    Command::Change { based_on, definition: definition(mark, &[1]) }
}

const DELETED: Event = Event::Deleted(Deleted {});

/// What a workflow does, with these events since it was made.
#[track_caller]
fn check(since: &[Event], command: Command, then: Result<&[Event], &str>) {
    let history = std::iter::once(Event::Created(made())).chain(since.iter().cloned());
    let when = given::<Workflow>(history).when(command);
    match then {
        Ok(events) => when.then(events),
        Err(code) => when.then_refused(code),
    };
}

#[test]
fn it_is_made_once() {
    let create = Command::Create(made());
    given::<Workflow>([]).when(create.clone()).then(&[Event::Created(made())]);
    check(&[], create.clone(), Ok(&[]));
    check(&[changed(2, 2)], create.clone(), Ok(&[]));
    // What is gone does not come back because a request was sent twice.
    check(&[DELETED], create, Ok(&[]));
}

#[test]
fn each_change_makes_a_version() {
    check(&[], change(1, 2), Ok(&[changed(2, 2)]));
    check(&[changed(2, 2)], change(2, 3), Ok(&[changed(3, 3)]));
    check(&[changed(2, 2)], change(1, 3), Err("workflow_changed"));
    check(&[], change(2, 2), Err("workflow_changed"));
}

#[test]
fn what_is_not_there_cannot_be_changed_or_deleted() {
    check(&[], Command::Delete, Ok(&[DELETED]));
    for command in [change(1, 2), Command::Delete] {
        check(&[DELETED], command.clone(), Err("workflow_missing"));
        given::<Workflow>([]).when(command).then_refused("workflow_missing");
    }
}

#[test]
fn each_step_has_its_own_number() {
    let repeated = || definition(1, &[1, 2, 1]);
    let create = Command::Create(Created { definition: repeated(), ..made() });
    given::<Workflow>([]).when(create).then_refused("step_numbers_repeated");
    let change = Command::Change { based_on: 1, definition: repeated() };
    check(&[], change, Err("step_numbers_repeated"));
}

#[test]
fn it_shows_what_it_is() {
    let shown = |history: &[Event]| {
        let given = given::<Workflow>(history.iter().cloned());
        let state = given.state();
        (state.account(), state.version(), state.definition().cloned())
    };
    let created = Event::Created(made());
    let owner = Some(AccountId(1));
    assert_eq!(shown(&[]), (None, 0, None));
    assert_eq!(shown(std::slice::from_ref(&created)), (owner, 1, Some(definition(1, &[1, 2]))));
    let second = [created, changed(2, 5)];
    assert_eq!(shown(&second), (owner, 2, Some(definition(5, &[1]))));
    let [created, second] = second;
    assert_eq!(shown(&[created, second, DELETED]), (owner, 2, None));
}

fn any_command() -> impl Strategy<Value = Command> {
    let numbers = prop::collection::vec(0u32..4, 0..4);
    prop_oneof![
        2 => Just(Command::Create(made())),
        8 => (0u32..6, any::<u8>(), numbers).prop_map(|(based_on, mark, numbers)| {
            Command::Change { based_on, definition: definition(mark, &numbers) }
        }),
        1 => Just(Command::Delete),
    ]
}

proptest! {
    /// Versions have no gaps, and each is what was asked for last.
    #[test]
    fn any_life_counts_its_versions(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut life = Life::<Workflow>::default();
        for command in commands {
            let before = life.state().version();
            let Ok(events) = life.when(command.clone(), epoch()) else { continue };
            let after = life.state().version();
            match command {
                Command::Create(_) => {
                    prop_assert_eq!(events.len(), usize::from(before == 0));
                    prop_assert_eq!(life.when(command, epoch()), Ok(vec![]));
                }
                Command::Change { based_on, definition } => {
                    prop_assert_eq!((before, after), (based_on, based_on + 1));
                    prop_assert_eq!(life.state().definition(), Some(&definition));
                }
                Command::Delete => {
                    prop_assert_eq!((after, life.state().definition()), (before, None));
                }
            }
        }
    }
}
