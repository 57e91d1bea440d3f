//! `set_variables`: gives its arguments as its result, under which later steps find them.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use hub_events::Class;
use serde_json::{Value, json};

use crate::tools::{Call, Card, Outcome, Tool};

/// The tool.
#[derive(Debug)]
pub struct SetVariables {
    card: Card,
}

impl Default for SetVariables {
    fn default() -> Self {
        Self {
            card: Card {
                name: "set_variables",
                category: "workflow",
                description: "Keeps values for later steps: its result is what it is given.",
                schema: json!({
                    "type": "object",
                    "description": "Any names and values.",
                    "additionalProperties": true,
                }),
            },
        }
    }
}

impl Tool for SetVariables {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        ready(Outcome::Done(call.arguments)).boxed()
    }
}
