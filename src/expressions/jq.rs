//! A jq filter, compiled once and run over a JSON value, within bounds.
//!
//! A filter sees its input and `now`; not the environment, files, the clock or the log. How
//! much it may do is counted (`meter`) and is the same at every run of the same filter over
//! the same input. It runs on a thread of its own, since it needs stack and cannot be
//! interrupted inside a builtin. Never here: what becomes of its outputs.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use chrono::{DateTime, Utc};
use jaq_core::load::lex::Lexer;
use jaq_core::load::parse::{Def, Parser, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::{Num, Val};
use serde::Deserialize as _;
use serde_json::{Map, Number, Value};
use tokio::sync::{Semaphore, oneshot};

use self::meter::{Meter, Metered, Stopped};

mod meter;

/// The longest filter, in bytes. Its parser needs stack for what is nested.
const LONGEST: usize = 16 << 10;

/// How deep a result may be nested, as in JSON that is read back from the log.
const DEEPEST: usize = 100;

/// The most bytes of a result, roughly.
const MOST_BYTES: usize = 8 << 20;

/// The stack of the thread that compiles or runs a filter. Only what is used is taken.
const STACK: usize = 256 << 20;

/// How many filters run at the same time.
static RUNNING: Semaphore = Semaphore::const_new(2);

/// A filter that is defined for ourselves, of which the main program is a call.
const MAIN: &str = "hub_main";

/// Definitions that would reach outside the filter: the log, the process.
const NOT_OFFERED: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];

/// A filter.
#[derive(Clone)]
pub struct Jq(Arc<jaq_core::Filter<Metered>>);

/// Why a filter has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JqError {
    /// It is none.
    #[error("the jq filter cannot be read: {0}")]
    Syntax(String),
    /// It failed; the text is jq's own, cut off.
    #[error("the jq filter failed: {0}")]
    Failed(String),
    /// It did more than it may.
    #[error("the jq filter does more work, or makes more data, than is allowed")]
    Work,
    /// It nests too deep.
    #[error("the jq filter, or its result, is nested too deep")]
    Depth,
    /// It could not be run, which says nothing about it.
    #[error("the jq filter was not run to its end")]
    Broken,
}

impl From<Stopped> for JqError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Work => Self::Work,
            Stopped::Depth => Self::Depth,
            Stopped::Dropped => Self::Broken,
        }
    }
}

impl fmt::Debug for Jq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jq(..)")
    }
}

impl Jq {
    /// Compiles a filter.
    pub async fn compile(source: &str) -> Result<Self, JqError> {
        if source.len() > LONGEST {
            return Err(JqError::Syntax("it has more than 16 KiB".into()));
        }
        let source = source.to_owned();
        on_thread(move |_| compile(&source)).await
    }

    /// Runs it: its output, a list of them where there are several, null where there is none.
    /// Dropping the future stops it at its next step.
    pub async fn run(&self, input: Arc<Value>, now: DateTime<Utc>) -> Result<Value, JqError> {
        let filter = Self::clone(self);
        on_thread(move |dropped| filter.run_here(&input, now, dropped)).await
    }

    fn run_here(
        &self,
        input: &Value,
        now: DateTime<Utc>,
        dropped: Arc<AtomicBool>,
    ) -> Result<Value, JqError> {
        let input = Val::deserialize(input).map_err(|_| JqError::Broken)?;
        let meter = Meter::new(now, dropped);
        let data = meter::Data { lut: &self.0.lut, meter: &meter };
        let context = Ctx::<Metered>::new(data, Vars::new([]));
        let mut outputs = Vec::new();
        let mut left = MOST_BYTES;
        for output in self.0.id.run((context, input)) {
            match output {
                Ok(output) => {
                    meter.spend(1)?;
                    outputs.push(to_json(&output, &mut left, 0)?);
                }
                Err(exception) => {
                    let stopped = meter.stopped().map_or(JqError::Broken, JqError::from);
                    return Err(match exception.get_err() {
                        Ok(error) => JqError::Failed(cut(&error)),
                        Err(_) => stopped,
                    });
                }
            }
        }
        Ok(match outputs.len() {
            0 | 1 => outputs.pop().unwrap_or_default(),
            _ => Value::Array(outputs),
        })
    }
}

