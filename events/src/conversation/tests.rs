//! What a conversation does with every command in every state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod branching;
mod fixtures;
mod properties;

use super::*;
use crate::effect::{Class, Effect};
use crate::outcome::Failure;
use crate::testing::{epoch, given, sealed};
use Class::{AtMostOnce, Idempotent, Keyed, Read};
use fixtures::*;

/// The command leads to exactly these events, and then this is waited for at once.
#[track_caller]
fn check(
    history: Vec<Event>,
    command: Command,
    then: impl AsRef<[Event]>,
    pending: impl AsRef<[Effect]>,
) {
    check_at(0, history, command, then, pending);
}

#[track_caller]
fn check_at(
    seconds: i64,
    history: Vec<Event>,
    command: Command,
    then: impl AsRef<[Event]>,
    pending: impl AsRef<[Effect]>,
) {
    let given = given::<Conversation>(history).at(at(seconds)).when(command).then(then.as_ref());
    let pending: Vec<_> = pending.as_ref().iter().cloned().map(Pending::now).collect();
    given.then_pending(&pending);
}

#[track_caller]
fn refused(history: Vec<Event>, command: Command, code: &str) {
    given::<Conversation>(history).when(command).then_refused(code);
}

fn answers(round: u32, calls: Vec<CheckedCall>) -> Command {
    Command::RecordAnswer(answer(round, calls))
}

#[test]
fn it_opens_once() {
    check(vec![], Command::Open(opened()), open(), []);
    check(completed(), Command::Open(opened()), [], []);
    let other = Opened { conversation: ConversationId(8), ..opened() };
    refused(open(), Command::Open(other), "conversation_opened");
    for command in [say(1), Command::Delete, answers(1, vec![]), cancel(1)] {
        refused(vec![], command, "conversation_missing");
    }
}

#[test]
fn a_person_has_the_last_word_on_the_title() {
    let titled = |mark, by| Event::Titled(Titled { title: sealed(mark), by });
    let rename = || Command::Rename { title: sealed(1) };
    let set = || Command::SetTitle { title: sealed(2) };
    check(open(), set(), [titled(2, Author::Hub)], []);
    check(open(), rename(), [titled(1, Author::Person)], []);
    check(and(open(), [titled(2, Author::Hub)]), rename(), [titled(1, Author::Person)], []);
    check(and(open(), [titled(1, Author::Person)]), set(), [], []);
    check(and(open(), [titled(2, Author::Hub)]), set(), [], []);
    let named = Event::Opened(Opened { title: Some(sealed(3)), ..opened() });
    check(vec![named], set(), [], []);
}

#[test]
fn a_message_begins_a_turn_or_waits_for_one() {
    check(open(), say(1), [posted(1, None), begun(1)], [complete(1, 1, 1)]);
    check(answering(), say(1), [], [complete(1, 1, 1)]);
    check(completed(), say(1), [], []);
    check(answering(), say(3), [posted(3, Some(1))], [complete(1, 1, 1)]);
    check(completed(), say(3), [posted(3, Some(1)), begun(3)], [complete(3, 1, 1)]);

    let refusing = Command::PostMessage(Post { when_busy: WhenBusy::Refuse, ..post(3) });
    refused(answering(), refusing.clone(), "turn_running");
    check(completed(), refusing, [posted(3, Some(1)), begun(3)], [complete(3, 1, 1)]);
    let nobody = Post { plan: Plan { models: vec![], ..plan(1) }, ..post(1) };
    refused(open(), Command::PostMessage(nobody), "models_missing");
    let many = (0..LONGEST_QUEUE as i64).map(|n| posted(n * 2 + 3, Some(n * 2 + 1)));
    refused(and(answering(), many), say(999), "messages_queued");
}

