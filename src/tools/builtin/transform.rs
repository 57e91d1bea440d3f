//! `transform`: computes a value from what a run knows, by a jq filter or a Jinja2 expression.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hub_events::Class;
use moka::sync::Cache;
use serde_json::{Value, json};

use crate::expressions::Context;
use crate::expressions::jinja::{Jinja, JinjaError};
use crate::expressions::jq::{Jq, JqError};
use crate::tools::{Call, Card, Failure, Outcome, Tool};

/// How many compiled filters are kept.
const KEPT: u64 = 256;

/// The tool.
#[derive(Debug)]
pub(super) struct Transform {
    card: Card,
    filters: Cache<String, Jq>,
}

impl Default for Transform {
    fn default() -> Self {
        Self {
            card: Card::new(
                "transform",
                "flow",
                "Computes a value from the results so far: picks, maps, filters, \
                              counts and reshapes data by a jq filter or a Jinja2 expression.",
                json!({
                    "type": "object",
                    "properties": {
                        "expression": {
                            "type": "string",
                            "minLength": 1,
                            "description": "For jq a filter such as `.step_1.items | map(.name)`; \
                                            for jinja an expression such as `step_1.total * 2`.",
                        },
                        "language": {
                            "type": "string",
                            "enum": ["jq", "jinja"],
                            "default": "jq",
                        },
                        "input": {
                            "description": "What the filter is applied to (`.` in jq, `input` in \
                                            jinja) in place of all that the run knows.",
                        },
                    },
                    "required": ["expression"],
                    "additionalProperties": false,
                }),
            ),
            filters: Cache::new(KEPT),
        }
    }
}

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
enum TransformError {
    #[error(transparent)]
    Jq(#[from] JqError),
    #[error(transparent)]
    Jinja(#[from] JinjaError),
}

impl Tool for Transform {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        async move {
            match self.transform(call).await {
                Ok(result) => Outcome::Done(json!({"success": true, "result": result})),
                // Not run to its end, a filter may well do better the next time.
                Err(error @ TransformError::Jq(JqError::Broken)) => {
                    Outcome::Failed(Failure::passing("transform_failed", error.to_string()))
                }
                Err(error) => {
                    Outcome::Failed(Failure::lasting("transform_failed", error.to_string()))
                }
            }
        }
        .boxed()
    }
}

impl Transform {
    async fn transform(&self, call: Call) -> Result<Value, TransformError> {
        let Call { mut arguments, context, now, .. } = call;
        let input = arguments.as_object_mut().and_then(|arguments| arguments.remove("input"));
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let expression = text("expression").unwrap_or_default();
        match text("language") {
            Some("jinja") => {
                let context = match (input, context) {
                    (Some(input), _) => Context::given(Arc::new(json!({"input": input}))),
                    (None, Some(context)) => context,
                    (None, None) => Context::given(Arc::default()),
                };
                Ok(Jinja::compile(expression)?.evaluate(&context)?)
            }
            _ => {
                let input = input.or_else(|| context.map(|context| context.to_value()));
                let filter = self.filter(expression).await?;
                Ok(filter.run(Arc::new(input.unwrap_or_default()), now).await?)
            }
        }
    }

    async fn filter(&self, expression: &str) -> Result<Jq, JqError> {
        if let Some(filter) = self.filters.get(expression) {
            return Ok(filter);
        }
        let filter = Jq::compile(expression).await?;
        self.filters.insert(expression.to_owned(), filter.clone());
        Ok(filter)
    }
}
