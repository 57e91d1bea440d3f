//! What holds for any run under any sequence of commands, sensible or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::*;
use crate::testing::Life;

/// Something that happens around a run.
#[derive(Clone, Debug)]
enum Move {
    /// The first pending effect is carried out, and comes back like this.
    Carry(Comeback),
    /// A command comes in that nobody waits for.
    Ask(Command),
    /// Time passes, in milliseconds.
    Wait(i64),
    /// The hub crashes and finds the run unfinished.
    Crash,
}

#[derive(Clone, Debug)]
enum Comeback {
    Skipped,
    Rejected(Failure),
    Started(u128, Class, Option<Outcome>),
    Came(Outcome),
}

fn any_class() -> impl Strategy<Value = Class> {
    select(vec![Read, Idempotent, Keyed, AtMostOnce])
}

fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
    (-100i64..10_000).prop_map(at)
}

fn any_failure() -> impl Strategy<Value = Failure> {
    let flags = (prop::bool::weighted(0.8), any::<bool>());
    (flags, option::of(any::<u8>().prop_map(sealed)), option::of(any_moment())).prop_map(
        |((retryable, unanswered), result, retry_after)| Failure {
            result,
            retry_after,
            ..failure(retryable, unanswered)
        },
    )
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        2 => any::<u8>().prop_map(|mark| Outcome::Succeeded(sealed(mark))),
        1 => (any_moment(), any::<u8>())
            .prop_map(|(until, mark)| Outcome::Deferred { until, result: sealed(mark) }),
        3 => any_failure().prop_map(Outcome::Failed),
    ]
}

fn any_begin() -> impl Strategy<Value = Started> {
    let step = (0u32..4, 0u32..4, select(vec![0, 1_000, u64::MAX]));
    (7i64..9, prop::collection::vec(step, 0..4)).prop_map(|(execution, steps)| {
        let numbers: Vec<_> = steps.iter().map(|(number, ..)| *number).collect();
        let mut started = Started { execution: ExecutionId(execution), ..run(&numbers) };
        for (planned, (_, max_retries, delay)) in started.plan.iter_mut().zip(steps) {
            (planned.max_retries, planned.retry_delay_ms) = (max_retries, delay);
        }
        started
    })
}

fn any_command() -> impl Strategy<Value = Command> {
    let tried = (0u32..4, 0u32..5);
    let result = any::<u8>().prop_map(|mark| Resolution::Done(sealed(mark)));
    let resolution = prop_oneof![result, Just(Resolution::Repeat)];
    prop_oneof![
        1 => any_begin().prop_map(Command::Begin),
        1 => tried.clone().prop_map(|(step, attempt)| Command::SkipStep { step, attempt }),
        1 => (tried.clone(), any_class(), option::of(any_outcome())).prop_map(
            |((step, attempt), class, outcome)| Command::StartStep {
                started: try_of(step, attempt, class),
                outcome,
            }
        ),
        1 => (tried.clone(), any_failure()).prop_map(
            |((step, attempt), failure)| Command::RejectStep { step, attempt, failure }
        ),
        1 => (tried, any_outcome()).prop_map(
            |((step, attempt), outcome)| Command::RecordOutcome { step, attempt, outcome }
        ),
        1 => (0u32..4).prop_map(|step| Command::WakeStep { step }),
        1 => Just(Command::Cancel),
        3 => Just(Command::Retry),
        3 => (0u32..4, resolution)
            .prop_map(|(step, resolution)| Command::ResolveStep { step, resolution }),
    ]
}

fn any_move() -> impl Strategy<Value = Move> {
    let started = (2u128..1_000, any_class(), option::weighted(0.2, any_outcome()));
    let comeback = prop_oneof![
        1 => Just(Comeback::Skipped),
        1 => any_failure().prop_map(Comeback::Rejected),
        5 => started.prop_map(|(call, class, outcome)| Comeback::Started(call, class, outcome)),
        5 => any_outcome().prop_map(Comeback::Came),
    ];
    prop_oneof![
        6 => comeback.prop_map(Move::Carry),
        4 => any_command().prop_map(Move::Ask),
        1 => (0i64..5_000_000).prop_map(Move::Wait),
        1 => Just(Move::Crash),
    ]
}

