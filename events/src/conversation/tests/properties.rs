//! What holds for any conversation under any sequence of commands, sensible or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::*;
use crate::testing::Life;

/// Something that happens around a conversation.
#[derive(Clone, Debug)]
enum Move {
    /// One of the pending effects is carried out, and comes back like this.
    Carry(usize, Comeback),
    /// A command comes in that nobody waits for.
    Ask(Command),
    /// A person does this with one of the messages, calls or proposals that there are.
    Touch(usize, Touch),
    /// Time passes, in seconds.
    Wait(i64),
    /// The hub crashes and finds the conversation unfinished.
    Crash,
}

#[derive(Clone, Debug)]
struct Comeback {
    calls: Vec<(Class, bool, bool, u8)>,
    failure: Option<(bool, bool, Option<i64>)>,
    tokens: u64,
}

#[derive(Clone, Copy, Debug)]
enum Touch {
    Approve,
    Decline,
    Resolve,
    Cancel,
    Edit,
    Select,
}

fn any_class() -> impl Strategy<Value = Class> {
    select(vec![Read, Idempotent, Keyed, AtMostOnce])
}

fn any_comeback() -> impl Strategy<Value = Comeback> {
    let call = (any_class(), any::<bool>(), prop::bool::weighted(0.1), 0u8..8);
    let failure = (any::<bool>(), any::<bool>(), prop::option::of(-10i64..1_000));
    (
        prop::collection::vec(call, 0..4),
        prop::option::weighted(0.4, failure),
        prop_oneof![9 => 0u64..200, 1 => Just(u64::MAX)],
    )
        .prop_map(|(calls, failure, tokens)| Comeback { calls, failure, tokens })
}

fn any_command() -> impl Strategy<Value = Command> {
    let message = 0i64..20;
    prop_oneof![
        8 => message.clone().prop_map(|n| say(n * 2 + 1)),
        1 => message.clone().prop_map(cancel),
        1 => message.prop_map(|n| Command::SelectBranch { message: MessageId(n) }),
        1 => (0u32..5).prop_map(|round| answers(round, vec![])),
        1 => (0u32..5, 0u32..5).prop_map(|(round, n)| fail(round, n, no_answer(true))),
        1 => Just(Command::Rename { title: sealed(1) }),
        1 => Just(Command::SetTitle { title: sealed(2) }),
        1 => Just(Command::Open(opened())),
        1 => prop::option::weighted(0.1, Just(())).prop_map(|delete| match delete {
            Some(()) => Command::Delete,
            None => Command::SetTitle { title: sealed(3) },
        }),
    ]
}

fn any_move() -> impl Strategy<Value = Move> {
    use Touch::*;
    let touch = select(vec![Approve, Decline, Resolve, Cancel, Edit, Select]);
    prop_oneof![
        12 => (any::<usize>(), any_comeback()).prop_map(|(at, how)| Move::Carry(at, how)),
        5 => any_command().prop_map(Move::Ask),
        5 => (any::<usize>(), touch).prop_map(|(at, touch)| Move::Touch(at, touch)),
        1 => (0i64..400).prop_map(Move::Wait),
        1 => Just(Move::Crash),
    ]
}

/// A conversation, and what is known of it from its events alone.
#[derive(Default)]
struct World {
    life: Life<Conversation>,
    now: i64,
    fresh: u128,
    posted: Vec<MessageId>,
    proposals: BTreeMap<CallId, String>,
    approved: BTreeSet<CallId>,
    class: BTreeMap<CallId, Class>,
    started: BTreeSet<MessageId>,
    ended: BTreeSet<MessageId>,
    doubts: BTreeSet<CallId>,
    made: BTreeSet<CallId>,
    results: BTreeSet<CallId>,
}

