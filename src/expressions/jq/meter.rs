//! What a jq filter costs: counting rewritten into the filter itself.
//!
//! jaq offers no limits, so a filter is rewritten before it is compiled: each call of a
//! definition, each item of a `range` and each round of `reduce` and `foreach` costs a step,
//! and whatever becomes part of a new value costs its size as a text (`!weigh`), so that no
//! value can be larger than its input and what was spent. `!` cannot stand in a name, so no
//! filter can call or replace these. When nothing is left, the filter is halted, which `try`
//! does not catch. Never here: how a filter is run.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use jaq_core::box_iter::box_once;
use jaq_core::data::HasLut;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::native::{Fun, v};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};
use jaq_core::{Cv, DataT, Error, Exn, Lut, Native, ValXs};
use jaq_json::{Num, Val};

/// How many steps a run may take; a step pays for 64 bytes too.
const STEPS: usize = 1_000_000;

/// How much of the stack may be used.
const DEEPEST: usize = 128 << 20;

/// The longest string that may be read as JSON, since long numbers take long.
const LONGEST_JSON: usize = 1 << 20;

/// Natives of the library that reach outside the filter, or are counted here.
const NOT_OFFERED: [&str; 8] =
    ["env", "halt", "now", "localtime", "strflocaltime", "debug_empty", "stderr_empty", "range"];

const TICK: &str = "!tick";
const WEIGH: &str = "!weigh";
const TIMES: &str = "!times";
const SHORT: &str = "!short";
const VALUE: &str = "$!value";
const PRESENT: &str = "$!present";

/// Why a filter was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It has spent all.
    Work,
    /// It is nested too deep.
    Depth,
    /// Nobody waits for it any more.
    Dropped,
}

/// What one run has left.
#[derive(Debug)]
pub(super) struct Meter {
    left: Cell<usize>,
    stopped: Cell<Option<Stopped>>,
    base: usize,
    now: f64,
    dropped: Arc<AtomicBool>,
}

/// Where this function's frame lies on the stack.
#[inline(never)]
fn place() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl Meter {
    /// A full meter, made on the thread of the run.
    pub(super) fn new(now: DateTime<Utc>, dropped: Arc<AtomicBool>) -> Self {
        let now = now.timestamp_micros() as f64 / 1e6;
        Self { left: Cell::new(STEPS), stopped: Cell::new(None), base: place(), now, dropped }
    }

    /// Why the run was stopped.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.stopped.get()
    }

    /// Pays for some steps.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Stopped> {
        let stopped = match self.left.get().checked_sub(steps) {
            _ if self.dropped.load(Ordering::Relaxed) => Stopped::Dropped,
            _ if self.base.abs_diff(place()) > DEEPEST => Stopped::Depth,
            None => Stopped::Work,
            Some(left) => {
                self.left.set(left);
                return Ok(());
            }
        };
        self.left.set(0);
        self.stopped.set(Some(stopped));
        Err(stopped)
    }

    /// Pays for a value: a step for each value in it, and for each 64 bytes of a string.
    fn weigh(&self, value: &Val) -> Result<(), Stopped> {
        match value {
            Val::Null | Val::Bool(_) | Val::Num(Num::Int(_) | Num::Float(_)) => self.spend(1),
            Val::Num(Num::BigInt(number)) => self.spend(1 + bits(number.bits()) / 64),
            Val::Num(Num::Dec(text)) => self.spend(1 + text.len() / 64),
            Val::TStr(text) | Val::BStr(text) => self.spend(1 + text.len() / 64),
            Val::Arr(items) => {
                self.spend(1)?;
                items.iter().try_for_each(|item| self.weigh(item))
            }
            Val::Obj(members) => {
                self.spend(1)?;
                members.iter().try_for_each(|(key, member)| {
                    self.weigh(key)?;
                    self.weigh(member)
                })
            }
        }
    }

    /// Pays for a product before it is made.
    fn weigh_product(&self, left: &Val, right: &Val) -> Result<(), Stopped> {
        let big = |number: &Val| match number {
            Val::Num(Num::BigInt(number)) => bits(number.bits()),
            _ => 64,
        };
        match (left, right) {
            (Val::TStr(text) | Val::BStr(text), times)
            | (times, Val::TStr(text) | Val::BStr(text)) => match times {
                Val::Num(Num::Int(times)) => {
                    let times = usize::try_from(*times).unwrap_or(0);
                    self.spend(1 + text.len().saturating_mul(times) / 64)
                }
                Val::Num(Num::BigInt(_)) => self.spend(STEPS + 1),
                _ => self.spend(1),
            },
            (Val::Num(_), Val::Num(_)) => {
                self.spend(1 + big(left).saturating_mul(big(right)) / (64 * 64))
            }
            (_, right) => self.weigh(right),
        }
    }
}

