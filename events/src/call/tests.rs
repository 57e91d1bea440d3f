//! What a call does with every command in every state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod properties;

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::effect::Class;
use crate::id::{AccountId, ConnectionId};
use crate::testing::{epoch, given, sealed};
use Class::{AtMostOnce, Keyed, Read};

fn at(seconds: i64) -> DateTime<Utc> {
    epoch() + TimeDelta::seconds(seconds)
}

fn call(number: u128) -> CallId {
    CallId(Uuid::from_u128(number))
}

fn wanted(class: Class) -> Requested {
    Requested {
        call: call(1),
        account: AccountId(1),
        tool: "http_request".to_owned(),
        class,
        connection: Some(ConnectionId(5)),
        timeout_s: 60,
        arguments: sealed(1),
        via: Via::Http,
    }
}

fn failure(unanswered: bool) -> Failure {
    Failure {
        code: "tool_failed".to_owned(),
        error: sealed(2),
        result: Some(sealed(3)),
        retryable: true,
        unanswered,
        retry_after: Some(at(9)),
    }
}

fn request(class: Class, outcome: Option<Outcome>) -> Command {
    Command::Request { requested: wanted(class), outcome }
}

fn record(outcome: Outcome) -> Command {
    Command::RecordOutcome { outcome }
}

fn resolve(resolution: Resolution) -> Command {
    Command::Resolve { resolution }
}

fn success() -> Outcome {
    Outcome::Succeeded(sealed(4))
}

fn sleep() -> Outcome {
    Outcome::Deferred { until: at(5), result: sealed(4) }
}

fn requested(class: Class) -> Event {
    Event::Requested(wanted(class))
}

fn succeeded() -> Event {
    Event::Succeeded(Succeeded { result: sealed(4) })
}

fn failed() -> Event {
    let (code, error) = ("tool_failed".to_owned(), sealed(2));
    Event::Failed(Failed { code, error, result: Some(sealed(3)), retry_after: Some(at(9)) })
}

fn deferred() -> Event {
    Event::Deferred(Deferred { until: at(5), result: sealed(4) })
}

fn doubted(doubt: Doubt) -> Event {
    Event::Doubted(Doubted { doubt, error: None })
}

fn resolved(resolution: Resolution) -> Event {
    Event::Resolved(Resolved { resolution })
}

const CANCELLED: Event = Event::Cancelled(Cancelled {});

fn under_way() -> [Pending; 1] {
    [Pending::now(Effect::CallTool { call: call(1), attempt: 1 })]
}

fn asleep() -> [Pending; 1] {
    [Pending::at(Effect::Wake { step: 1 }, at(5))]
}

/// The command leads to exactly these events, and then this is waited for.
#[track_caller]
fn check(
    history: &[Event],
    command: Command,
    then: impl AsRef<[Event]>,
    pending: impl AsRef<[Pending]>,
) {
    let given = given::<Call>(history.to_vec());
    given.when(command).then(then.as_ref()).then_pending(pending.as_ref());
}

#[track_caller]
fn refused(history: &[Event], command: Command, code: &str) {
    given::<Call>(history.to_vec()).when(command).then_refused(code);
}

#[test]
fn it_is_asked_for_once() {
    check(&[], request(AtMostOnce, None), [requested(AtMostOnce)], under_way());
    check(&[], request(Read, Some(success())), [requested(Read), succeeded()], []);
    check(&[], request(Read, Some(sleep())), [requested(Read), deferred()], asleep());
    let failure = Outcome::Failed(failure(true));
    check(&[], request(Read, Some(failure)), [requested(Read), failed()], []);
    check(&[requested(Read)], request(Read, None), [], under_way());
    check(&[requested(Read), succeeded()], request(Read, Some(success())), [], []);
    let other = Requested { call: call(2), ..wanted(Read) };
    let other = Command::Request { requested: other, outcome: None };
    refused(&[requested(Read)], other, "call_requested");
}

#[test]
fn before_it_was_asked_for_there_is_nothing_to_ask() {
    let commands = [record(success()), Command::Wake, Command::Cancel, resolve(Resolution::Repeat)];
    commands.into_iter().for_each(|command| refused(&[], command, "call_missing"));
}

#[test]
fn what_came_of_it_is_recorded_once() {
    let history = [requested(Keyed)];
    check(&history, record(success()), [succeeded()], []);
    check(&history, record(sleep()), [deferred()], asleep());
    check(&history, record(Outcome::Failed(failure(false))), [failed()], []);
    // It may be made again by whoever wants to: there is nothing to doubt.
    check(&history, record(Outcome::Failed(failure(true))), [failed()], []);
    for over in [succeeded(), failed(), CANCELLED] {
        check(&[requested(Keyed), over], record(success()), [], []);
    }
}

#[test]
fn no_answer_to_what_must_not_be_repeated_is_a_doubt() {
    let doubt = Event::Doubted(Doubted { doubt: Doubt::Unanswered, error: Some(sealed(2)) });
    let history = [requested(AtMostOnce)];
    check(&history, record(Outcome::Failed(failure(true))), [doubt], []);
    check(&history, record(Outcome::Failed(failure(false))), [failed()], []);
}

#[test]
fn it_wakes_when_its_moment_has_come() {
    let history = [requested(Read), deferred()];
    check(&history, Command::Wake, [], asleep());
    given::<Call>(history).at(at(5)).when(Command::Wake).then(&[succeeded()]).then_pending(&[]);
    check(&[requested(Read)], Command::Wake, [], under_way());
}

#[test]
fn it_can_be_stopped_until_it_is_over() {
    check(&[requested(Keyed)], Command::Cancel, [CANCELLED], []);
    check(&[requested(Read), deferred()], Command::Cancel, [CANCELLED], []);
    check(&[requested(Keyed), CANCELLED], Command::Cancel, [], []);
    let doubt = doubted(Doubt::Cancelled);
    check(&[requested(AtMostOnce)], Command::Cancel, [doubt.clone()], []);
    check(&[requested(AtMostOnce), doubt], Command::Cancel, [], []);
    for over in [succeeded(), failed()] {
        refused(&[requested(Keyed), over], Command::Cancel, "call_finished");
    }
}

#[test]
fn a_doubt_is_settled_by_somebody() {
    let history = [requested(AtMostOnce), doubted(Doubt::Restarted)];
    let done = Resolution::Done(sealed(7));
    check(&history, resolve(done.clone()), [resolved(done.clone())], []);
    check(&history, resolve(Resolution::Repeat), [resolved(Resolution::Repeat)], under_way());
    check(&history, record(success()), [], []);
    let settled = [history.as_slice(), &[resolved(done)]].concat();
    refused(&settled, resolve(Resolution::Repeat), "call_not_in_doubt");
    refused(&[requested(AtMostOnce)], resolve(Resolution::Repeat), "call_not_in_doubt");
}

#[test]
fn found_unfinished_only_what_must_not_be_repeated_is_in_doubt() {
    let found = |history: &[Event]| given::<Call>(history.to_vec()).state().restarted();
    assert_eq!(found(&[requested(AtMostOnce)]), [doubted(Doubt::Restarted)]);
    assert_eq!(found(&[requested(Keyed)]), []);
    assert_eq!(found(&[requested(AtMostOnce), succeeded()]), []);
    let again = [requested(AtMostOnce), doubted(Doubt::Restarted), resolved(Resolution::Repeat)];
    assert_eq!(found(&again), [doubted(Doubt::Restarted)]);
}
