//! Whether a step runs.
//!
//! Two forms: `{"type": "if", "field", "operator", "value"}`, which compares a value of the
//! context, and `{"if": "<expression>"}`. Anything else is true, and so is an operator that
//! does not exist. Never here: what follows from it.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::context::Context;
use super::jinja::{Jinja, JinjaError};
use super::python;
use super::sandbox::Limit;

/// A condition, compiled.
#[derive(Debug)]
pub struct Condition(Form);

#[derive(Debug)]
enum Form {
    /// True, whatever is so; the field is only for show.
    Always {
        field: Option<String>,
        operator: Value,
        expected: Value,
    },
    Compare {
        field: Option<String>,
        operator: Operator,
        name: Value,
        expected: Option<Value>,
    },
    Expression(Result<Jinja, JinjaError>),
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Equals,
    NotEquals,
    Contains,
    NotContains,
    GreaterThan,
    LessThan,
    Exists,
    NotExists,
}

/// What came of a condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Whether it holds.
    pub result: bool,
    /// The value that was looked at; null where there is none.
    pub evaluated_value: Value,
    /// The value that it was compared with; null where there is none.
    pub expected_value: Value,
    /// The operator; `equals` where none is named, `if` for an expression.
    pub operator: Value,
}

/// A condition that says neither yes nor no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The two values cannot be compared by this operator.
    #[error("{message}")]
    Incomparable {
        /// In words.
        message: String,
    },
    /// Its expression does more than it may.
    #[error(transparent)]
    Limit(#[from] Limit),
}

/// Compiles and evaluates a condition.
pub fn evaluate(
    condition: Option<&Value>,
    context: &Context,
) -> Result<Evaluation, ConditionError> {
    Condition::compile(condition).evaluate(context)
}

impl Condition {
    /// Compiles a condition; none is true.
    pub fn compile(condition: Option<&Value>) -> Self {
        let get = |key: &str| condition.and_then(|condition| condition.get(key));
        let kind = get("type").and_then(Value::as_str);
        if kind.is_none()
            && let Some(Value::String(expression)) = get("if")
        {
            return Self(Form::Expression(Jinja::compile(expression)));
        }
        let field = get("field").and_then(Value::as_str).map(str::to_owned);
        let name = get("operator").cloned().unwrap_or_else(|| "equals".into());
        let expected = get("value").cloned();
        match Operator::named(&name) {
            Some(operator) if kind == Some("if") => {
                Self(Form::Compare { field, operator, name, expected })
            }
            _ => {
                let expected = expected.unwrap_or_default();
                Self(Form::Always { field, operator: name, expected })
            }
        }
    }

    /// Whether it is true of every context.
    pub fn is_always(&self) -> bool {
        matches!(self.0, Form::Always { .. })
    }

    /// Whether it holds, and by what.
    pub fn evaluate(&self, context: &Context) -> Result<Evaluation, ConditionError> {
        let look = |field: &Option<String>| match field.as_ref().and_then(|path| context.at(path)) {
            Some(value) => value,
            None => Cow::Owned(Value::Null),
        };
        match &self.0 {
            Form::Always { field, operator, expected } => Ok(Evaluation {
                result: true,
                evaluated_value: look(field).into_owned(),
                expected_value: expected.clone(),
                operator: operator.clone(),
            }),
            Form::Compare { field, operator, name, expected } => {
                let actual = look(field);
                Ok(Evaluation {
                    result: operator.holds(&actual, expected.as_ref())?,
                    evaluated_value: actual.into_owned(),
                    expected_value: expected.clone().unwrap_or_default(),
                    operator: name.clone(),
                })
            }
            Form::Expression(expression) => {
                let truth = expression.as_ref().map_err(|error| *error);
                let result = match truth.and_then(|jinja| jinja.is_true(context)) {
                    Ok(result) => result,
                    Err(JinjaError::Limit(limit)) => return Err(limit.into()),
                    Err(JinjaError::Syntax | JinjaError::Failed(_)) => false,
                };
                Ok(Evaluation {
                    result,
                    evaluated_value: result.into(),
                    expected_value: Value::Null,
                    operator: "if".into(),
                })
            }
        }
    }

    /// Whether it holds.
    pub fn holds(&self, context: &Context) -> Result<bool, ConditionError> {
        if self.is_always() {
            return Ok(true);
        }
        self.evaluate(context).map(|evaluation| evaluation.result)
    }
}

impl Operator {
    fn named(name: &Value) -> Option<Self> {
        Some(match name.as_str()? {
            "equals" => Self::Equals,
            "not_equals" => Self::NotEquals,
            "contains" => Self::Contains,
            "not_contains" => Self::NotContains,
            "greater_than" => Self::GreaterThan,
            "less_than" => Self::LessThan,
            "exists" => Self::Exists,
            "not_exists" => Self::NotExists,
            _ => return None,
        })
    }

    fn holds(self, actual: &Value, expected: Option<&Value>) -> Result<bool, ConditionError> {
        let is_there = || !actual.is_null() && actual.as_str() != Some("");
        let null = Value::Null;
        match self {
            Self::Equals => Ok(python::equal(actual, expected.unwrap_or(&null))),
            Self::NotEquals => Ok(!python::equal(actual, expected.unwrap_or(&null))),
            Self::Contains => contains(actual, expected),
            Self::NotContains => contains(actual, expected).map(|found| !found),
            Self::GreaterThan => Ok(float(actual)? > float(expected.unwrap_or(&null))?),
            Self::LessThan => Ok(float(actual)? < float(expected.unwrap_or(&null))?),
            Self::Exists => Ok(is_there()),
            Self::NotExists => Ok(!is_there()),
        }
    }
}

fn contains(actual: &Value, expected: Option<&Value>) -> Result<bool, ConditionError> {
    let part = expected.and_then(Value::as_str).ok_or_else(|| {
        incomparable("contains needs a string as value", expected.unwrap_or(&Value::Null))
    })?;
    match actual {
        Value::String(text) => Ok(text.contains(part)),
        other => Ok(python::text(other).contains(part)),
    }
}

fn float(value: &Value) -> Result<f64, ConditionError> {
    python::float(value).ok_or_else(|| incomparable("a number is needed to compare", value))
}

fn incomparable(expected: &str, value: &Value) -> ConditionError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string that is no number",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    ConditionError::Incomparable { message: format!("{expected}, but there is {found}") }
}

#[cfg(test)]
mod tests;