fn bits(bits: u64) -> usize {
    usize::try_from(bits).unwrap_or(usize::MAX)
}

/// The kind of data of metered filters.
pub(super) struct Metered;

/// What natives can reach.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) lut: &'a Lut<Metered>,
    pub(super) meter: &'a Meter,
}

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

impl<'a> HasLut<'a, Metered> for Data<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.lut
    }
}

fn halted<'a>(_: Stopped) -> Exn<'a, Val> {
    Exn::halt(1)
}

/// Passes a value on when it is paid for, whether it is run, gives paths or is updated.
macro_rules! passing {
    ($pay:expr) => {
        Native::<Metered>::new(|cv: Cv<'_, Metered>| {
            box_once($pay(cv.0.data().meter, &cv.1).map(|()| cv.1).map_err(halted))
        })
        .with_paths(|cv| box_once($pay(cv.0.data().meter, &cv.1.0).map(|()| cv.1).map_err(halted)))
        .with_update(|cv, update| match $pay(cv.0.data().meter, &cv.1) {
            Ok(()) => update(cv.1),
            Err(stopped) => box_once(Err(halted(stopped))),
        })
    };
}

/// All natives: those of the library that stay inside, and the meter's own.
pub(super) fn natives() -> Vec<Fun<Metered>> {
    let library = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let own: [Fun<Metered>; 6] = [
        (TICK, v(0), passing!(|meter: &Meter, _: &Val| meter.spend(1))),
        (WEIGH, v(0), passing!(|meter: &Meter, value: &Val| meter.weigh(value))),
        (SHORT, v(0), Native::<Metered>::new(|cv| box_once(short(cv.1).map_err(Exn::from)))),
        (TIMES, v(1), Native::<Metered>::new(times)),
        ("now", v(0), Native::<Metered>::new(|cv| box_once(Ok(Val::from(cv.0.data().meter.now))))),
        ("range", v(3), Native::<Metered>::new(range)),
    ];
    library.filter(|(name, ..)| !NOT_OFFERED.contains(name)).chain(own).collect()
}

fn short(value: Val) -> Result<Val, Error<Val>> {
    match &value {
        Val::TStr(text) | Val::BStr(text) if text.len() > LONGEST_JSON => {
            Err(Error::str("a string of more than 1 MiB is not read as JSON"))
        }
        _ => Ok(value),
    }
}

/// The product of an argument and the input.
fn times<'a>(mut cv: Cv<'a, Metered>) -> ValXs<'a, Val> {
    let left = cv.0.pop_var();
    box_once(match cv.0.data().meter.weigh_product(&left, &cv.1) {
        Ok(()) => (left * cv.1).map_err(Exn::from),
        Err(stopped) => Err(halted(stopped)),
    })
}