#[test]
fn a_waiting_message_has_its_turn_when_the_one_before_ends() {
    let queued = || and(answering(), [posted(3, Some(1)), posted(5, Some(3))]);
    let answered = answered(answer(1, vec![]), []);
    check_at(
        9,
        queued(),
        answers(1, vec![]),
        [answered, done(1), begun_at(3, 9)],
        [complete(3, 1, 1)],
    );
    check(queued(), cancel(1), [cancelled(1), begun(3)], [complete(3, 1, 1)]);
    check(queued(), cancel(3), [cancelled(3)], [complete(1, 1, 1)]);
    let taken_back = and(queued(), [cancelled(3)]);
    check(taken_back, cancel(1), [cancelled(1), begun(5)], [complete(5, 1, 1)]);
    let hopeless = fail(1, 2, no_answer(false));
    let first = Event::CompletionFailed(CompletionFailed {
        next: Some(model("b")),
        ..unanswered(1, 1, "a")
    });
    let second = Event::CompletionFailed(unanswered(1, 2, "b"));
    check(and(queued(), [first]), hopeless, [second, failed(1), begun(3)], [complete(3, 1, 1)]);
}

#[test]
fn an_answer_ends_the_turn_or_asks_for_calls() {
    check(answering(), answers(1, vec![]), [answered(answer(1, vec![]), []), done(1)], []);
    let asked = || answer(1, vec![asks(1, Read), asks(2, AtMostOnce), asks_wrongly(3)]);
    let verdicts = [ready(Read), ready(AtMostOnce), rejected()];
    check(
        answering(),
        Command::RecordAnswer(asked()),
        [answered(asked(), verdicts)],
        [call_tool(1, 1), call_tool(2, 1)],
    );
    // What went wrong goes back to the model.
    let wrong = || answer(1, vec![asks_wrongly(1)]);
    let events = [answered(wrong(), [rejected()])];
    check(answering(), Command::RecordAnswer(wrong()), events, [complete(1, 2, 1)]);
}

#[test]
fn what_comes_too_late_changes_nothing() {
    let histories = [calling(Read), completed(), and(answering(), [cancelled(1)])];
    for history in histories {
        let pending = given::<Conversation>(history.clone()).state().pending();
        for command in [
            answers(1, vec![]),
            answers(3, vec![]),
            fail(1, 1, no_answer(true)),
            record(1, 2, success()),
            record(2, 1, success()),
            Command::RecordSummary(summarised(1, 1)),
            Command::ExpireCall { call: call(1) },
        ] {
            given::<Conversation>(history.clone()).when(command).then(&[]).then_pending(&pending);
        }
    }
    check(answering(), fail(1, 2, no_answer(true)), [], [complete(1, 1, 1)]);
    check(answering(), fail(2, 1, no_answer(true)), [], [complete(1, 1, 1)]);
}

#[test]
fn the_model_goes_on_when_all_calls_are_settled() {
    let asked = answer(1, vec![asks(1, Read), asks(2, AtMostOnce)]);
    let two = and(answering(), [answered(asked, [ready(Read), ready(AtMostOnce)])]);
    check(two.clone(), record(2, 1, success()), [succeeded(2)], [call_tool(1, 1)]);
    let one = and(two, [succeeded(2)]);
    check(one.clone(), record(2, 1, success()), [], [call_tool(1, 1)]);
    check(one, record(1, 1, success()), [succeeded(1)], [complete(1, 2, 1)]);
}

#[test]
fn a_failed_call_is_made_again_only_where_it_may_be() {
    let failing = |retryable, unanswered| Outcome::Failed(failure(retryable, unanswered));
    for class in [Read, Idempotent, Keyed] {
        for unanswered in [true, false] {
            let given = given::<Conversation>(calling(class));
            let given = given.when(record(1, 1, failing(true, unanswered)));
            let given = given.then(&[broke(1, 1, Some(1))]);
            given.then_pending(&[Pending::at(call_tool(1, 2), at(1))]);
        }
        check(
            calling(class),
            record(1, 1, failing(false, true)),
            [broke(1, 1, None)],
            [complete(1, 2, 1)],
        );
    }
    let doubt = doubted(1, Doubt::Unanswered, Some(5));
    check(calling(AtMostOnce), record(1, 1, failing(true, true)), [doubt], [complete(1, 2, 1)]);
    let once = [broke(1, 1, None)];
    check(calling(AtMostOnce), record(1, 1, failing(true, false)), once, [complete(1, 2, 1)]);

    let third = and(calling(Keyed), [broke(1, 1, Some(1)), broke(1, 2, Some(3))]);
    check(third, record(1, 3, failing(true, true)), [broke(1, 3, None)], [complete(1, 2, 1)]);
    // Not within the turn's time.
    let named = Failure { retry_after: Some(at(TIME)), ..failure(true, false) };
    let late = record(1, 1, Outcome::Failed(named));
    check(calling(Read), late, [broke(1, 1, None)], [complete(1, 2, 1)]);
}

