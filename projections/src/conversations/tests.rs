#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::conversation::{
    Answer, Approval, Check, CheckedCall, Command, CompletionFailure, Conversation, Limits,
    ModelRef, Opened, Outcome, Plan, Post, Resolution, Summarised, Usage, WhenBusy,
};
use hub_events::id::{AccountId, CallId, ConversationId, MessageId};
use hub_events::outcome::Failure;
use hub_events::{Class, Decider, Effect};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::generation::Generation;
use crate::testing::{Kept, dump, folded, moment, sealed};
use crate::unfinished::{self, Unfinished, UnfinishedView};
use crate::usage::{self, Usage as Used};

const TALK: ConversationId = ConversationId(4);
const ONE: AccountId = AccountId(1);

/// A conversation, its log and its read models, one second per command.
struct World {
    log: Kept,
    state: Conversation,
    generation: Generation,
    now: i64,
}

impl World {
    fn new() -> Self {
        let generation = Generation::in_memory(&[&Conversations, &Unfinished, &Used]);
        let mut world =
            Self { log: Kept::default(), state: Conversation::default(), generation, now: 0 };
        world.ask(Command::Open(Opened { conversation: TALK, account: ONE, title: None }));
        world
    }

    fn happen(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.state.evolve(event));
        self.generation.record(&self.log, &TALK.stream(), self.now, events);
    }

    fn ask(&mut self, command: Command) {
        let events = self.state.decide(command, moment(self.now)).unwrap_or_default();
        self.happen(&events);
        self.now += 1;
    }

    fn say(&mut self, message: i64, edits: Option<i64>) {
        let plan = Plan {
            reply: MessageId(message + 1),
            provider: None,
            models: vec![ModelRef { provider: "scripted".to_owned(), model: "a".to_owned() }],
            limits: Limits {
                rounds: 3,
                tokens: 10_000,
                cost_micros: None,
                calls: 6,
                time_s: 3_000,
                window: 60,
            },
            approval: Approval { at_most_once: false, destructive: true, time_s: 100 },
        };
        self.ask(Command::PostMessage(Post {
            message: MessageId(message),
            content: sealed(1),
            tokens: 10,
            edits: edits.map(MessageId),
            plan,
            when_busy: WhenBusy::Queue,
        }));
    }

    fn answer(&mut self, calls: Vec<CheckedCall>) {
        let Some(turn) = self.state.turn() else { return };
        let answer = Answer {
            turn: turn.turn,
            round: turn.round,
            model: turn.model().unwrap().clone(),
            window: vec![],
            summary: None,
            tools: vec![],
            answer: sealed(2),
            usage: Usage { input_tokens: 10, output_tokens: 5, cached_tokens: 0 },
            cost_micros: Some(3),
            stop: "end".to_owned(),
            calls,
        };
        self.ask(Command::RecordAnswer(answer));
    }

    fn views(&self) -> &Connection {
        self.generation.connection()
    }

    /// Messages as `(id, role, status)`.
    fn seen(&self, before: Option<i64>, limit: Option<u32>) -> Vec<(i64, Role, MessageStatus)> {
        let found = messages(self.views(), TALK, before.map(MessageId), limit).unwrap();
        found.iter().map(|message| (message.id.0, message.role, message.status)).collect()
    }

    fn status(&self, number: u128) -> CallStatus {
        call(self.views(), name(number)).unwrap().unwrap().status
    }

    /// What read models say is what the conversation says, and what a rebuild says.
    fn check(&self) {
        let pending = self.state.pending();
        let due = pending.iter().map(|pending| pending.due).min();
        let mut rows = unfinished::ready(self.views()).unwrap();
        rows.extend(unfinished::sleeping(self.views(), moment(1_000_000), 9).unwrap());
        let expected = due.map(|due| UnfinishedView { stream: TALK.stream(), due });
        assert_eq!(rows, Vec::from_iter(expected), "{pending:?}");

        let view = get(self.views(), TALK).unwrap();
        assert_eq!(view.is_none(), self.state.deleted());
        if let Some(view) = view {
            assert_eq!(view.running, self.state.turn().map(|turn| turn.turn));
            assert_eq!((view.version, view.position), (self.state.version(), self.log.head()));
        }
        let doubted: Vec<_> = self.state.in_doubt().collect();
        for doubted in doubted.iter().filter(|_| !self.state.deleted()) {
            let found = call(self.views(), *doubted).unwrap().unwrap();
            assert_eq!(found.status, CallStatus::InDoubt);
        }
        let rebuilt = folded(&[&Conversations, &Unfinished, &Used], &self.log);
        assert_eq!(dump(rebuilt.connection()).unwrap(), dump(self.views()).unwrap());
    }
}

