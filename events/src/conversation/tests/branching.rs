//! Branches, and what a model is shown of them.

use super::*;

fn edit(message: i64, edited: i64) -> Command {
    Command::PostMessage(Post { edits: Some(MessageId(edited)), ..post(message) })
}

/// The turn of a message, from its posting to its end: four events.
fn turn(message: i64, parent: Option<i64>) -> Vec<Event> {
    let answer = Answer { turn: MessageId(message), ..answer(1, vec![]) };
    vec![posted(message, parent), begun(message), answered(answer, []), done(message)]
}

/// So many turns in a row, of 40 tokens each: 12 said, 20 answered, 8 for the frame.
fn turns(count: i64) -> Vec<Event> {
    let parent = |n: i64| (n > 0).then_some(n * 2 - 1);
    and(open(), (0..count).flat_map(|n| turn(n * 2 + 1, parent(n))))
}

/// The turns that a model is shown, and the newest of the summary before them.
fn shown(history: Vec<Event>, tokens: u32) -> (Option<i64>, Vec<i64>) {
    let window = given::<Conversation>(history).state().window(tokens);
    let turns = window.turns.iter().map(|stretch| stretch.turn.0).collect();
    (window.summary.map(|summary| summary.up_to.0), turns)
}

#[test]
fn an_edit_opens_a_branch_beside_what_it_edits() {
    check(turns(2), edit(9, 3), [posted(9, Some(1)), begun(9)], [complete(9, 1, 1)]);
    check(turns(2), edit(9, 1), [posted(9, None), begun(9)], [complete(9, 1, 1)]);
    refused(turns(2), edit(9, 5), "message_missing");
    let branched = and(turns(2), turn(9, Some(1)));
    check(branched, say(11), [posted(11, Some(9)), begun(11)], [complete(11, 1, 1)]);
}

#[test]
fn another_branch_can_go_on() {
    let branched = || and(turns(2), turn(9, Some(1)));
    let select = |message| Command::SelectBranch { message: MessageId(message) };
    let selected = |message| {
        let message = MessageId(message);
        Event::BranchSelected(BranchSelected { message })
    };
    check(branched(), select(3), [selected(3)], []);
    let further = and(turns(3), turn(9, Some(1)));
    check(further, select(3), [selected(5)], []);
    // The newest continuation of what both have in common is the edit.
    check(branched(), select(1), [], []);
    check(branched(), select(9), [], []);
    refused(branched(), select(8), "message_missing");
    let back = and(branched(), [selected(3)]);
    check(back, say(11), [posted(11, Some(3)), begun(11)], [complete(11, 1, 1)]);
}

#[test]
fn a_model_is_shown_its_own_branch() {
    let began = |message, parent| [posted(message, Some(parent)), begun(message)];
    assert_eq!(shown(and(turns(3), began(7, 5)), 200), (None, vec![1, 3, 5, 7]));
    assert_eq!(shown(and(turns(3), began(7, 5)), 80), (None, vec![3, 5, 7]));
    assert_eq!(shown(and(turns(3), began(7, 5)), 0), (None, vec![7]));
    assert_eq!(shown(and(turns(3), began(9, 1)), 200), (None, vec![1, 9]));
    assert_eq!(shown(turns(3), 200), (None, vec![]));
}

#[test]
fn a_window_says_where_everything_stands() {
    let state = and(turns(1), [posted(3, Some(1)), begun(3), posted(5, Some(3))]);
    let window = given::<Conversation>(state).state().window(100);
    let version = Version;
    let stretch = |turn, posted, first, last| Stretch {
        turn: MessageId(turn),
        posted: version(posted),
        span: Some((version(first), version(last))),
        later: vec![],
    };
    assert_eq!(window.turns, [stretch(1, 2, 3, 5), stretch(3, 6, 7, 8)]);
}

#[test]
fn what_does_not_fit_is_summarised_first() {
    let summarise =
        |attempt, up_to| Effect::Summarise { turn: MessageId(7), up_to: MessageId(up_to), attempt };
    // Three turns of 40 are more than the window of 100; one of them is left whole.
    let long = || and(turns(3), [posted(7, Some(5)), begun(7)]);
    check(turns(3), say(7), [posted(7, Some(5)), begun(7)], [summarise(1, 3)]);
    let unsummarised = given::<Conversation>(long()).state().unsummarised();
    let turns_of = |window: &Window| window.turns.iter().map(|it| it.turn.0).collect::<Vec<_>>();
    assert_eq!((unsummarised.summary, turns_of(&unsummarised)), (None, vec![1, 3]));

    let summary = Command::RecordSummary(summarised(7, 3));
    check(long(), summary, [Event::Summarised(summarised(7, 3))], [complete(7, 1, 1)]);
    check(long(), Command::RecordSummary(summarised(7, 1)), [], [summarise(1, 3)]);
    let short = and(long(), [Event::Summarised(summarised(7, 3))]);
    assert_eq!(shown(short.clone(), 100), (Some(3), vec![5, 7]));
    check(short, Command::RecordSummary(summarised(7, 3)), [], [complete(7, 1, 1)]);
}

#[test]
fn a_turn_goes_on_without_a_summary_that_cannot_be_had() {
    let long = || and(turns(3), [posted(7, Some(5)), begun(7)]);
    let fail = |attempt, retryable| {
        let (turn, failure) = (MessageId(7), no_answer(retryable));
        Command::RecordSummaryFailure { turn, attempt, failure }
    };
    let failed = |attempt, retry: Option<i64>| {
        Event::SummaryFailed(SummaryFailed {
            turn: MessageId(7),
            attempt,
            code: "overloaded".to_owned(),
            error: sealed(5),
            retry_at: retry.map(at),
        })
    };
    let again = given::<Conversation>(long()).when(fail(1, true)).then(&[failed(1, Some(1))]);
    let effect = Effect::Summarise { turn: MessageId(7), up_to: MessageId(3), attempt: 2 };
    again.then_pending(&[Pending::at(effect, at(1))]);
    check(long(), fail(1, false), [failed(1, None)], [complete(7, 1, 1)]);
    check(and(long(), [failed(1, None)]), fail(1, false), [], [complete(7, 1, 1)]);
    assert_eq!(shown(and(long(), [failed(1, None)]), 100), (None, vec![3, 5, 7]));
}
