//! The turn under way: whom it asks, what it has used up, which calls are open.
//!
//! Never here: what is said, or the turns before; and nothing of what follows a turn's end.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::command::{Answer, Check, CheckedCall, CompletionFailure, Outcome};
use super::event::{
    Answered, CallDoubted, CallFailed, CallSucceeded, CompletionFailed, Event, SummaryFailed,
    TurnCompleted, TurnFailed, TurnLimited,
};
use super::terms::{ModelRef, Note, Plan, RequestedCall, Usage, Verdict};
use crate::effect::{Class, Effect, Pending};
use crate::id::{CallId, MessageId};
use crate::outcome::{Doubt, pause};
use crate::recorded::Version;

/// How many times one model is asked for one answer.
const TRIES: u32 = 3;
/// How many times a call is made again.
const RETRIES: u32 = 2;
/// The first pause before a retry, in milliseconds.
const FIRST_PAUSE_MS: u64 = 1_000;
/// How many times a turn may ask for the same call with the same arguments.
const SAME_CALLS: u32 = 2;

/// The turn under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The turn, by its person's message.
    pub turn: MessageId,
    /// How it is answered.
    pub plan: Plan,
    /// When its time is used up.
    pub deadline: DateTime<Utc>,
    /// The answer that is next, from 1.
    pub round: u32,
    /// The next try of that answer, or of the summary before it, from 1.
    pub attempt: u32,
    /// What is used up, so that the next answer is the last and may ask for no calls.
    pub closing: Option<Note>,
    /// The place of the model that is asked, and how often it failed in this round.
    model: usize,
    failures: u32,
    /// The next answer, or summary, is not asked for before this moment.
    due: Option<DateTime<Utc>>,
    /// Whether the summary that it needs could not be had.
    unsummarised: bool,
    tokens: u64,
    cost_micros: u64,
    calls: u32,
    asked: Vec<Asked>,
    open: Vec<OpenCall>,
}

/// How often a call was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    tool: String,
    arguments_hash: String,
    times: u32,
}

/// A call that is not settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenCall {
    /// The call.
    pub call: CallId,
    /// The version of the `answered` event that has its tool, arguments and connection.
    pub asked: Version,
    /// What the world can notice of it.
    pub class: Class,
    /// The next try, or the one under way, from 1.
    pub attempt: u32,
    /// What it waits for.
    pub stage: Stage,
}

/// What an open call waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A person's approval of its arguments, until a moment.
    Proposed {
        /// What they are told apart by.
        arguments_hash: String,
        /// When the proposal lapses.
        expires_at: DateTime<Utc>,
    },
    /// Its outcome; it is made at once, or again at a moment.
    Called {
        /// That moment.
        due: Option<DateTime<Utc>>,
    },
}

// The rules.
impl Turn {
    /// The model that is asked.
    pub fn model(&self) -> Option<&ModelRef> {
        self.plan.models.get(self.model)
    }

    /// An open call.
    pub fn call(&self, call: CallId) -> Option<&OpenCall> {
        self.open.iter().find(|open| open.call == call)
    }

    /// Whether it waits for this answer.
    pub(super) fn awaits(&self, turn: MessageId, round: u32) -> bool {
        self.turn == turn && self.round == round && self.open.is_empty()
    }

    /// Whether it still wants a summary where it needs one.
    pub(super) fn wants_summary(&self) -> bool {
        self.open.is_empty() && !self.unsummarised
    }

    /// The moment at which its time is used up, if that begins now.
    pub(super) fn deadline_from(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        deadline(&self.plan, at)
    }

    /// What this answer has used up, if anything.
    fn used_up(&self, answer: &Answer, at: DateTime<Utc>) -> Option<Note> {
        let limits = &self.plan.limits;
        let tokens = self.tokens.saturating_add(answer.usage.total());
        let cost = self.cost_micros.saturating_add(answer.cost_micros.unwrap_or_default());
        [
            (answer.round > limits.rounds, Note::Rounds),
            (tokens >= limits.tokens, Note::Tokens),
            (limits.cost_micros.is_some_and(|limit| cost >= limit), Note::Money),
            (at >= self.deadline, Note::Time),
        ]
        .into_iter()
        .find_map(|(reached, note)| reached.then_some(note))
    }

