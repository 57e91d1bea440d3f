//! Holding a call that a model asked for against its tool, before anything of it is done.
//!
//! Never here: whether the turn may still make it, or a person must approve.

use hub_events::conversation::{Check, CheckedCall};
use hub_events::id::{CallId, MessageId};
use serde_json::Value;

use super::Talk;
use crate::clock;
use crate::effects::{Accident, Outside};
use crate::llm::{Arguments, ToolCall};
use crate::tools::Fault;

/// How many faults a model is told of at once.
const MOST_FAULTS: usize = 8;

/// A call, held against its tool.
pub(super) async fn check(
    talk: &Talk,
    asked: &ToolCall,
    outside: &Outside,
) -> Result<CheckedCall, Accident> {
    let (arguments, check) = match &asked.arguments {
        Arguments::Malformed(text) => {
            let error = "The arguments are not a JSON object".to_owned();
            (Value::String(text.clone()), Err(error))
        }
        Arguments::Object(arguments) => {
            hold(talk, &asked.name, Value::Object(arguments.clone()), outside).await
        }
    };
    let check = match check {
        Ok(check) => check,
        Err(error) => Check::Faulty { error: outside.vault.seal(talk.account, &error).await? },
    };
    let scope = format!("arguments:{}", talk.account);
    Ok(CheckedCall {
        call: CallId(clock::uuid()),
        message: MessageId(outside.counters.next_id(MessageId::KIND).await?),
        model_id: asked.id.clone(),
        tool: asked.name.clone(),
        arguments_hash: outside.vault.index(&scope, &canonical(&arguments)),
        arguments: outside.vault.seal(talk.account, &arguments).await?,
        check,
    })
}

/// The arguments as the tool takes them, and whether it can be called with them.
async fn hold(
    talk: &Talk,
    name: &str,
    arguments: Value,
    outside: &Outside,
) -> (Value, Result<Check, String>) {
    let Some(tool) = outside.tools.find(talk.account, name) else {
        return (arguments, Err(format!("There is no tool named {name}")));
    };
    let arguments = tool.coerced(arguments);
    let faults = tool.faults(&arguments);
    if !faults.is_empty() {
        let said = faults.iter().take(MOST_FAULTS).map(Fault::to_string);
        let error = format!("Invalid arguments: {}", said.collect::<Vec<_>>().join("; "));
        return (arguments, Err(error));
    }
    match tool.connection(talk.account, &arguments).await {
        Ok(connection) => {
            let (class, destructive) = (tool.class(&arguments), tool.card().destructive);
            (arguments, Ok(Check::Callable { class, destructive, connection }))
        }
        Err(failure) => (arguments, Err(failure.message)),
    }
}

/// The same text for the same arguments, however their members are ordered.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn arguments_are_told_apart_by_what_they_say() {
        let one = json!({ "a": [1, { "x": null, "y": "\"" }], "b": 2 });
        let same = json!({ "b": 2, "a": [1, { "y": "\"", "x": null }] });
        assert_eq!(canonical(&one), canonical(&same));
        assert_eq!(canonical(&one), r#"{"a":[1,{"x":null,"y":"\""}],"b":2}"#);
        assert_ne!(canonical(&json!({ "a": "1" })), canonical(&json!({ "a": 1 })));
    }
}