/// The library's `range(from; upto; by)`, paid for by item.
fn range<'a>(mut cv: Cv<'a, Metered>) -> ValXs<'a, Val> {
    let (by, upto, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
    let meter = cv.0.data().meter;
    let zero = Val::from(0isize);
    let mut next = Some(from);
    Box::new(std::iter::from_fn(move || {
        let value = next.take()?;
        let goes_on = match by.cmp(&zero) {
            std::cmp::Ordering::Greater => value < upto,
            std::cmp::Ordering::Less => value > upto,
            std::cmp::Ordering::Equal => value != upto,
        };
        if !goes_on {
            return None;
        }
        if let Err(stopped) = meter.spend(1) {
            return Some(Err(halted(stopped)));
        }
        match value.clone() + by.clone() {
            Ok(following) => {
                next = Some(following);
                Some(Ok(value))
            }
            Err(error) => Some(Err(error.into())),
        }
    }))
}

type T<'s> = Term<&'s str>;

/// A definition that counts its calls.
pub(super) fn definition<'s>(definition: Def<&'s str>, natives: &[&str]) -> Def<&'s str> {
    let Def { name, args, body } = definition;
    Def { name, args, body: pipe(call(TICK), Rewrite(natives).term(body)) }
}

fn call<'s>(name: &'s str) -> T<'s> {
    Term::Call(name, Vec::new())
}

fn binary<'s>(left: T<'s>, operator: BinaryOp<&'s str>, right: T<'s>) -> T<'s> {
    Term::BinOp(Box::new(left), operator, Box::new(right))
}

fn pipe<'s>(left: T<'s>, right: T<'s>) -> T<'s> {
    binary(left, BinaryOp::Pipe(None), right)
}