    /// What follows from an answer: its calls are judged, or it is the last.
    pub(super) fn answer(&self, answer: Answer, at: DateTime<Utc>) -> Vec<Event> {
        let used_up = self.used_up(&answer, at);
        let (turn, round) = (answer.turn, answer.round);
        let mut limit = self.closing.or(used_up);
        let mut calls: Vec<RequestedCall> = Vec::new();
        for call in answer.calls {
            let verdict = match limit {
                Some(note) => Err(note),
                None => self.judge(&calls, &call, at),
            };
            limit = limit.or(verdict.as_ref().err().copied());
            let verdict = verdict.unwrap_or_else(|note| Verdict::Withheld { note });
            let CheckedCall { call, message, model_id, tool, arguments, arguments_hash, .. } = call;
            calls.push(RequestedCall {
                call,
                message,
                model_id,
                tool,
                arguments,
                arguments_hash,
                verdict,
            });
        }
        let last = calls.is_empty() || self.closing.is_some();
        let answered = Event::Answered(Answered {
            turn,
            round,
            model: answer.model,
            window: answer.window,
            summary: answer.summary,
            tools: answer.tools,
            answer: answer.answer,
            usage: answer.usage,
            cost_micros: answer.cost_micros,
            stop: answer.stop,
            calls,
        });
        if last {
            let (message, note) = (self.plan.reply, self.closing);
            return vec![answered, Event::TurnCompleted(TurnCompleted { turn, message, note })];
        }
        let rounds = (round >= self.plan.limits.rounds).then_some(Note::Rounds);
        let limited = limit.or(rounds).map(|note| Event::TurnLimited(TurnLimited { turn, note }));
        std::iter::once(answered).chain(limited).collect()
    }

    /// What shall become of a call, after those of the same answer that are judged already; an
    /// error where it uses up what the turn may.
    fn judge(
        &self,
        before: &[RequestedCall],
        call: &CheckedCall,
        at: DateTime<Utc>,
    ) -> Result<Verdict, Note> {
        let same = |tool: &str, hash: &str| tool == call.tool && hash == call.arguments_hash;
        let earlier = self.asked.iter().find(|it| same(&it.tool, &it.arguments_hash));
        let now = before.iter().filter(|it| same(&it.tool, &it.arguments_hash)).count();
        if earlier.map_or(0, |it| it.times as usize) + now >= SAME_CALLS as usize {
            return Err(Note::Repetition);
        }
        let (class, destructive, connection) = match &call.check {
            Check::Faulty { error } => return Ok(Verdict::Rejected { error: error.clone() }),
            Check::Callable { class, destructive, connection } => {
                (*class, *destructive, *connection)
            }
        };
        let made = before.iter().filter(|it| it.verdict.is_made()).count();
        if self.calls as usize + made >= self.plan.limits.calls as usize {
            return Err(Note::Calls);
        }
        let approval = &self.plan.approval;
        let needed =
            (approval.destructive && destructive) || (approval.at_most_once && !class.repeatable());
        Ok(if needed {
            let expires_at = at + TimeDelta::seconds(approval.time_s.into());
            Verdict::NeedsApproval { class, connection, expires_at }
        } else {
            Verdict::Ready { class, connection }
        })
    }

    /// What follows when no answer came: the same model again, the next one, or the end.
    pub(super) fn fail_completion(
        &self,
        failure: CompletionFailure,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let Some(model) = self.model().cloned() else { return Vec::new() };
        let (turn, round, attempt) = (self.turn, self.round, self.attempt);
        let CompletionFailure { code, error, .. } = &failure;
        let (code, error) = (code.clone(), error.clone());
        let retry_at = self.retry(&failure, self.failures, at);
        let next = self.plan.models.get(self.model + 1).filter(|_| retry_at.is_none()).cloned();
        let ended = retry_at.is_none() && next.is_none();
        let failed = Event::CompletionFailed(CompletionFailed {
            turn,
            round,
            attempt,
            model,
            code: code.clone(),
            error: error.clone(),
            retry_at,
            next,
        });
        let message = self.plan.reply;
        let end = ended.then_some(Event::TurnFailed(TurnFailed { turn, message, code, error }));
        std::iter::once(failed).chain(end).collect()
    }