fn name(number: u128) -> CallId {
    CallId(Uuid::from_u128(number))
}

fn asks(number: u128, class: Class, destructive: bool) -> CheckedCall {
    CheckedCall {
        call: name(number),
        message: MessageId(900 + number as i64),
        model_id: format!("call_{number}"),
        tool: "send".to_owned(),
        arguments: sealed(3),
        arguments_hash: format!("hash-{number}"),
        check: Check::Callable { class, destructive, connection: None },
    }
}

fn success() -> Outcome {
    Outcome::Succeeded { result: sealed(6), shown: None, tokens: 3 }
}

use MessageStatus::{Completed, Pending, Processing};
use Role::{Assistant, Tool, User};

#[test]
fn a_turn_is_read_as_messages() {
    let mut world = World::new();
    assert_eq!(world.seen(None, None), []);
    world.say(1, None);
    world.say(3, None);
    let waiting = [(1, User, Completed), (2, Assistant, Processing), (3, User, Pending)];
    assert_eq!(world.seen(None, None), waiting);
    world.answer(vec![asks(1, Class::Read, false), asks(2, Class::Read, true)]);
    let found = proposals(world.views(), ONE).unwrap();
    assert_eq!(found.iter().map(|it| it.call).collect::<Vec<_>>(), [name(2)]);
    assert!(proposals(world.views(), AccountId(2)).unwrap().is_empty());
    let (call, arguments_hash) = (name(2), "hash-2".to_owned());
    world.ask(Command::ApproveCall { call, arguments_hash });
    world.ask(Command::RecordOutcome { call, attempt: 1, outcome: success() });
    assert_eq!((world.status(1), world.status(2)), (CallStatus::Running, CallStatus::Completed));
    world.ask(Command::RecordOutcome { call: name(1), attempt: 1, outcome: success() });
    world.answer(vec![]);
    let all = [
        (1, User, Completed),
        (901, Tool, Completed),
        (902, Tool, Completed),
        (2, Assistant, Completed),
        (3, User, Completed),
        (4, Assistant, Processing),
    ];
    assert_eq!(world.seen(None, None), all);
    assert_eq!(world.seen(None, Some(3)), all[3..]);
    assert_eq!(world.seen(Some(2), Some(2)), all[1..3]);
    assert_eq!(world.seen(Some(901), None), all[..1]);

    let reply = message(world.views(), TALK, MessageId(2)).unwrap().unwrap();
    assert_eq!((reply.tokens_used, reply.cost_micros), (Some(30), Some(6)));
    let Body::Answer { content, calls } = reply.body else { panic!("not an answer") };
    assert_eq!((content, calls.len()), (Some(sealed(2)), 2));
    assert_eq!(message(world.views(), ConversationId(5), MessageId(2)).unwrap(), None);
    let used = usage::models(world.views(), ONE, "2026-01").unwrap();
    assert_eq!((used.answers, used.input_tokens, used.cost_micros), (1, 20, 6));
    assert_eq!(usage::models(world.views(), ONE, "2026-01-01").unwrap(), used);
    assert_eq!(usage::models(world.views(), ONE, "2026-02").unwrap().answers, 0);
}

#[test]
fn branches_are_read_one_at_a_time() {
    let mut world = World::new();
    for (message, edits) in [(1, None), (3, None), (5, Some(3))] {
        world.say(message, edits);
        world.answer(vec![]);
    }
    let ids = |world: &World| world.seen(None, None).iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(ids(&world), [1, 2, 5, 6]);
    assert_eq!(siblings(world.views(), TALK, MessageId(3)).unwrap(), [MessageId(3), MessageId(5)]);
    assert_eq!(siblings(world.views(), TALK, MessageId(9)).unwrap(), []);
    world.ask(Command::SelectBranch { message: MessageId(3) });
    assert_eq!(ids(&world), [1, 2, 3, 4]);
}

#[test]
fn the_newest_activity_comes_first() {
    let log = Kept::default();
    let opened = |id, account| {
        Event::Opened(Opened {
            conversation: ConversationId(id),
            account: AccountId(account),
            title: None,
        })
    };
    for (id, account) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        let stream = ConversationId(id).stream();
        log.add(&stream, AccountId(account), id, &[opened(id, account)]);
    }
    let title = hub_events::conversation::Titled {
        title: sealed(1),
        by: hub_events::conversation::Author::Person,
    };
    log.add(&ConversationId(1).stream(), ONE, 9, &[Event::Titled(title)]);
    let generation = folded(&[&Conversations], &log);
    let views = generation.connection();
    let ids = |found: &[ConversationView]| found.iter().map(|it| it.id.0).collect::<Vec<_>>();
    let first = list(views, ONE, None, Some(2)).unwrap();
    assert_eq!(ids(&first), [1, 4]);
    assert_eq!(ids(&list(views, ONE, Some(first[1].active), None).unwrap()), [2]);
    assert_eq!(first[0].updated_at, Some(moment(9)));
    assert_eq!(first[1].updated_at, None);
}