#[test]
fn a_model_that_does_not_answer_is_asked_again_and_then_another() {
    let failed_with = |attempt, from: &str, retry: Option<i64>, next: Option<&str>| {
        let (retry_at, next) = (retry.map(at), next.map(model));
        Event::CompletionFailed(CompletionFailed { retry_at, next, ..unanswered(1, attempt, from) })
    };
    let history = |events: &[Event]| and(answering(), events.to_vec());
    let step = |before: &[Event], attempt, failure, event: Event, due| {
        let given = given::<Conversation>(history(before)).when(fail(1, attempt, failure));
        let effect = complete(1, 1, attempt + 1);
        given.then(&[event]).then_pending(&[Pending { effect, due }]);
    };
    let first = failed_with(1, "a", Some(1), None);
    let second = failed_with(2, "a", Some(2), None);
    let third = failed_with(3, "a", None, Some("b"));
    step(&[], 1, no_answer(true), first.clone(), Some(at(1)));
    step(std::slice::from_ref(&first), 2, no_answer(true), second.clone(), Some(at(2)));
    step(&[first.clone(), second.clone()], 3, no_answer(true), third.clone(), None);
    let fourth = failed_with(4, "b", Some(1), None);
    step(&[first, second, third], 4, no_answer(true), fourth, Some(at(1)));

    step(&[], 1, no_answer(false), failed_with(1, "a", None, Some("b")), None);
    let named = |seconds| CompletionFailure { retry_after: Some(at(seconds)), ..no_answer(true) };
    step(&[], 1, named(90), failed_with(1, "a", Some(90), None), Some(at(90)));
    step(&[], 1, named(TIME), failed_with(1, "a", None, Some("b")), None);

    let on_b = history(&[failed_with(1, "a", None, Some("b"))]);
    let end = [failed_with(2, "b", None, None), failed(1)];
    check(on_b.clone(), fail(1, 2, no_answer(false)), end, []);
    // What worked is asked first in the next round.
    let asked = Answer { model: model("b"), ..answer(1, vec![asks_wrongly(1)]) };
    let given = given::<Conversation>(and(on_b, [answered(asked, [rejected()])]));
    assert_eq!(given.state().turn().unwrap().model(), Some(&model("b")));
}

#[test]
fn a_turn_ends_when_it_has_used_up_what_it_may() {
    let used = |usage, cost_micros| Answer { usage, cost_micros, ..answer(1, vec![asks(1, Read)]) };
    let tokens = Usage { input_tokens: 999, output_tokens: 1, cached_tokens: 0 };
    let few = Usage::default();
    for (asked, seconds, note) in [
        (used(tokens, None), 0, Note::Tokens),
        (used(few, Some(500)), 0, Note::Money),
        (used(few, None), TIME, Note::Time),
    ] {
        let events = [answered(asked.clone(), [withheld(note)]), limited(note)];
        check_at(seconds, answering(), Command::RecordAnswer(asked), events, [complete(1, 2, 1)]);
    }
    let closing =
        |note| and(answering(), [answered(used(few, None), [withheld(note)]), limited(note)]);
    let last = answered(answer(2, vec![]), []);
    check(closing(Note::Time), answers(2, vec![]), [last, done_with(1, Some(Note::Time))], []);
    let stubborn = || answer(2, vec![asks(2, Read)]);
    let events = [answered(stubborn(), [withheld(Note::Money)]), done_with(1, Some(Note::Money))];
    check(closing(Note::Money), Command::RecordAnswer(stubborn()), events, []);
}

#[test]
fn the_last_round_makes_its_calls() {
    let round = |round| answer(round, vec![asks(round.into(), Read)]);
    let history = |rounds: u32| {
        let events =
            (1..=rounds).flat_map(|n| [answered(round(n), [ready(Read)]), succeeded(n.into())]);
        and(answering(), events)
    };
    let events = [answered(round(3), [ready(Read)]), limited(Note::Rounds)];
    check(history(2), Command::RecordAnswer(round(3)), events, [call_tool(3, 1)]);
}