    /// When a model is asked again that failed; none where it is not, or not within the turn's
    /// time.
    fn retry(
        &self,
        failure: &CompletionFailure,
        failures: u32,
        at: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let pause = at + pause(FIRST_PAUSE_MS, failures);
        let retry_at = failure.retry_after.map_or(pause, |named| named.max(pause));
        (failure.retryable && failures + 1 < TRIES && retry_at < self.deadline).then_some(retry_at)
    }

    /// What follows when no summary came: another try, or the turn goes on without.
    pub(super) fn fail_summary(&self, failure: CompletionFailure, at: DateTime<Utc>) -> Event {
        let retry_at = self.retry(&failure, self.failures, at);
        let CompletionFailure { code, error, .. } = failure;
        let (turn, attempt) = (self.turn, self.attempt);
        Event::SummaryFailed(SummaryFailed { turn, attempt, code, error, retry_at })
    }

    /// What follows from the outcome of a try of a call.
    pub(super) fn record(
        &self,
        call: CallId,
        attempt: u32,
        outcome: Outcome,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let open = self
            .call(call)
            .filter(|open| open.attempt == attempt && matches!(open.stage, Stage::Called { .. }));
        let Some(open) = open else { return Vec::new() };
        let failure = match outcome {
            Outcome::Succeeded { result, shown, tokens } => {
                let done = CallSucceeded { call, result, shown, tokens };
                return self.settle(Event::CallSucceeded(done), at);
            }
            Outcome::Failed(failure) => failure,
        };
        if failure.unanswered && !open.class.repeatable() {
            let (doubt, error) = (Doubt::Unanswered, Some(failure.error));
            return self.settle(Event::CallDoubted(CallDoubted { call, doubt, error }), at);
        }
        let pause = at + pause(FIRST_PAUSE_MS, attempt.saturating_sub(1));
        let moment = failure.retry_after.map_or(pause, |named| named.max(pause));
        let again = failure.retryable
            && open.class.repeatable()
            && attempt <= RETRIES
            && moment < self.deadline;
        let (code, error, result) = (failure.code, failure.error, failure.result);
        let retry_at = again.then_some(moment);
        let failed = Event::CallFailed(CallFailed { call, attempt, code, error, result, retry_at });
        if again { vec![failed] } else { self.settle(failed, at) }
    }

    /// A call is settled; where it was the last, the time is looked at.
    fn settle(&self, settled: Event, at: DateTime<Utc>) -> Vec<Event> {
        let late = self.open.len() == 1 && self.closing.is_none() && at >= self.deadline;
        let (turn, note) = (self.turn, Note::Time);
        let limited = late.then_some(Event::TurnLimited(TurnLimited { turn, note }));
        std::iter::once(settled).chain(limited).collect()
    }

    /// The doubts that stopping now leaves behind: of calls that may be under way and cannot
    /// simply be made again.
    pub(super) fn doubts(&self, doubt: Doubt) -> impl Iterator<Item = Event> {
        self.open
            .iter()
            .filter(|open| matches!(open.stage, Stage::Called { .. }) && !open.class.repeatable())
            .map(move |open| {
                Event::CallDoubted(CallDoubted { call: open.call, doubt, error: None })
            })
    }

    /// What it waits for; `up_to` is the newest turn that must be summarised first.
    pub(super) fn pending(&self, up_to: Option<MessageId>) -> Vec<Pending> {
        let &Self { turn, round, attempt, due, .. } = self;
        if self.open.is_empty() {
            let effect = match up_to {
                Some(up_to) => Effect::Summarise { turn, up_to, attempt },
                None => Effect::Complete { turn, round, attempt },
            };
            return vec![Pending { effect, due }];
        }
        self.open.iter().map(OpenCall::pending).collect()
    }
}

