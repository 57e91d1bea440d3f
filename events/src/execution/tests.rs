//! What a run does with every command in every state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fixtures;
mod properties;

use chrono::TimeDelta;

use super::*;
use crate::id::{AccountId, StepId, WorkflowId};
use crate::testing::{epoch, given, sealed};
use Class::{AtMostOnce, Idempotent, Keyed, Read};
use fixtures::*;

/// The command leads to exactly these events, and then this is waited for.
#[track_caller]
fn check(
    history: Vec<Event>,
    command: Command,
    then: impl AsRef<[Event]>,
    pending: impl AsRef<[Pending]>,
) {
    given::<Execution>(history).when(command).then(then.as_ref()).then_pending(pending.as_ref());
}

#[track_caller]
fn refused(history: Vec<Event>, command: Command, code: &str) {
    given::<Execution>(history).when(command).then_refused(code);
}

#[test]
fn it_begins_once() {
    let begin = |numbers: &[u32]| Command::Begin(run(numbers));
    check(vec![], begin(&[1, 2]), begun(), prepare(1, 1));
    check(vec![], begin(&[20, 5]), [Event::Started(run(&[20, 5]))], prepare(20, 1));
    check(vec![], begin(&[]), [Event::Started(run(&[])), COMPLETED], []);
    refused(vec![], begin(&[1, 2, 1]), "step_numbers_repeated");
    check(begun(), begin(&[1, 2]), [], prepare(1, 1));
    check(completed(), begin(&[1, 2]), [], []);
    let other = Started { execution: ExecutionId(8), ..run(&[1, 2]) };
    refused(begun(), Command::Begin(other), "execution_begun");
}

#[test]
fn before_it_began_there_is_nothing_to_ask() {
    let commands = [
        Command::SkipStep { step: 1, attempt: 1 },
        start(1, 1, Read),
        reject(1, failure(true, false)),
        record(1, 1, success()),
        Command::WakeStep { step: 1 },
        Command::Cancel,
        Command::Retry,
        resolve(Resolution::Repeat),
    ];
    commands.into_iter().for_each(|command| refused(vec![], command, "execution_missing"));
}

#[test]
fn a_step_is_prepared() {
    let intent = |class| Event::StepStarted(try_of(1, 1, class));
    check(begun(), start(1, 1, Keyed), [intent(Keyed)], make_call(1));
    check(begun(), start_with(Read, success()), [intent(Read), succeeded(1)], prepare(2, 1));
    check(begun(), start_with(Read, sleep()), [intent(Read), deferred()], wake());
    let failing = start_with(Read, Outcome::Failed(failure(true, false)));
    check(begun(), failing, [intent(Read), failed(1, Some(at(1)), NAMED)], prepare_at(1, 2));

    let skipped = || Event::StepSkipped(StepSkipped { step: 1 });
    let skip = || Command::SkipStep { step: 1, attempt: 1 };
    check(begun(), skip(), [skipped()], prepare(2, 1));
    check(begun_single(), skip(), [skipped(), COMPLETED], []);

    let rejected = [failed(1, Some(at(1)), None)];
    check(begun(), reject(1, failure(true, false)), rejected, prepare_at(1, 2));
    check(begun(), reject(1, failure(false, false)), [failed(1, None, None), FAILED], []);
}