#[test]
fn calls_are_counted_and_the_same_ones_end_the_turn() {
    let many = || answer(1, (1..=5).map(|n| asks(n, Read)).collect());
    let mut verdicts = vec![ready(Read); 4];
    verdicts.push(withheld(Note::Calls));
    check(
        answering(),
        Command::RecordAnswer(many()),
        [answered(many(), verdicts), limited(Note::Calls)],
        (1..=4).map(|n| call_tool(n, 1)).collect::<Vec<_>>(),
    );
    let same = |number| CheckedCall { arguments_hash: "same".to_owned(), ..asks(number, Read) };
    let again = || answer(1, vec![same(1), same(2), same(3)]);
    let verdicts = [ready(Read), ready(Read), withheld(Note::Repetition)];
    check(
        answering(),
        Command::RecordAnswer(again()),
        [answered(again(), verdicts), limited(Note::Repetition)],
        [call_tool(1, 1), call_tool(2, 1)],
    );
    let asked = |round, number| answer(round, vec![same(number)]);
    let twice = and(
        answering(),
        [
            answered(asked(1, 1), [ready(Read)]),
            succeeded(1),
            answered(asked(2, 2), [ready(Read)]),
            succeeded(2),
        ],
    );
    let events = [answered(asked(3, 3), [withheld(Note::Repetition)]), limited(Note::Repetition)];
    check(twice, Command::RecordAnswer(asked(3, 3)), events, [complete(1, 4, 1)]);
}

#[test]
fn a_call_that_ends_too_late_is_the_last() {
    let events = [succeeded(1), limited(Note::Time)];
    check_at(TIME, calling(Read), record(1, 1, success()), events, [complete(1, 2, 1)]);
}

#[test]
fn a_proposal_waits_for_a_person() {
    let asked = || answer(1, vec![asks_to_delete(1, AtMostOnce), asks(2, Read)]);
    let events = [answered(asked(), [needs_approval(AtMostOnce), ready(Read)])];
    let given_both = given::<Conversation>(answering()).when(Command::RecordAnswer(asked()));
    let expire = || Effect::Expire { call: call(1) };
    given_both
        .then(&events)
        .then_pending(&[Pending::at(expire(), at(PATIENCE)), Pending::now(call_tool(2, 1))]);
    let careful = Plan {
        approval: Approval { at_most_once: true, destructive: false, time_s: 3_600 },
        ..plan(1)
    };
    let mut said = posted(1, None);
    if let Event::MessagePosted(it) = &mut said {
        it.plan = careful;
    }
    let asked = || answer(1, vec![asks(1, AtMostOnce), asks_to_delete(2, Read)]);
    given::<Conversation>(and(open(), [said, begun(1)]))
        .when(Command::RecordAnswer(asked()))
        .then(&[answered(asked(), [needs_approval(AtMostOnce), ready(Read)])]);

    let deadline = at(1_000 + TIME);
    let approved = Event::CallApproved(CallApproved { call: call(1), deadline });
    let waiting = || proposing(AtMostOnce);
    check_at(1_000, waiting(), approve(1), [approved.clone()], [call_tool(1, 1)]);
    let declined = Event::CallDeclined(CallDeclined { call: call(1), deadline });
    let decline = || Command::DeclineCall { call: call(1) };
    check_at(1_000, waiting(), decline(), [declined], [complete(1, 2, 1)]);
    check(and(waiting(), [approved.clone()]), approve(1), [], [call_tool(1, 1)]);
    refused(and(waiting(), [approved]), decline(), "proposal_not_open");
    refused(calling(Read), Command::DeclineCall { call: call(1) }, "proposal_not_open");
    refused(answering(), approve(1), "proposal_not_open");
    let other = Command::ApproveCall { call: call(1), arguments_hash: "other".to_owned() };
    refused(waiting(), other, "proposal_changed");
}