fn weighed(term: T<'_>) -> T<'_> {
    pipe(term, call(WEIGH))
}

/// `value as $!value | body`
fn bound<'s>(value: T<'s>, body: T<'s>) -> T<'s> {
    binary(value, BinaryOp::Pipe(Some(Pattern::Var(VALUE))), body)
}

struct Rewrite<'n>(&'n [&'n str]);

impl Rewrite<'_> {
    fn boxed<'s>(&self, term: T<'s>) -> Box<T<'s>> {
        Box::new(self.term(term))
    }

    fn terms<'s>(&self, terms: Vec<T<'s>>) -> Vec<T<'s>> {
        terms.into_iter().map(|term| self.term(term)).collect()
    }

    fn term<'s>(&self, term: T<'s>) -> T<'s> {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
            Term::Str(format, parts) => {
                let parts = parts.into_iter().map(|part| match part {
                    StrPart::Term(term) => StrPart::Term(weighed(self.term(term))),
                    plain => plain,
                });
                Term::Str(format, parts.collect())
            }
            Term::Arr(items) => Term::Arr(items.map(|items| Box::new(weighed(self.term(*items))))),
            Term::Obj(members) => {
                Term::Obj(members.into_iter().map(|(key, value)| self.member(key, value)).collect())
            }
            Term::Neg(term) => Term::Neg(self.boxed(*term)),
            Term::BinOp(left, operator, right) => self.operation(*left, operator, *right),
            Term::Label(name, body) => Term::Label(name, self.boxed(*body)),
            Term::Fold(name, items, pattern, steps) => {
                let mut steps = self.terms(steps);
                // The first is where it begins, the second is done for each item.
                if let Some(round) = steps.get_mut(1) {
                    *round = pipe(call(TICK), std::mem::take(round));
                }
                Term::Fold(name, self.boxed(*items), self.pattern(pattern), steps)
            }
            Term::TryCatch(body, handler) => {
                Term::TryCatch(self.boxed(*body), handler.map(|handler| self.boxed(*handler)))
            }
            Term::IfThenElse(branches, otherwise) => Term::IfThenElse(
                branches
                    .into_iter()
                    .map(|(test, branch)| (self.term(test), self.term(branch)))
                    .collect(),
                otherwise.map(|otherwise| self.boxed(*otherwise)),
            ),
            Term::Def(definitions, body) => Term::Def(
                definitions.into_iter().map(|inner| definition(inner, self.0)).collect(),
                self.boxed(*body),
            ),
            Term::Call("fromjson", arguments) if arguments.is_empty() => {
                pipe(call(SHORT), weighed(call("fromjson")))
            }
            Term::Call(name, arguments) => {
                let is_native = self.0.contains(&name);
                let generates = matches!(name, "first" | "last" | "limit" | "skip" | "range");
                let call = Term::Call(name, self.terms(arguments));
                if is_native && !generates { weighed(call) } else { call }
            }
            Term::Path(term, path) => Term::Path(self.boxed(*term), self.path(path)),
        }
    }

    fn member<'s>(&self, key: T<'s>, value: Option<T<'s>>) -> (T<'s>, Option<T<'s>>) {
        match (key, value) {
            // Without a value, the key says what it is: `{a}`, `{$a}`, `{"a"}`.
            (key @ (Term::Var(_) | Term::Str(..)), None) => (key, None),
            (key, None) => (self.term(key), None),
            (key, Some(value)) => (self.index(key), Some(weighed(self.term(value)))),
        }
    }

    fn pattern<'s>(&self, pattern: Pattern<&'s str>) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(items) => {
                Pattern::Arr(items.into_iter().map(|item| self.pattern(item)).collect())
            }
            Pattern::Obj(members) => Pattern::Obj(
                members
                    .into_iter()
                    .map(|(key, member)| match key {
                        key @ Term::Var(_) => (key, self.pattern(member)),
                        key => (self.term(key), self.pattern(member)),
                    })
                    .collect(),
            ),
        }
    }

    fn path<'s>(&self, path: Path<T<'s>>) -> Path<T<'s>> {
        let part = |part| match part {
            Part::Index(index) => Part::Index(self.index(index)),
            Part::Range(from, upto) => {
                Part::Range(from.map(|from| self.term(from)), upto.map(|upto| self.term(upto)))
            }
        };
        Path(path.0.into_iter().map(|(inner, optional)| (part(inner), optional)).collect())
    }

    /// A key or an index, which may become part of an object.
    fn index<'s>(&self, index: T<'s>) -> T<'s> {
        match &index {
            Term::Num(_) => index,
            Term::Str(None, parts)
                if parts.iter().all(|part| !matches!(part, StrPart::Term(_))) =>
            {
                index
            }
            _ => weighed(self.term(index)),
        }
    }

    fn operation<'s>(&self, left: T<'s>, operator: BinaryOp<&'s str>, right: T<'s>) -> T<'s> {
        let (left, right) = (self.term(left), self.term(right));
        let paid = || weighed(Term::Var(VALUE));
        // `left |= change`, where the change may use what the right side gives.
        let updated = |left, right, change| bound(right, binary(left, BinaryOp::Update, change));
        match operator {
            BinaryOp::Math(Math::Mul) => {
                bound(left, pipe(right, Term::Call(TIMES, vec![Term::Var(VALUE)])))
            }
            BinaryOp::Math(Math::Add) => binary(left, operator, weighed(right)),
            BinaryOp::Math(Math::Div) => weighed(binary(left, operator, right)),
            BinaryOp::Update => binary(left, operator, weighed(right)),
            BinaryOp::Assign => updated(left, right, paid()),
            BinaryOp::UpdateMath(Math::Mul) => {
                let product = Term::Call(TIMES, vec![Term::Var(PRESENT)]);
                let present = BinaryOp::Pipe(Some(Pattern::Var(PRESENT)));
                updated(left, right, binary(Term::Id, present, pipe(Term::Var(VALUE), product)))
            }
            BinaryOp::UpdateMath(operation) => {
                updated(left, right, binary(Term::Id, BinaryOp::Math(operation), paid()))
            }
            BinaryOp::UpdateAlt => updated(left, right, binary(Term::Id, BinaryOp::Alt, paid())),
            BinaryOp::Pipe(Some(pattern)) => {
                binary(left, BinaryOp::Pipe(Some(self.pattern(pattern))), right)
            }
            BinaryOp::Pipe(None)
            | BinaryOp::Comma
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Math(_)
            | BinaryOp::Cmp(_) => binary(left, operator, right),
        }
    }
}
