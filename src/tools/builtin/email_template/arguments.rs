//! The arguments of a call, and their JSON Schema.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How long a body may be, in characters.
const LONGEST_BODY: usize = 100_000;

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub(super) enum Operation {
    GetTemplate(Which),
    ListTemplates { category: Option<String> },
    CreateTemplate(Draft),
    DeleteTemplate { template_id: String },
    RenderTemplate(Render),
}

/// Which template: the one with an id, or the one that stands for a category.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    pub template_id: Option<String>,
    pub category: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    pub template_id: Option<String>,
    pub category: String,
    #[serde(default)]
    pub subject_prefix: String,
    pub body: String,
    #[serde(default)]
    pub priority: Priority,
    #[serde(default)]
    pub is_default: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Render {
    #[serde(flatten)]
    pub which: Which,
    #[serde(default)]
    pub subject: String,
    #[serde(default)]
    pub variables: Map<String, Value>,
}

/// How soon a mail wants to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

/// The JSON Schema of the arguments.
pub(super) fn schema() -> Value {
    let name = |description: &str| {
        json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
            "description": description })
    };
    let which = json!({ "oneOf": [
        { "required": ["template_id"] }, { "required": ["category"] } ] });
    json!({
        "type": "object",
        "required": ["operation"],
        "additionalProperties": false,
        "properties": {
            "operation": { "type": "string",
                "enum": ["get_template", "list_templates", "create_template", "delete_template",
                    "render_template"],
                "description": "What to do. `create_template` keeps one, in place of the \
                    account's own of the same id; `render_template` fills one in." },
            "template_id": name("The template, by its id. create_template: an id of your choice; \
                one is made where none is given."),
            "category": name("get_template and render_template: the template that stands for \
                this category, in place of `template_id`. list_templates: only these. \
                create_template: where the template belongs."),
            "subject_prefix": { "type": "string", "maxLength": 200,
                "description": "create_template: what the subject begins with; may hold \
                    {{variables}}." },
            "body": { "type": "string", "minLength": 1, "maxLength": LONGEST_BODY,
                "description": "create_template: the text of the mail, with {{variables}}." },
            "priority": { "type": "string", "enum": ["low", "normal", "high"],
                "default": "normal" },
            "is_default": { "type": "boolean", "default": false,
                "description": "create_template: whether it stands for its category from now \
                    on." },
            "subject": { "type": "string", "maxLength": 1_000,
                "description": "render_template: the subject after the prefix; may hold \
                    {{variables}}." },
            "variables": { "type": "object",
                "description": "render_template: the values by name." },
        },
        "allOf": [
            needs(&["get_template", "render_template"], &which),
            needs(&["create_template"], &json!({ "required": ["category", "body"] })),
            needs(&["delete_template"], &json!({ "required": ["template_id"] })),
        ],
    })
}

fn needs(operations: &[&str], then: &Value) -> Value {
    let operation = json!({ "properties": { "operation": { "enum": operations } } });
    json!({ "if": operation, "then": then })
}
