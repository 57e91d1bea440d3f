//! `set_variables`: gives back what it is given, so that later steps have it by name.

use futures_util::future::BoxFuture;
use hub_events::Class;
use serde_json::{Value, json};

use crate::tools::{Call, Card, Outcome, Tool};

/// The tool.
#[derive(Debug)]
pub(super) struct SetVariables(Card);

impl Default for SetVariables {
    fn default() -> Self {
        Self(Card::new(
            "set_variables",
            "flow",
            "Gives back its arguments as its result, so that later steps can use \
                          them by name. Has no effect outside.",
            json!({
                "type": "object",
                "description": "Any names with any values.",
                "additionalProperties": true,
            }),
        ))
    }
}

impl Tool for SetVariables {
    fn card(&self) -> &Card {
        &self.0
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(std::future::ready(Outcome::Done(call.arguments)))
    }
}