/// Something that may happen next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Say(i64, Option<i64>),
    /// The first or last pending effect comes back: well or not, with so many calls.
    Carry {
        last: bool,
        well: bool,
        calls: u128,
        class: Class,
    },
    Approve,
    Resolve,
    Cancel(i64),
    Restart,
    Delete,
}

fn any_move() -> impl Strategy<Value = Move> {
    let class = prop_oneof![Just(Class::Read), Just(Class::AtMostOnce)];
    let odd = (0i64..6).prop_map(|n| n * 2 + 1);
    prop_oneof![
        30 => (odd.clone(), proptest::option::of(odd.clone())).prop_map(|(n, e)| Move::Say(n, e)),
        90 => (any::<bool>(), prop::bool::weighted(0.7), 0u128..4, class)
            .prop_map(|(last, well, calls, class)| Move::Carry { last, well, calls, class }),
        10 => Just(Move::Approve),
        5 => Just(Move::Resolve),
        8 => odd.prop_map(Move::Cancel),
        5 => Just(Move::Restart),
        1 => Just(Move::Delete),
    ]
}

impl World {
    fn go(&mut self, next: Move) {
        match next {
            Move::Say(message, edits) => self.say(message, edits),
            Move::Carry { last, well, calls, class } => self.carry(last, well, calls, class),
            Move::Approve => {
                if let Some(it) = proposals(self.views(), ONE).unwrap().pop() {
                    let (call, arguments_hash) = (it.call, it.arguments_hash);
                    self.ask(Command::ApproveCall { call, arguments_hash });
                }
            }
            Move::Resolve => {
                let doubted = self.state.in_doubt().next();
                if let Some(call) = doubted {
                    self.ask(Command::ResolveCall { call, resolution: Resolution::NotDone });
                }
            }
            Move::Cancel(turn) => self.ask(Command::CancelTurn { turn: MessageId(turn) }),
            Move::Restart => {
                let doubts = self.state.restarted();
                self.happen(&doubts);
            }
            Move::Delete => self.ask(Command::Delete),
        }
    }

    fn carry(&mut self, last: bool, well: bool, calls: u128, class: Class) {
        let mut pending = self.state.pending();
        if last {
            pending.reverse();
        }
        let Some(pending) = pending.into_iter().next() else { return };
        let due = pending.due.map_or(0, |due| (due - moment(0)).num_seconds() + 1);
        self.now = self.now.max(due);
        let failure = CompletionFailure {
            code: "overloaded".to_owned(),
            error: sealed(8),
            retryable: calls > 0,
            retry_after: None,
        };
        let first = self.now as u128 * 10;
        match pending.effect {
            Effect::Complete { .. } if well => {
                self.answer((0..calls).map(|n| asks(first + n, class, n == 2)).collect());
            }
            Effect::Complete { turn, round, attempt } => {
                self.ask(Command::RecordCompletionFailure { turn, round, attempt, failure });
            }
            Effect::Summarise { turn, attempt, .. } if !well => {
                self.ask(Command::RecordSummaryFailure { turn, attempt, failure });
            }
            Effect::Summarise { turn, up_to, .. } => {
                self.ask(Command::RecordSummary(Summarised {
                    turn,
                    up_to,
                    summary: sealed(7),
                    tokens: 5,
                    model: ModelRef { provider: "scripted".to_owned(), model: "a".to_owned() },
                    usage: Usage::default(),
                    cost_micros: None,
                }));
            }
            Effect::CallTool { call, attempt } => {
                let failed = Failure {
                    code: "tool_failed".to_owned(),
                    error: sealed(8),
                    result: None,
                    retryable: calls > 0,
                    unanswered: calls > 1,
                    retry_after: None,
                };
                let outcome = if well { success() } else { Outcome::Failed(failed) };
                self.ask(Command::RecordOutcome { call, attempt, outcome });
            }
            Effect::Expire { call } => self.ask(Command::ExpireCall { call }),
            other => panic!("a conversation never waits for {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn read_models_agree_with_the_conversation(moves in prop::collection::vec(any_move(), 0..40)) {
        let mut world = World::new();
        for next in moves {
            world.go(next);
            world.check();
        }
    }
}