impl World {
    /// Holds an event against what happened before it.
    fn see(&mut self, event: &Event) {
        match event {
            Event::MessagePosted(it) => {
                assert!(!self.posted.contains(&it.message), "posted twice");
                assert!(it.parent.is_none_or(|parent| self.posted.contains(&parent)));
                self.posted.push(it.message);
            }
            Event::TurnStarted(it) => {
                assert!(self.started.is_subset(&self.ended), "two turns at once");
                assert!(self.started.insert(it.turn), "a turn began twice");
            }
            Event::Answered(it) => {
                for asked in &it.calls {
                    if let Some(class) = asked.verdict.class() {
                        self.class.insert(asked.call, class);
                    }
                    if let Verdict::NeedsApproval { .. } = asked.verdict {
                        self.proposals.insert(asked.call, asked.arguments_hash.clone());
                    }
                }
            }
            Event::CallApproved(it) => assert!(self.approved.insert(it.call)),
            Event::CallSucceeded(it) => {
                let proposed = self.proposals.contains_key(&it.call);
                assert!(!proposed || self.approved.contains(&it.call), "made without approval");
                assert!(self.results.insert(it.call), "two results of one call");
            }
            Event::CallDoubted(it) => {
                assert_eq!(self.class.get(&it.call), Some(&AtMostOnce));
                assert!(self.doubts.insert(it.call));
            }
            Event::CallFailed(it) if it.retry_at.is_some() => {
                assert_ne!(self.class.get(&it.call), Some(&AtMostOnce), "would be repeated");
            }
            Event::TurnCompleted(TurnCompleted { turn, .. })
            | Event::TurnFailed(TurnFailed { turn, .. })
            | Event::TurnCancelled(TurnCancelled { turn, .. }) => {
                assert!(self.ended.insert(*turn), "a turn ended twice");
            }
            _ => {}
        }
    }

    fn ask(&mut self, command: Command) {
        let Ok(events) = self.life.when(command.clone(), at(self.now)) else { return };
        events.iter().for_each(|event| self.see(event));
        let renamed = matches!(command, Command::Rename { .. });
        if !renamed && let Ok(again) = self.life.when(command, at(self.now)) {
            assert_eq!(again, [], "the same command again");
        }
    }

    fn crash(&mut self) {
        self.life.restart().iter().for_each(|event| self.see(event));
        for pending in self.life.state().pending() {
            if let Effect::CallTool { call, .. } = pending.effect {
                assert_ne!(self.class[&call], AtMostOnce, "pending again after a restart");
            }
        }
    }

    /// The command with which an effect comes back.
    fn comeback(&mut self, effect: Effect, how: Comeback) -> Command {
        let failure = how.failure.map(|(retryable, unanswered, after)| {
            (Failure { retry_after: after.map(at), ..failure(retryable, unanswered) }, {
                CompletionFailure { retry_after: after.map(at), ..no_answer(retryable) }
            })
        });
        match (effect, failure) {
            (Effect::Complete { turn, round, attempt }, Some((_, failure))) => {
                Command::RecordCompletionFailure { turn, round, attempt, failure }
            }
            (Effect::Complete { turn, round, .. }, None) => {
                let usage = Usage { input_tokens: how.tokens, ..Usage::default() };
                let calls = how.calls.into_iter().map(|call| self.ask_for(call)).collect();
                Command::RecordAnswer(Answer { turn, usage, ..answer(round, calls) })
            }
            (Effect::Summarise { turn, attempt, .. }, Some((_, failure))) => {
                Command::RecordSummaryFailure { turn, attempt, failure }
            }
            (Effect::Summarise { turn, up_to, .. }, None) => {
                Command::RecordSummary(summarised(turn.0, up_to.0))
            }
            (Effect::CallTool { call, attempt }, failure) => {
                if self.class[&call] == AtMostOnce {
                    assert!(self.made.insert(call), "a call was made twice");
                }
                let outcome = failure.map_or(success(), |(failure, _)| Outcome::Failed(failure));
                Command::RecordOutcome { call, attempt, outcome }
            }
            (Effect::Expire { call }, _) => Command::ExpireCall { call },
            (other, _) => panic!("a conversation never waits for {other:?}"),
        }
    }