/// The command with which this effect comes back; none where it comes back otherwise.
fn comeback(effect: &Effect, comeback: Comeback) -> Option<Command> {
    match (effect.clone(), comeback) {
        (Effect::Prepare { step, attempt }, Comeback::Skipped) => {
            Some(Command::SkipStep { step, attempt })
        }
        (Effect::Prepare { step, attempt }, Comeback::Rejected(failure)) => {
            Some(Command::RejectStep { step, attempt, failure })
        }
        (Effect::Prepare { step, attempt }, Comeback::Started(name, class, outcome)) => {
            let started = StepStarted { call: call(name), ..try_of(step, attempt, class) };
            Some(Command::StartStep { started, outcome })
        }
        (Effect::Call { step, attempt }, Comeback::Came(outcome)) => {
            Some(Command::RecordOutcome { step, attempt, outcome })
        }
        (Effect::Wake { step }, _) => Some(Command::WakeStep { step }),
        _ => None,
    }
}

/// What is known of a run from its commands and events alone.
#[derive(Debug, Default)]
struct Witness {
    /// The tries of the present step since a person last had it go on.
    tries: BTreeSet<u32>,
    /// The call under way.
    under_way: Option<(CallId, Class)>,
    /// A keyed call that may have taken effect, and must keep its name.
    unsettled: Option<CallId>,
    /// Whether a call is in doubt.
    in_doubt: bool,
}

impl Witness {
    /// Holds an event against what happened before it.
    fn see(&mut self, before: &Execution, event: &Event, unanswered: bool) {
        match event {
            Event::StepStarted(started) => {
                assert!(!self.in_doubt, "a try began while the one before was in doubt");
                if let Some(call) = self.unsettled {
                    assert!(started.class.repeatable(), "what may have happened was repeated");
                    assert_eq!(started.call, call, "a call was made again under another name");
                }
                self.tries.insert(started.attempt);
                self.under_way = Some((started.call, started.class));
            }
            Event::StepFailed(failed) => {
                self.tries.insert(failed.attempt);
                let under_way = self.under_way.take();
                let keyed = under_way.filter(|(_, class)| unanswered && *class == Keyed);
                self.unsettled = keyed.map(|(call, _)| call).or(self.unsettled);
            }
            Event::StepDoubted(_) => (self.in_doubt, self.under_way) = (true, None),
            Event::StepSkipped(_) | Event::StepSucceeded(_) => *self = Self::default(),
            Event::StepResolved(_) => {
                assert!(self.in_doubt, "a doubt was settled that nobody had");
                *self = Self::default();
            }
            Event::Retried(_) => {
                self.tries.clear();
                // What was under way when it was cancelled is sent a second time.
                let keyed = self.under_way.filter(|(_, class)| *class == Keyed);
                self.unsettled = keyed.map(|(call, _)| call).or(self.unsettled);
            }
            Event::StepDeferred(_) => self.under_way = None,
            Event::Cancelled(_) => {
                let once = matches!(self.under_way, Some((_, AtMostOnce)));
                assert!(!once, "cancelled with a call under way, and no doubt");
            }
            Event::Started(_) | Event::Completed(_) | Event::Failed(_) => {}
        }
        if let Some(step) = before.current() {
            let most = step.max_retries as usize + 1;
            assert!(self.tries.len() <= most, "{} tries of {most}", self.tries.len());
        }
    }

    /// A crash: a keyed call under way may have been sent.
    fn crash(&mut self) {
        let keyed = self.under_way.filter(|(_, class)| *class == Keyed);
        self.unsettled = keyed.map(|(call, _)| call).or(self.unsettled);
    }
}

/// What holds in every state.
fn check_state(state: &Execution) {
    let pending = state.pending();
    assert!(pending.len() <= 1, "more than one thing pending: {pending:?}");
    if state.status() == Status::Running {
        assert_eq!(pending.is_empty(), state.in_doubt(), "stands still without a doubt");
    } else {
        assert!(pending.is_empty(), "{:?}, and yet pending: {pending:?}", state.status());
    }
    if state.status() == Status::Completed {
        assert!(state.current().is_none() && !state.in_doubt());
    }
}