#[test]
fn an_outcome_is_recorded() {
    check(calling(Keyed), record(1, 1, success()), [succeeded(1)], prepare(2, 1));
    let last = and(begun_single(), [Event::StepStarted(try_of(1, 1, AtMostOnce))]);
    check(last, record(1, 1, success()), [succeeded(1), COMPLETED], []);
    check(calling(Read), record(1, 1, sleep()), [deferred()], wake());

    let unanswered = || record(1, 1, Outcome::Failed(failure(true, true)));
    let answered = || record(1, 1, Outcome::Failed(failure(true, false)));
    let again = |call| [failed(1, Some(at(1)), call)];
    for class in [Read, Idempotent, Keyed] {
        check(calling(class), unanswered(), again(NAMED), prepare_at(1, 2));
        check(calling(class), answered(), again(NAMED), prepare_at(1, 2));
    }
    let doubt = [doubted(Doubt::Unanswered, Some(sealed(2)))];
    check(calling(AtMostOnce), unanswered(), doubt, []);
    check(calling(AtMostOnce), answered(), again(None), prepare_at(1, 2));

    let for_good = record(1, 1, Outcome::Failed(failure(false, true)));
    check(calling(Keyed), for_good, [failed(1, None, NAMED), FAILED], []);
}

#[test]
fn what_comes_too_late_changes_nothing() {
    let late = || {
        [
            Command::SkipStep { step: 1, attempt: 1 },
            start(1, 1, Read),
            start_with(Read, success()),
            reject(1, failure(true, false)),
            record(1, 1, success()),
            Command::WakeStep { step: 1 },
        ]
    };
    let on_two = and(calling(Read), [succeeded(1)]);
    let calling_two = and(on_two.clone(), [Event::StepStarted(try_of(2, 1, Read))]);
    let retried = and(calling(Read), [failed(1, Some(at(1)), NAMED)]);
    let cancelled = and(calling(Read), [CANCELLED]);
    let histories =
        [asleep(), in_doubt(), stuck(), on_two, calling_two, retried, cancelled, completed()];
    for history in histories {
        let pending = given::<Execution>(history.clone()).state().pending();
        for command in late() {
            check(history.clone(), command, [], &pending);
        }
    }
}

#[test]
fn what_names_another_step_or_try_changes_nothing() {
    for (step, attempt) in [(2, 1), (1, 2), (1, 0), (3, 1), (0, 0)] {
        let skip = Command::SkipStep { step, attempt };
        check(begun(), skip, [], prepare(1, 1));
        check(begun(), start(step, attempt, Read), [], prepare(1, 1));
        let reject = Command::RejectStep { step, attempt, failure: failure(true, false) };
        check(begun(), reject, [], prepare(1, 1));
        check(calling(Keyed), record(step, attempt, success()), [], make_call(1));
    }
    given::<Execution>(asleep()).at(at(60)).when(Command::WakeStep { step: 2 }).then(&[]);
}

/// A keyed call was sent once, and is to be made again.
fn to_repeat() -> Vec<Event> {
    and(calling(Keyed), [failed(1, Some(at(1)), NAMED)])
}

#[test]
fn a_call_that_is_made_again_keeps_its_name() {
    let renamed = Command::StartStep {
        started: StepStarted { call: call(2), ..try_of(1, 2, Keyed) },
        outcome: None,
    };
    let again = [Event::StepStarted(try_of(1, 2, Keyed))];
    check(to_repeat(), renamed, again, make_call(2));
    let rejected = [failed(2, Some(at(2)), NAMED)];
    check(to_repeat(), reject(2, failure(true, false)), rejected, prepare_at(2, 3));
    let stopped = and(calling(Keyed), [failed(1, None, NAMED), FAILED, RETRIED]);
    assert_eq!(given::<Execution>(stopped).state().call(), Some(call(1)));
}

#[test]
fn a_tool_that_can_no_longer_be_repeated_is_not() {
    let doubt = [doubted(Doubt::Unanswered, None)];
    check(to_repeat(), start(1, 2, AtMostOnce), doubt, []);
    let settled =
        and(to_repeat(), [doubted(Doubt::Unanswered, None), resolved(Resolution::Repeat)]);
    let again = Event::StepStarted(try_of(1, 2, AtMostOnce));
    check(settled, start(1, 2, AtMostOnce), [again], make_call(2));
}