    fn ask_for(
        &mut self,
        (class, destructive, faulty, same): (Class, bool, bool, u8),
    ) -> CheckedCall {
        self.fresh += 1;
        let check = Check::Callable { class, destructive, connection: None };
        let check = if faulty { Check::Faulty { error: sealed(4) } } else { check };
        let arguments_hash = format!("hash-{same}");
        CheckedCall { arguments_hash, check, ..asks(self.fresh, class) }
    }

    fn touch(&mut self, at: usize, touch: Touch) {
        let nth = |count: usize| (count > 0).then(|| at % count.max(1));
        let message = nth(self.posted.len()).map(|at| self.posted[at]);
        let proposal = nth(self.proposals.len())
            .and_then(|at| self.proposals.iter().nth(at))
            .map(|(call, hash)| (*call, hash.clone()));
        let command = match (touch, message, proposal) {
            (Touch::Approve, _, Some((call, arguments_hash))) => {
                Command::ApproveCall { call, arguments_hash }
            }
            (Touch::Decline, _, Some((call, _))) => Command::DeclineCall { call },
            (Touch::Resolve, ..) => {
                let Some(call) = self.life.state().in_doubt().next() else { return };
                Command::ResolveCall { call, resolution: Resolution::NotDone }
            }
            (Touch::Cancel, Some(turn), _) => Command::CancelTurn { turn },
            (Touch::Select, Some(message), _) => Command::SelectBranch { message },
            (Touch::Edit, Some(message), _) => {
                let new = 101 + self.posted.len() as i64 * 2;
                Command::PostMessage(Post { edits: Some(message), ..post(new) })
            }
            _ => return,
        };
        self.ask(command);
    }

    /// What holds in every state.
    fn check(&self) {
        let state = self.life.state();
        let pending = state.pending();
        assert_eq!(pending.is_empty(), state.turn().is_none(), "a turn stands still");
        assert!(!state.deleted() || state.turn().is_none());
        assert!(state.turn().is_some() || state.queued().next().is_none(), "nobody's turn");
        let window = state.window(100);
        if let Some(turn) = state.turn() {
            assert_eq!(window.turns.last().map(|it| it.turn), Some(turn.turn));
        }
        for stretch in window.turns {
            assert!(stretch.posted <= state.version());
            assert!(stretch.span.is_none_or(|(first, last)| first <= last));
        }
    }
}

/// Lives through the moves and checks everything after each; answers with the events' types.
fn live(moves: Vec<Move>) -> BTreeSet<&'static str> {
    let mut world = World::default();
    world.ask(Command::Open(opened()));
    for step in moves {
        world.check();
        match step {
            Move::Ask(command) => world.ask(command),
            Move::Touch(at, touch) => world.touch(at, touch),
            Move::Wait(passed) => world.now += passed,
            Move::Crash => world.crash(),
            Move::Carry(nth, how) => {
                let pending = world.life.state().pending();
                if pending.is_empty() {
                    continue;
                }
                let Pending { effect, due } = pending[nth % pending.len()].clone();
                world.now =
                    due.map_or(world.now, |due| (due - epoch()).num_seconds().max(world.now));
                let command = world.comeback(effect, how);
                world.ask(command);
            }
        }
    }
    world.check();
    world.life.seen().clone()
}

fn any_life() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(any_move(), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_life_keeps_every_promise(moves in any_life()) {
        live(moves);
    }
}

/// The property above says something only if its lives get everywhere.
#[test]
fn the_lives_reach_every_event() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        seen.extend(live(any_life().new_tree(&mut runner).unwrap().current()));
    }
    let all: BTreeSet<_> = <Event as crate::Event>::TYPES.iter().map(|(name, _)| *name).collect();
    assert_eq!(seen, all);
}