/// What holds between a state and the next.
fn check_step(before: &Execution, after: &Execution, human: bool) {
    let (old, new) = (before.results(), after.results());
    assert_eq!(new.get(..old.len()), Some(old), "a result was lost");
    match before.status() {
        Status::Completed => assert_eq!(after.status(), Status::Completed),
        Status::Failed | Status::Cancelled => {
            assert!(human || after.status() == before.status(), "moved by itself");
        }
        Status::Pending | Status::Running => {}
    }
}

/// Whether a command carries an id, so that its repetition decides to nothing.
fn carries_id(command: &Command) -> bool {
    match command {
        Command::Begin(_)
        | Command::SkipStep { .. }
        | Command::StartStep { .. }
        | Command::RejectStep { .. }
        | Command::RecordOutcome { .. }
        | Command::WakeStep { .. }
        | Command::Cancel => true,
        Command::Retry | Command::ResolveStep { .. } => false,
    }
}

fn is_unanswered(command: &Command) -> bool {
    matches!(
        command,
        Command::RecordOutcome { outcome: Outcome::Failed(failure), .. }
        | Command::StartStep { outcome: Some(Outcome::Failed(failure)), .. }
            if failure.unanswered
    )
}

fn ask(life: &mut Life<Execution>, witness: &mut Witness, command: Command, at: DateTime<Utc>) {
    let mut before = life.state().clone();
    let Ok(events) = life.when(command.clone(), at) else { return };
    check_step(&before, life.state(), command == Command::Retry);
    for event in &events {
        witness.see(&before, event, is_unanswered(&command));
        before.evolve(event);
    }
    if carries_id(&command) {
        assert_eq!(life.when(command, at), Ok(vec![]), "the same command again");
    }
}

fn crash(life: &mut Life<Execution>, witness: &mut Witness) {
    witness.crash();
    let before = life.state().clone();
    for event in life.restart() {
        witness.see(&before, &event, false);
    }
    let calls = life.state().pending().iter().any(|it| matches!(it.effect, Effect::Call { .. }));
    let once = matches!(witness.under_way, Some((_, AtMostOnce)));
    assert!(!(calls && once), "a call that must not be repeated is pending after a restart");
    check_step(&before, life.state(), false);
}

/// Lives through the moves and checks everything after each; answers with the events' types.
fn live(begin: Started, moves: Vec<Move>) -> BTreeSet<&'static str> {
    let (mut life, mut witness, mut now) = (Life::<Execution>::default(), Witness::default(), 0);
    ask(&mut life, &mut witness, Command::Begin(begin), at(0));
    for step in moves {
        check_state(life.state());
        match step {
            Move::Ask(command) => ask(&mut life, &mut witness, command, millis(now)),
            Move::Wait(passed) => now += passed,
            Move::Crash => crash(&mut life, &mut witness),
            Move::Carry(how) => {
                let Some(pending) = life.state().pending().pop() else { continue };
                let due = pending.due.map_or(now, |due| (due - epoch()).num_milliseconds());
                now = now.max(due);
                if let Some(command) = comeback(&pending.effect, how) {
                    ask(&mut life, &mut witness, command, millis(now));
                }
            }
        }
    }
    check_state(life.state());
    life.seen().clone()
}

fn millis(passed: i64) -> DateTime<Utc> {
    epoch() + TimeDelta::milliseconds(passed)
}

fn any_life() -> impl Strategy<Value = (Started, Vec<Move>)> {
    (any_begin(), prop::collection::vec(any_move(), 0..60))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_life_keeps_every_promise((begin, moves) in any_life()) {
        live(begin, moves);
    }
}

/// The property above says something only if its lives get everywhere.
#[test]
fn the_lives_reach_every_event() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let (begin, moves) = any_life().new_tree(&mut runner).unwrap().current();
        seen.extend(live(begin, moves));
    }
    let all: BTreeSet<_> = <Event as crate::Event>::TYPES.iter().map(|(name, _)| *name).collect();
    assert_eq!(seen, all);
}
