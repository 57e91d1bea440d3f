//! The JSON Schema of a call's arguments.

use serde_json::{Value, json};

use super::MOST_SITES;

/// How long the address of a link may be.
const LONGEST_TARGET: usize = 2_048;

/// The schema.
pub(super) fn schema() -> Value {
    let url = json!({ "type": "string", "format": "uri", "pattern": "^https?://" });
    let parameter = |description: &str| {
        json!({ "type": "string", "minLength": 1, "maxLength": 200,
            "description": format!("generate_tracking_link: {description}") })
    };
    let target = json!({ "required": ["url"],
        "properties": { "url": { "maxLength": LONGEST_TARGET } } });
    json!({
        "type": "object",
        "required": ["operation"],
        "additionalProperties": false,
        "properties": {
            "operation": { "type": "string",
                "enum": ["scrape_website", "extract_data", "extract_emails", "check_status",
                    "generate_short_link", "generate_tracking_link", "get_link_stats",
                    "delete_link"],
                "description": "What to do." },
            "url": { "type": "string", "format": "uri", "pattern": "^https?://",
                "description": "The page; for links, where they lead." },
            "urls": { "type": "array", "items": url, "minItems": 1, "maxItems": MOST_SITES,
                "description": "check_status: several sites at once." },
            "html": { "type": "string", "maxLength": 10_000_000,
                "description": "extract_data: a page that is at hand, in place of `url`." },
            "text": { "type": "string", "maxLength": 10_000_000,
                "description": "extract_emails: a text that is at hand, in place of `url`." },
            "selectors": selectors(),
            "code": { "type": "string", "minLength": 1, "maxLength": LONGEST_TARGET,
                "description": "get_link_stats, delete_link: the link's code or short address." },
            "source": parameter("where visitors come from, such as `newsletter` (utm_source)."),
            "medium": parameter("by what medium, such as `email` (utm_medium)."),
            "campaign": parameter("the campaign (utm_campaign)."),
            "term": parameter("the search term (utm_term)."),
            "content": parameter("which of several links (utm_content)."),
        },
        "allOf": [
            needs(&["scrape_website"], json!({ "required": ["url"] })),
            needs(&["extract_data"], one_of(&["url", "html"])),
            needs(&["extract_emails"], one_of(&["url", "text"])),
            needs(&["check_status"], one_of(&["url", "urls"])),
            needs(&["generate_short_link", "generate_tracking_link"], target),
            needs(&["generate_tracking_link"], json!({ "required": ["source"] })),
            needs(&["get_link_stats", "delete_link"], json!({ "required": ["code"] })),
        ],
    })
}

fn selectors() -> Value {
    json!({ "type": "object", "minProperties": 1,
        "description": "extract_data: name to CSS selector, or to {selector, attribute, \
                        all}. Without it: headings, tables, JSON-LD and meta data.",
        "additionalProperties": { "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "object", "required": ["selector"], "additionalProperties": false,
                "properties": {
                    "selector": { "type": "string", "minLength": 1 },
                    "attribute": { "type": "string" },
                    "all": { "type": "boolean" },
                } },
        ] } })
}

fn needs(operations: &[&str], needed: Value) -> Value {
    json!({
        "if": { "properties": { "operation": { "enum": operations } } },
        "then": needed,
    })
}

fn one_of(names: &[&str]) -> Value {
    let each: Vec<_> = names.iter().map(|name| json!({ "required": [name] })).collect();
    json!({ "oneOf": each })
}
