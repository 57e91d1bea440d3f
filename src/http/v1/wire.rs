//! Chat Completions as OpenAI's clients send and read it.
//!
//! Only what means something here is read; the rest is ignored, as clients expect. Never here:
//! what is done with it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::llm::{Answer, Arguments, Message, Request, Stop, ToolCall, ToolSpec, Usage};

/// A request.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Completion {
    /// A model of a provider, as `GET /v1/models` names it, or `hub` for the hub's own
    /// assistant, which uses the account's tools.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Said>,
    /// The client's own tools; the hub does not call them.
    #[serde(default)]
    pub tools: Vec<Offered>,
    /// `none`, `auto`, `required`, or one function.
    #[schema(value_type = Option<Object>)]
    pub tool_choice: Option<Value>,
    /// Whether the answer comes in pieces.
    #[serde(default)]
    pub stream: Option<bool>,
    /// What is said beside the pieces.
    pub stream_options: Option<StreamOptions>,
    /// How long the answer may be, in tokens.
    pub max_tokens: Option<u32>,
    /// The same, by its newer name.
    pub max_completion_tokens: Option<u32>,
    /// How freely words are chosen.
    pub temperature: Option<f64>,
    /// The form of the answer's text.
    pub response_format: Option<ResponseFormat>,
}

/// What is said beside the pieces of an answer.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct StreamOptions {
    /// Whether a last piece tells the tokens.
    #[serde(default)]
    pub include_usage: bool,
}

/// The form of an answer's text.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The schema.
    pub json_schema: Option<NamedSchema>,
}

/// A JSON Schema with a name.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NamedSchema {
    /// The schema itself.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
}

/// A tool of the client.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Offered {
    /// What it is.
    pub function: Function,
}

/// A function of the client.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
}

/// A message.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Said {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// A text, or parts of it.
    #[serde(default)]
    pub content: Option<Content>,
    /// The calls that an assistant asked for.
    #[serde(default)]
    pub tool_calls: Option<Vec<Asked>>,
    /// The call that a tool's message answers.
    pub tool_call_id: Option<String>,
}

/// The words of a message.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Content {
    /// A text.
    Text(String),
    /// Its parts; those that are not text are left out.
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Part {
    /// `text`, or another kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The words.
    pub text: Option<String>,
}

/// A call that an assistant asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Asked {
    /// Its name.
    pub id: String,
    /// What was asked for.
    pub function: AskedFunction,
}

/// A function with its arguments.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AskedFunction {
    /// The function.
    pub name: String,
    /// Its arguments, as JSON text.
    #[serde(default)]
    pub arguments: String,
}

impl Said {
    /// Its words; parts that are not text are left out.
    pub fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                let texts = parts.iter().filter(|part| part.kind == "text");
                texts.filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn is_system(&self) -> bool {
        matches!(&*self.role, "system" | "developer")
    }
}

/// The arguments of a call from JSON text.
fn arguments(text: &str) -> Arguments {
    match serde_json::from_str(if text.is_empty() { "{}" } else { text }) {
        Ok(arguments) => Arguments::Object(arguments),
        Err(_) => Arguments::Malformed(text.to_owned()),
    }
}

impl Completion {
    /// What the model is told before everything else.
    pub fn system(&self) -> Option<String> {
        let said = self.messages.iter().filter(|said| said.is_system()).map(Said::text);
        Some(said.collect::<Vec<_>>().join("\n\n")).filter(|system| !system.is_empty())
    }

    /// The conversation; else where it has a message of an unknown role.
    pub fn conversation(&self) -> Result<Vec<Message>, usize> {
        let mut messages = Vec::new();
        for (place, said) in self.messages.iter().enumerate().filter(|(_, said)| !said.is_system()) {
            messages.push(match &*said.role {
                "user" => Message::User { text: said.text() },
                "assistant" => Message::Assistant {
                    text: said.text(),
                    calls: said.tool_calls.iter().flatten().map(call).collect(),
                },
                "tool" => Message::Tool {
                    call_id: said.tool_call_id.clone().unwrap_or_default(),
                    name: self.name_of(said.tool_call_id.as_deref()),
                    content: said.text(),
                    failed: false,
                },
                _ => return Err(place),
            });
        }
        Ok(messages)
    }

    /// The function that a call asked for.
    fn name_of(&self, call: Option<&str>) -> String {
        let asked = self.messages.iter().flat_map(|said| said.tool_calls.iter().flatten());
        let found = asked.into_iter().find(|asked| Some(&*asked.id) == call);
        found.map(|asked| asked.function.name.clone()).unwrap_or_default()
    }

    /// The request to a model of a provider.
    pub fn request(
        &self,
        model: String,
        timeout: std::time::Duration,
    ) -> Result<Request, usize> {
        let offers = self.tool_choice.as_ref().is_none_or(|choice| choice != "none");
        let tools = self.tools.iter().filter(|_| offers).map(|Offered { function }| ToolSpec {
            name: function.name.clone(),
            description: function.description.clone().unwrap_or_default(),
            schema: function.parameters.clone().unwrap_or_else(|| json!({ "type": "object" })),
        });
        let format = self.response_format.as_ref();
        let answer_schema = match format.map(|format| &*format.kind) {
            Some("json_schema") => {
                format.and_then(|format| format.json_schema.as_ref()?.schema.clone())
            }
            Some("json_object") => Some(json!({ "type": "object" })),
            _ => None,
        };
        Ok(Request {
            model,
            system: self.system(),
            messages: self.conversation()?,
            tools: tools.collect(),
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            answer_schema,
            timeout,
        })
    }
}

fn call(asked: &Asked) -> ToolCall {
    ToolCall {
        id: asked.id.clone(),
        name: asked.function.name.clone(),
        arguments: arguments(&asked.function.arguments),
        signature: None,
    }
}

/// What stands in every answer and every piece of one.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its name.
    pub id: String,
    /// When it began.
    pub created: DateTime<Utc>,
    /// The model, as it was asked for.
    pub model: String,
}

impl Head {
    /// A whole answer.
    pub fn whole(&self, answer: &Answer) -> Value {
        let mut message = json!({ "role": "assistant", "content": answer.text, "refusal": null });
        if !answer.calls.is_empty()
            && let Some(members) = message.as_object_mut()
        {
            let calls: Vec<_> = answer.calls.iter().map(asked_for).collect();
            members.insert("tool_calls".to_owned(), calls.into());
        }
        let choice = json!({
            "index": 0, "message": message, "logprobs": null,
            "finish_reason": finish_reason(answer.stop),
        });
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created.timestamp(),
            "model": self.model, "choices": [choice], "usage": usage(answer.usage),
        })
    }

    /// A piece of one.
    pub fn piece(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
        self.with_choices(json!([choice]), Value::Null)
    }

    /// The piece that tells the tokens.
    pub fn used(&self, used: Usage) -> Value {
        self.with_choices(json!([]), usage(used))
    }

    fn with_choices(&self, choices: Value, usage: Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created.timestamp(),
            "model": self.model, "choices": choices, "usage": usage,
        })
    }
}

/// Why an answer ended, in the words of this interface.
pub fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Refused => "stop",
        Stop::Tools => "tool_calls",
        Stop::Length => "length",
        Stop::Filtered => "content_filter",
    }
}

/// A call as the client reads it.
pub fn asked_for(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        Arguments::Object(arguments) => Value::Object(arguments.clone()).to_string(),
        Arguments::Malformed(text) => text.clone(),
    };
    json!({
        "id": call.id, "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    })
}

fn usage(used: Usage) -> Value {
    json!({
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": { "cached_tokens": used.cached_tokens },
    })
}