#[test]
fn a_proposal_lapses() {
    let waiting = || proposing(Read);
    let lapse = |seconds| {
        let expire = Command::ExpireCall { call: call(1) };
        given::<Conversation>(waiting()).at(at(seconds)).when(expire)
    };
    lapse(PATIENCE - 1).then(&[]);
    let deadline = at(PATIENCE + TIME);
    let expired = Event::CallExpired(CallExpired { call: call(1), deadline });
    lapse(PATIENCE).then(&[expired]).then_pending(&[Pending::now(complete(1, 2, 1))]);
    for command in [approve(1), Command::DeclineCall { call: call(1) }] {
        let late = given::<Conversation>(waiting()).at(at(PATIENCE)).when(command);
        late.then_refused("proposal_expired");
    }
}

#[test]
fn cancelling_stops_the_turn() {
    check(answering(), cancel(1), [cancelled(1)], []);
    check(proposing(AtMostOnce), cancel(1), [cancelled(1)], []);
    for class in [Read, Idempotent, Keyed] {
        check(calling(class), cancel(1), [cancelled(1)], []);
    }
    let doubt = doubted(1, Doubt::Cancelled, None);
    check(calling(AtMostOnce), cancel(1), [doubt, cancelled(1)], []);
    check(completed(), cancel(1), [], []);
    check(and(answering(), [cancelled(1)]), cancel(1), [], []);
    refused(answering(), cancel(9), "message_missing");
}

#[test]
fn deleting_stops_everything() {
    let deleted = || Event::Deleted(Deleted {});
    check(open(), Command::Delete, [deleted()], []);
    let busy = and(calling(AtMostOnce), [posted(3, Some(1))]);
    let doubt = doubted(1, Doubt::Cancelled, None);
    check(busy, Command::Delete, [doubt, cancelled(1), cancelled(3), deleted()], []);
    let gone = || and(completed(), [deleted()]);
    check(gone(), Command::Delete, [], []);
    check(gone(), answers(1, vec![]), [], []);
    check(gone(), Command::SetTitle { title: sealed(1) }, [], []);
    for command in [say(3), Command::Rename { title: sealed(1) }, cancel(1), approve(1)] {
        refused(gone(), command, "conversation_missing");
    }
}

#[test]
fn a_restart_leaves_in_doubt_what_cannot_be_repeated() {
    let both = answer(1, vec![asks(1, AtMostOnce), asks(2, Keyed)]);
    let both = and(answering(), [answered(both, [ready(AtMostOnce), ready(Keyed)])]);
    let doubt = doubted(1, Doubt::Restarted, None);
    let deadline = at(TIME);
    let approved = Event::CallApproved(CallApproved { call: call(1), deadline });
    let cases = [
        (answering(), vec![]),
        (calling(Keyed), vec![]),
        (calling(AtMostOnce), vec![doubt.clone()]),
        (both, vec![doubt.clone()]),
        (proposing(AtMostOnce), vec![]),
        (and(proposing(AtMostOnce), [approved]), vec![doubt]),
        (completed(), vec![]),
    ];
    for (history, expected) in cases {
        assert_eq!(given::<Conversation>(history).state().restarted(), expected);
    }
}

#[test]
fn a_person_settles_a_doubt_while_the_turn_has_gone_on() {
    let in_doubt = || and(calling(AtMostOnce), [doubted(1, Doubt::Restarted, None)]);
    let resolve = || {
        let resolution = Resolution::Done(sealed(9));
        Command::ResolveCall { call: call(1), resolution }
    };
    let resolved = || {
        let resolution = Resolution::Done(sealed(9));
        Event::CallResolved(CallResolved { call: call(1), resolution })
    };
    check(in_doubt(), resolve(), [resolved()], [complete(1, 2, 1)]);
    refused(and(in_doubt(), [resolved()]), resolve(), "call_not_in_doubt");
    refused(calling(AtMostOnce), resolve(), "call_not_in_doubt");
    let over = and(in_doubt(), [answered(answer(2, vec![]), []), done(1)]);
    check(over.clone(), resolve(), [resolved()], []);
    let later = and(over, [resolved(), posted(3, Some(1)), begun(3)]);
    let shown = given::<Conversation>(later).state().window(100);
    assert_eq!(shown.turns[0].later, [Version(8)]);
}