#[test]
fn retries_back_off_and_stop() {
    let outcome = || Outcome::Failed(failure(true, false));
    let second =
        and(calling(Read), [failed(1, Some(at(1)), NAMED), Event::StepStarted(try_of(1, 2, Read))]);
    check(second.clone(), record(1, 2, outcome()), [failed(2, Some(at(2)), NAMED)], {
        prepare_at(2, 3)
    });
    let third =
        and(second, [failed(2, Some(at(2)), NAMED), Event::StepStarted(try_of(1, 3, Read))]);
    check(third.clone(), record(1, 3, outcome()), [failed(3, None, NAMED), FAILED], []);

    // Somebody has it go on, and its retries begin anew.
    let fourth = and(
        third,
        [failed(3, None, NAMED), FAILED, RETRIED, Event::StepStarted(try_of(1, 4, Read))],
    );
    check(fourth, record(1, 4, outcome()), [failed(4, Some(at(1)), NAMED)], prepare_at(1, 5));
}

#[test]
fn a_moment_that_the_other_side_names_is_honoured() {
    for (retry_after, retry_at) in [(-10, 1), (0, 1), (90, 90), (7_200, 7_200)] {
        let failure = Failure { retry_after: Some(at(retry_after)), ..failure(true, false) };
        let event = failed(1, Some(at(retry_at)), NAMED);
        check(
            calling(Read),
            record(1, 1, Outcome::Failed(failure)),
            [event],
            prepare_at(retry_at, 2),
        );
    }
}

#[test]
fn a_sleeping_step_goes_on_when_its_moment_has_come() {
    let wake_at =
        |seconds| given::<Execution>(asleep()).at(at(seconds)).when(Command::WakeStep { step: 1 });
    let cancelled = given::<Execution>(and(asleep(), [CANCELLED])).at(at(61));
    cancelled.when(Command::WakeStep { step: 1 }).then(&[]).then_pending(&[]);
    wake_at(59).then(&[]).then_pending(&wake());
    wake_at(60).then(&[succeeded(1)]).then_pending(&prepare(2, 1));
    let last = and(begun_single(), [Event::StepStarted(try_of(1, 1, Read)), deferred()]);
    let woken = given::<Execution>(last).at(at(61)).when(Command::WakeStep { step: 1 });
    woken.then(&[succeeded(1), COMPLETED]).then_pending(&[]);
}

#[test]
fn cancelling_stops_it() {
    check(begun(), Command::Cancel, [CANCELLED], []);
    check(asleep(), Command::Cancel, [CANCELLED], []);
    check(in_doubt(), Command::Cancel, [CANCELLED], []);
    for class in [Read, Idempotent, Keyed] {
        check(calling(class), Command::Cancel, [CANCELLED], []);
    }
    let doubt = doubted(Doubt::Cancelled, None);
    check(calling(AtMostOnce), Command::Cancel, [doubt, CANCELLED], []);
    check(and(begun(), [CANCELLED]), Command::Cancel, [], []);
    refused(stuck(), Command::Cancel, "execution_finished");
    refused(completed(), Command::Cancel, "execution_finished");
}

#[test]
fn it_goes_on_where_it_stopped() {
    check(stuck(), Command::Retry, [RETRIED], prepare(1, 2));
    check(and(begun(), [CANCELLED]), Command::Retry, [RETRIED], prepare(1, 1));
    check(and(calling(Keyed), [CANCELLED]), Command::Retry, [RETRIED], make_call(1));
    check(and(asleep(), [CANCELLED]), Command::Retry, [RETRIED], wake());
    // Whoever has it go on does not wait for the next try.
    check(and(to_repeat(), [CANCELLED]), Command::Retry, [RETRIED], prepare(1, 2));

    let second = and(calling(Read), [succeeded(1), CANCELLED]);
    let retried = Event::Retried(Retried { step: 2 });
    let state = given::<Execution>(second).when(Command::Retry).then(&[retried]);
    assert_eq!(state.state().results(), [(1, sealed(9))]);

    refused(and(in_doubt(), [CANCELLED]), Command::Retry, "step_in_doubt");
    for running in [begun(), calling(Read), asleep(), in_doubt()] {
        refused(running, Command::Retry, "execution_running");
    }
    refused(completed(), Command::Retry, "execution_finished");
}

