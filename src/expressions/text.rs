//! One text with `{{…}}` in it that a person has written, compiled once and filled in from what
//! is given for it.
//!
//! Unlike a step's parameters (`template`), a text that is wrong is an error, and what is missing
//! is left empty and can be named. Never here: what a text may do (`sandbox`, `grammar`).

use minijinja::{Environment, UndefinedBehavior};

use super::context::Context;
use super::grammar::{Fault, check_template};
use super::sandbox::{self, Limit};
use super::value;

/// Why a text cannot be filled in. Names no value of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Its braces cannot be read, or use what does not exist.
    #[error("the text is no template: what stands in braces cannot be read")]
    Syntax,
    /// It does more than it may.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// It failed: a type that does not fit, an unknown filter.
    #[error("the text cannot be filled in: {0}")]
    Failed(minijinja::ErrorKind),
}

/// A text with `{{…}}`.
#[derive(Debug)]
pub struct Text(Environment<'static>);

/// The name of the only template.
const NAME: &str = "text";

impl Text {
    /// Compiles a text.
    pub fn compile(source: &str) -> Result<Self, TextError> {
        check_template(source).map_err(|fault| match fault {
            Fault::Syntax => TextError::Syntax,
            Fault::Limit(limit) => TextError::Limit(limit),
        })?;
        let mut environment = sandbox::templates().clone();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.add_template_owned(NAME, source.to_owned()).map_err(|_| TextError::Syntax)?;
        Ok(Self(environment))
    }

    /// The text with everything filled in; empty where something is missing.
    pub fn render(&self, context: &Context) -> Result<String, TextError> {
        let template = self.0.get_template(NAME).map_err(|error| failed(&error))?;
        let text = template.render(value::root(context)).map_err(|error| failed(&error))?;
        if text.len() > value::LONGEST_TEXT {
            return Err(Limit::Work.into());
        }
        Ok(text)
    }

    /// The variables that it uses and the context does not have, by name: `customer`, or
    /// `customer.name` where there is a customer without a name. Also those that the text has a
    /// default for.
    pub fn missing(&self, context: &Context) -> Vec<String> {
        let Ok(template) = self.0.get_template(NAME) else { return Vec::new() };
        let functions: Vec<_> = self.0.globals().map(|(name, _)| name.to_owned()).collect();
        let used = template.undeclared_variables(true).into_iter();
        let mut missing: Vec<_> =
            used.filter(|path| !functions.contains(path) && is_missing(context, path)).collect();
        missing.sort_unstable();
        missing
    }
}

/// Whether a path leads to nothing. What is no object may have members of its own (the methods
/// of a text), so below it nothing is called missing.
fn is_missing(context: &Context, path: &str) -> bool {
    if context.at(path).is_some() {
        return false;
    }
    match path.rsplit_once('.') {
        Some((above, _)) => match context.at(above) {
            Some(above) => above.is_object(),
            None => is_missing(context, above),
        },
        None => true,
    }
}

fn failed(error: &minijinja::Error) -> TextError {
    Limit::of(error).map_or(TextError::Failed(error.kind()), TextError::Limit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_filled_in_and_what_is_missing_is_named() {
        let given = json!({ "name": "Ann", "order": { "id": 7 }, "items": ["a", "b"] });
        let context = Context::given(Arc::new(given));
        let table: [(&str, &str, &[&str]); 8] = [
            ("Hello", "Hello", &[]),
            ("Hello {{ name }}!", "Hello Ann!", &[]),
            ("{{ name.upper() }} {{ items | join(', ') }}", "ANN a, b", &[]),
            ("{{ order.id }}/{{ order.date }}", "7/", &["order.date"]),
            ("{{ sender.name }}, {{ city }}", ", ", &["city", "sender.name"]),
            ("{% for i in items %}[{{ i }}]{% endfor %}", "[a][b]", &[]),
            ("{% for n in range(2) %}{{ n }}{% endfor %}", "01", &[]),
            ("{{ city | default('here') }}", "here", &["city"]),
        ];
        for (source, expected, missing) in table {
            let text = Text::compile(source).unwrap();
            assert_eq!(text.render(&context).unwrap(), expected, "{source}");
            assert_eq!(text.missing(&context), missing, "{source}");
        }
    }

    #[test]
    fn a_text_that_is_wrong_says_so() {
        let context = Context::given(Arc::default());
        for source in ["{{ name", "{{ }}", "{% if x %}", "{{ x | nosuchfilter }}"] {
            let failed = Text::compile(source).and_then(|text| text.render(&context));
            assert!(failed.is_err(), "{source}");
        }
        let endless = "{% for i in range(100000) %}{{ i }}{{ i }}{{ i }}{% endfor %}";
        let failed = Text::compile(endless).and_then(|text| text.render(&context));
        assert_eq!(failed, Err(TextError::Limit(Limit::Work)));
        assert!(Text::compile("{% macro a() %}{% endmacro %}").is_err());
    }
}