/// Does something on a thread with much stack, one of few at the same time. What it is given
/// becomes true when nobody waits any more.
async fn on_thread<T, F>(work: F) -> Result<T, JqError>
where
    T: Send + 'static,
    F: FnOnce(Arc<AtomicBool>) -> Result<T, JqError> + Send + 'static,
{
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let permit = RUNNING.acquire().await.map_err(|_| JqError::Broken)?;
    let dropped = Dropped(Arc::default());
    let (answer, answered) = oneshot::channel();
    let seen = Arc::clone(&dropped.0);
    thread::Builder::new()
        .name("jq".into())
        .stack_size(STACK)
        .spawn(move || {
            let result = work(seen);
            drop(permit);
            // Where nobody waits any more, the result is not needed.
            let _ = answer.send(result);
        })
        .map_err(|_| JqError::Broken)?;
    // A panic of the thread drops its end.
    answered.await.map_err(|_| JqError::Broken)?
}

fn compile(source: &str) -> Result<Jq, JqError> {
    let natives = meter::natives();
    let names: Vec<&str> = natives.iter().map(|(name, ..)| *name).collect();
    let main = Def { name: MAIN, args: Vec::new(), body: parse(source)? };
    let definitions =
        definitions().chain([main]).map(|definition| meter::definition(definition, &names));
    let arena = Arena::default();
    let program = File { code: MAIN, path: () };
    let unreadable = || JqError::Syntax("it is not understood".into());
    let modules = Loader::new(definitions).load(&arena, program).map_err(|_| unreadable())?;
    let filter = Compiler::<_, Metered>::default().with_funs(natives).compile(modules).map_err(
        |errors| {
            let undefined = errors.into_iter().flat_map(|(_, undefined)| undefined).next();
            undefined.map_or_else(unreadable, |(name, what)| {
                JqError::Syntax(format!("{} {name:.100} is not defined", what.as_str()))
            })
        },
    )?;
    Ok(Jq(Arc::new(filter)))
}

/// The library's definitions that stay inside the filter.
fn definitions<'s>() -> impl Iterator<Item = Def<&'s str>> {
    let library = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    library.filter(|definition| !NOT_OFFERED.contains(&definition.name)).map(shortened)
}

/// The same, as if it did not live for ever, so that it can stand beside what does not.
fn shortened<'s>(definition: Def<&'static str>) -> Def<&'s str> {
    definition
}

fn parse(source: &str) -> Result<Term<&str>, JqError> {
    let at = |rest: &str| format!("at byte {}", source.len().saturating_sub(rest.len()));
    let tokens = Lexer::new(source).lex().map_err(|errors| {
        let place = errors.first().map(|(_, rest)| at(rest));
        JqError::Syntax(place.unwrap_or_default())
    })?;
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| {
        let place = errors.first().map(|(expected, found)| {
            let found = found.map_or("the end", |token| token.0);
            format!("{} is expected, but there is {found:.100}", expected.as_str())
        });
        JqError::Syntax(place.unwrap_or_default())
    })
}

/// An error's text, at most 300 characters of it.
fn cut(error: &impl fmt::Display) -> String {
    struct Cut(String);
    impl fmt::Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = 300usize.saturating_sub(self.0.chars().count());
            self.0.extend(text.chars().take(room));
            if text.chars().nth(room).is_some() { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut cut = Cut(String::new());
    if write!(cut, "{error}").is_err() {
        cut.0.push('…');
    }
    cut.0
}

fn to_json(value: &Val, left: &mut usize, depth: usize) -> Result<Value, JqError> {
    if depth > DEEPEST {
        return Err(JqError::Depth);
    }
    let size = match value {
        Val::TStr(text) | Val::BStr(text) => text.len() + 8,
        _ => 8,
    };
    *left = left.checked_sub(size).ok_or(JqError::Work)?;
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(yes) => Value::Bool(*yes),
        Val::Num(number) => to_number(number),
        Val::TStr(text) | Val::BStr(text) => String::from_utf8_lossy(text).into_owned().into(),
        Val::Arr(items) => items
            .iter()
            .map(|item| to_json(item, left, depth + 1))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Val::Obj(members) => {
            let mut object = Map::new();
            for (key, member) in members.iter() {
                let Value::String(key) = to_json(key, left, depth + 1)? else {
                    return Err(JqError::Failed("a key of an object must be a string".into()));
                };
                object.insert(key, to_json(member, left, depth + 1)?);
            }
            object.into()
        }
    })
}

/// A number of JSON; as jq does, null for what is none, and the largest float for infinity.
fn to_number(number: &Num) -> Value {
    let float = match number {
        Num::Int(int) => return Value::from(*int),
        Num::Float(float) => *float,
        Num::BigInt(_) | Num::Dec(_) => match number.to_string().parse::<Number>() {
            Ok(number) => return Value::Number(number),
            Err(_) => number.to_string().parse().unwrap_or(f64::NAN),
        },
    };
    Number::from_f64(float.clamp(f64::MIN, f64::MAX)).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests;