#[test]
fn a_person_settles_a_doubt() {
    let done = || Resolution::Done(sealed(9));
    check(in_doubt(), resolve(done()), [resolved(done())], prepare(2, 1));
    let repeat = || Resolution::Repeat;
    let settled =
        given::<Execution>(in_doubt()).when(resolve(repeat())).then(&[resolved(repeat())]);
    let settled = settled.then_pending(&prepare(1, 2));
    assert_eq!((settled.state().call(), settled.state().arguments()), (None, None));

    let last = || {
        let intent = Event::StepStarted(try_of(1, 1, AtMostOnce));
        and(begun_single(), [intent, doubted(Doubt::Cancelled, None)])
    };
    check(last(), resolve(done()), [resolved(done()), COMPLETED], []);

    // After a cancel, settling moves nothing; going on does.
    let cancelled = || and(last(), [CANCELLED]);
    check(cancelled(), resolve(done()), [resolved(done())], []);
    check(and(cancelled(), [resolved(done())]), Command::Retry, [COMPLETED], []);
    check(cancelled(), resolve(repeat()), [resolved(repeat())], []);
    check(and(cancelled(), [resolved(repeat())]), Command::Retry, [RETRIED], prepare(1, 2));
}

#[test]
fn only_a_doubt_can_be_settled() {
    let settled = and(in_doubt(), [resolved(Resolution::Repeat)]);
    for history in [begun(), calling(AtMostOnce), asleep(), stuck(), settled, completed()] {
        refused(history, resolve(Resolution::Repeat), "step_not_in_doubt");
    }
    let other = Command::ResolveStep { step: 2, resolution: Resolution::Done(sealed(9)) };
    refused(in_doubt(), other, "step_not_in_doubt");
}

#[test]
fn a_restart_leaves_in_doubt_what_cannot_be_repeated() {
    let doubt = vec![doubted(Doubt::Restarted, None)];
    let cases = [
        (begun(), vec![]),
        (calling(Read), vec![]),
        (calling(Idempotent), vec![]),
        (calling(Keyed), vec![]),
        (calling(AtMostOnce), doubt),
        (in_doubt(), vec![]),
        (asleep(), vec![]),
        (stuck(), vec![]),
        (and(calling(Keyed), [CANCELLED]), vec![]),
        (completed(), vec![]),
    ];
    for (history, expected) in cases {
        let given = given::<Execution>(history);
        assert_eq!(given.state().restarted(), expected, "{:?}", given.state());
    }
}

#[test]
fn it_shows_where_it_stands() {
    let nothing = Execution::default();
    assert_eq!((nothing.status(), nothing.begun()), (Status::Pending, None));
    let cases = [
        (calling(Keyed), Status::Running, false, Some(1)),
        (in_doubt(), Status::Running, true, Some(1)),
        (stuck(), Status::Failed, false, Some(1)),
        (and(calling(Read), [succeeded(1), CANCELLED]), Status::Cancelled, false, Some(2)),
        (completed(), Status::Completed, false, None),
    ];
    for (history, status, doubt, current) in cases {
        let given = given::<Execution>(history);
        let state = given.state();
        let shown = (state.status(), state.in_doubt(), state.current().map(|step| step.number));
        assert_eq!(shown, (status, doubt, current));
    }
    let under_way = given::<Execution>(calling(Keyed));
    assert_eq!(under_way.state().call(), Some(call(1)));
    assert_eq!(under_way.state().arguments(), Some(&sealed(1)));
    assert_eq!(under_way.state().begun(), Some(&run(&[1, 2])));
}
