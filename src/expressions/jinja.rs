//! A single Jinja2 expression, compiled once and evaluated to a JSON value.
//!
//! Never here: texts with `{{…}}` in them (`template`).

use minijinja::Expression;
use serde_json::Value;

use super::context::Context;
use super::grammar::{Fault, check_expression};
use super::sandbox::{self, Limit};
use super::value;

/// Why an expression has no value. The text names no value of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JinjaError {
    /// It is none.
    #[error("the expression cannot be read")]
    Syntax,
    /// It does more than it may.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// It failed: a missing value, a type that does not fit, an unknown filter.
    #[error("the expression failed: {0}")]
    Failed(minijinja::ErrorKind),
}

/// An expression.
#[derive(Debug)]
pub struct Jinja(Expression<'static, 'static>);

impl Jinja {
    /// Compiles an expression in which what is missing cannot be compared or computed with.
    pub fn compile(source: &str) -> Result<Self, JinjaError> {
        check_expression(source).map_err(|fault| match fault {
            Fault::Syntax => JinjaError::Syntax,
            Fault::Limit(limit) => JinjaError::Limit(limit),
        })?;
        sandbox::conditions()
            .compile_expression_owned(source.to_owned())
            .map(Self)
            .map_err(|_| JinjaError::Syntax)
    }

    /// Its value; null for something missing.
    pub fn evaluate(&self, context: &Context) -> Result<Value, JinjaError> {
        let value = self.0.eval(value::root(context)).map_err(|error| failed(&error))?;
        value::to_json(&value).map_err(|error| failed(&error))
    }

    /// Whether its value is true.
    pub fn is_true(&self, context: &Context) -> Result<bool, JinjaError> {
        let value = self.0.eval(value::root(context)).map_err(|error| failed(&error))?;
        Ok(value.is_true())
    }
}

fn failed(error: &minijinja::Error) -> JinjaError {
    Limit::of(error).map_or(JinjaError::Failed(error.kind()), JinjaError::Limit)
}
