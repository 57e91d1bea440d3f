//! What an expression may do: the filters, tests and methods that exist, and the limits.
//!
//! An expression sees its context and nothing else: no files, no other templates, no clock,
//! no attributes of the implementation. What it may say is in `grammar`. Never here: what
//! becomes of its result.

use std::fmt::Write as _;
use std::sync::OnceLock;

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, filters};
use minijinja_contrib::pycompat;

use super::python;
use super::value::{Bounded, text, to_json};

/// How much work one expression may do: instructions, and 64 bytes of data each.
const FUEL: u64 = 100_000;

/// How deep calls may nest.
const RECURSION: usize = 100;

/// Filters that would let a value hold others that a template has made, over and over.
const NOT_OFFERED: [&str; 6] = ["batch", "slice", "groupby", "zip", "pprint", "attr"];

/// An expression did more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// It took too many instructions or made too much data.
    #[error("an expression does more work than is allowed, or its text is too long")]
    Work,
    /// It nests too deep.
    #[error("an expression is nested too deep")]
    Depth,
    /// It is too long, or says what cannot be bounded.
    #[error("an expression is too long or too complex: {0}")]
    Grammar(&'static str),
    /// All of a step's parameters together are too large.
    #[error("the parameters with all expressions filled in are too large")]
    Total,
}

impl Limit {
    /// The limit that an error stands for; none where the expression is merely wrong.
    pub(super) fn of(error: &Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::OutOfFuel | ErrorKind::WriteFailure => Some(Self::Work),
            _ if error.detail() == Some("recursion limit exceeded") => Some(Self::Depth),
            _ => None,
        }
    }
}

/// Where templates are compiled and rendered: a missing name is an empty text, an attribute of
/// something missing is an error.
pub(super) fn templates() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(environment)
}

/// Where conditions are evaluated: what is missing is false, and cannot be compared.
pub(super) fn conditions() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = environment();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment
    })
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_formatter(|out, _, value| Ok(out.write_str(&text(value)?)?));
    environment.set_unknown_method_callback(method);
    ["debug", "namespace", "dict"].into_iter().for_each(|name| environment.remove_global(name));
    environment.add_function("range", range);
    NOT_OFFERED.into_iter().for_each(|name| environment.remove_filter(name));
    environment.add_filter("tojson", to_json_text);
    environment.add_filter("string", text);
    environment.add_filter("join", join);
    environment.add_filter("indent", indent);
    let filters = [
        ("upper", Value::from_function(filters::upper)),
        ("lower", Value::from_function(filters::lower)),
        ("title", Value::from_function(filters::title)),
        ("capitalize", Value::from_function(filters::capitalize)),
        ("trim", Value::from_function(filters::trim)),
        ("replace", Value::from_function(filters::replace)),
        ("split", Value::from_function(filters::split)),
        ("lines", Value::from_function(filters::lines)),
        ("escape", Value::from_function(filters::escape)),
        ("e", Value::from_function(filters::escape)),
        ("safe", Value::from_function(filters::safe)),
        ("format", Value::from_function(filters::format)),
        ("urlencode", Value::from_function(filters::urlencode)),
    ];
    for (name, filter) in filters {
        environment.add_filter(name, move |state: &mut State<'_, '_>, arguments: Rest<Value>| {
            let arguments = arguments.iter().map(plain).collect::<Result<Vec<_>, Error>>()?;
            filter.call(state, &arguments)
        });
    }
    environment
}

/// Containers as their text, for filters that work on texts, since they would write them out
/// without a bound.
fn plain(value: &Value) -> Result<Value, Error> {
    let is_named = Kwargs::try_from(value.clone()).is_ok();
    match value.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Plain if !is_named => {
            text(value).map(Value::from)
        }
        _ => Ok(value.clone()),
    }
}

fn to_json_text(value: &Value, indent: Option<usize>, named: Kwargs) -> Result<String, Error> {
    let indent = indent.or(named.get("indent")?);
    named.assert_all_used()?;
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let json = to_json(value)?;
    Bounded::text(|out| Ok(python::write_json(out, &json, indent)?))
}

fn join(
    state: &State<'_, '_>,
    value: &Value,
    between: Option<&str>,
    attribute: Option<&str>,
    named: Kwargs,
) -> Result<String, Error> {
    let between = between.or(named.get("d")?).unwrap_or_default();
    let attribute = attribute.or(named.get("attribute")?);
    named.assert_all_used()?;
    join_all(state, value, between, attribute)
}

fn join_all(
    state: &State<'_, '_>,
    value: &Value,
    between: &str,
    attribute: Option<&str>,
) -> Result<String, Error> {
    Bounded::text(|out| {
        for (index, item) in value.try_iter()?.checked().enumerate() {
            let mut item = item?;
            state.consume_fuel(1)?;
            if index > 0 {
                out.write_str(between)?;
            }
            for key in attribute.into_iter().flat_map(|path| path.split('.')) {
                item = match key.parse::<usize>() {
                    Ok(index) => item.get_item_by_index(index)?,
                    Err(_) => item.get_attr(key)?,
                };
            }
            out.write_str(&text(&item)?)?;
        }
        Ok(())
    })
}

/// Jinja2's `indent`: all lines but the first and blank ones, unless asked for.
fn indent(
    value: &Value,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    named: Kwargs,
) -> Result<String, Error> {
    let width = width.or(named.get("width")?).unwrap_or(4);
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = blank.or(named.get("blank")?).unwrap_or(false);
    named.assert_all_used()?;
    let source = text(value)?;
    Bounded::text(|out| {
        for (index, line) in source.split('\n').enumerate() {
            if index > 0 {
                out.write_char('\n')?;
            }
            let wanted = if index == 0 { first } else { blank || !line.is_empty() };
            if wanted {
                (0..width).try_for_each(|_| out.write_char(' '))?;
            }
            out.write_str(line)?;
        }
        Ok(())
    })
}

/// Python's methods of strings, lists and dicts, except those whose work has no bound.
fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    match (name, value.as_str(), arguments) {
        ("join", Some(between), [items]) => join_all(state, items, between, None).map(Value::from),
        ("join" | "format", Some(_), _) => Err(ErrorKind::UnknownMethod.into()),
        _ => pycompat::unknown_method_callback(state, value, name, arguments),
    }
}

/// Python's `range`, of at most 100 000 numbers.
fn range(first: i64, second: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (start, end) = second.map_or((0, first), |second| (first, second));
    let step = step.unwrap_or(1);
    let distance = i128::from(end) - i128::from(start);
    let count = match step {
        0 => return Err(Error::new(ErrorKind::InvalidOperation, "range() needs a step")),
        _ if (distance > 0) != (step > 0) => 0,
        _ => distance.unsigned_abs().div_ceil(u128::from(step.unsigned_abs())),
    };
    match i64::try_from(count) {
        Ok(count) if count <= 100_000 => {
            Ok(Value::make_iterable(move || (0..count).map(move |index| start + index * step)))
        }
        _ => Err(ErrorKind::OutOfFuel.into()),
    }
}