impl OpenCall {
    fn pending(&self) -> Pending {
        let &Self { call, attempt, .. } = self;
        match self.stage {
            Stage::Called { due } => Pending { effect: Effect::CallTool { call, attempt }, due },
            Stage::Proposed { expires_at, .. } => Pending::at(Effect::Expire { call }, expires_at),
        }
    }
}

/// The moment at which a turn's time is used up that begins now.
pub(super) fn deadline(plan: &Plan, at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::seconds(plan.limits.time_s.into())
}

// The fold.
impl Turn {
    pub(super) fn new(turn: MessageId, plan: Plan, deadline: DateTime<Utc>) -> Self {
        Self {
            turn,
            plan,
            deadline,
            round: 1,
            attempt: 1,
            closing: None,
            model: 0,
            failures: 0,
            due: None,
            unsummarised: false,
            tokens: 0,
            cost_micros: 0,
            calls: 0,
            asked: Vec::new(),
            open: Vec::new(),
        }
    }

    fn spend(&mut self, tokens: u64, cost_micros: Option<u64>) {
        self.tokens = self.tokens.saturating_add(tokens);
        self.cost_micros = self.cost_micros.saturating_add(cost_micros.unwrap_or_default());
    }

    /// The next answer, or the first after a summary, is asked for at once.
    fn refresh(&mut self) {
        (self.attempt, self.failures, self.due) = (1, 0, None);
    }

    pub(super) fn fold_answer(&mut self, answered: &Answered, version: Version) {
        self.spend(answered.usage.total(), answered.cost_micros);
        self.round += 1;
        self.refresh();
        for requested in &answered.calls {
            let stage = match requested.verdict {
                Verdict::Ready { .. } => Some(Stage::Called { due: None }),
                Verdict::NeedsApproval { expires_at, .. } => {
                    let arguments_hash = requested.arguments_hash.clone();
                    Some(Stage::Proposed { arguments_hash, expires_at })
                }
                Verdict::Rejected { .. } | Verdict::Withheld { .. } => None,
            };
            if let (Some(stage), Some(class)) = (stage, requested.verdict.class()) {
                self.calls += 1;
                let call = requested.call;
                self.open.push(OpenCall { call, asked: version, class, attempt: 1, stage });
            }
            self.count(requested);
        }
    }

    fn count(&mut self, requested: &RequestedCall) {
        let RequestedCall { tool, arguments_hash, .. } = requested;
        let same = |it: &&mut Asked| it.tool == *tool && it.arguments_hash == *arguments_hash;
        match self.asked.iter_mut().find(same) {
            Some(asked) => asked.times += 1,
            None => self.asked.push(Asked {
                tool: tool.clone(),
                arguments_hash: arguments_hash.clone(),
                times: 1,
            }),
        }
    }

    pub(super) fn fold_completion_failure(&mut self, failed: &CompletionFailed) {
        self.attempt += 1;
        self.due = failed.retry_at;
        self.failures += 1;
        if failed.next.is_some() {
            self.model += 1;
            self.failures = 0;
        }
    }

    pub(super) fn fold_summary(&mut self, usage: Usage, cost_micros: Option<u64>) {
        self.spend(usage.total(), cost_micros);
        self.refresh();
    }

    pub(super) fn fold_summary_failure(&mut self, failed: &SummaryFailed) {
        self.attempt += 1;
        self.failures += 1;
        self.due = failed.retry_at;
        if failed.retry_at.is_none() {
            self.unsummarised = true;
            self.refresh();
        }
    }

    pub(super) fn fold_approval(&mut self, call: CallId, deadline: DateTime<Utc>) {
        self.deadline = deadline;
        if let Some(open) = self.open.iter_mut().find(|open| open.call == call) {
            open.stage = Stage::Called { due: None };
        }
    }

    pub(super) fn fold_call_failure(&mut self, failed: &CallFailed) {
        match self.open.iter_mut().find(|open| open.call == failed.call) {
            Some(open) if failed.retry_at.is_some() => {
                open.attempt += 1;
                open.stage = Stage::Called { due: failed.retry_at };
            }
            _ => self.close(failed.call),
        }
    }

    pub(super) fn close(&mut self, call: CallId) {
        self.open.retain(|open| open.call != call);
    }
}
