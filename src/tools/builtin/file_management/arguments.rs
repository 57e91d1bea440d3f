//! The arguments of a call, and their JSON Schema.

use serde::Deserialize;
use serde_json::{Value, json};

use super::convert::Format;
use super::files::LARGEST;
use super::qr::Image;

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub(super) enum Operation {
    Upload(Upload),
    List,
    Download { filename: String },
    Delete { filename: String },
    GenerateQr(Qr),
    GeneratePdf(Pdf),
    ConvertDocument(Convert),
}

#[derive(Debug, Deserialize)]
pub(super) struct Upload {
    pub filename: String,
    pub content: Option<String>,
    pub text: Option<String>,
    pub content_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Qr {
    pub qr_data: String,
    #[serde(default = "ten")]
    pub qr_size: u32,
    pub filename: Option<String>,
    #[serde(default)]
    pub image_format: Image,
}

fn ten() -> u32 {
    10
}

#[derive(Debug, Deserialize)]
pub(super) struct Pdf {
    pub content: String,
    pub title: Option<String>,
    pub from_format: Option<Format>,
    pub filename: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Convert {
    pub content: Option<String>,
    pub filename: Option<String>,
    pub from_format: Option<Format>,
    pub to_format: Format,
    pub save_as: Option<String>,
}

/// The JSON Schema of the arguments.
pub(super) fn schema() -> Value {
    let name = |description: &str| json!({ "type": "string", "minLength": 1, "maxLength": 200, "description": description });
    // Base64 of the largest file, with room for line breaks.
    let longest = LARGEST / 3 * 4 + LARGEST / 48 + 16;
    json!({
        "type": "object",
        "properties": {
            "operation": {
                "type": "string",
                "enum": [
                    "upload", "download", "list", "delete",
                    "generate_pdf", "convert_document", "generate_qr"
                ],
                "description": "What to do. `upload` keeps a file, `list` lists all, `download` \
                    gives the content of one, `delete` deletes one, `generate_pdf` and \
                    `generate_qr` make one, `convert_document` turns a document into another format."
            },
            "filename": name("The name of the file: to keep it under (upload, generate_pdf, \
                generate_qr), or of the file that is there (download, delete, convert_document). \
                No folders, none of / \\ : * ? \" < > |. Generated files get a name by \
                themselves where none is given."),
            "content": {
                "type": "string",
                "maxLength": longest,
                "description": "upload: the content as Base64; what is not Base64 is kept as the \
                    text that it is. generate_pdf: the text or Markdown. convert_document: the \
                    document itself, instead of `filename`."
            },
            "text": {
                "type": "string",
                "maxLength": LARGEST,
                "description": "upload: the content as plain text, instead of `content`."
            },
            "content_type": {
                "type": "string",
                "pattern": "^[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}$",
                "description": "upload: the media type, such as `text/csv`; else by the name's extension."
            },
            "title": {
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "generate_pdf: a title, set large on the first page."
            },
            "from_format": {
                "type": "string",
                "enum": ["markdown", "html", "text", "pdf", "csv", "json"],
                "description": "What the document is written in. convert_document: else by the \
                    name's extension. generate_pdf: `markdown` (the default) or `text`."
            },
            "to_format": {
                "type": "string",
                "enum": ["markdown", "html", "text", "pdf", "csv", "json"],
                "description": "convert_document: the format wanted."
            },
            "save_as": name("convert_document: keep the result as a file of this name; it is \
                only given back otherwise."),
            "qr_data": {
                "type": "string",
                "minLength": 1,
                "maxLength": 2331,
                "description": "generate_qr: the text or address that the code holds."
            },
            "qr_size": {
                "type": "integer",
                "minimum": 1,
                "maximum": 50,
                "default": 10,
                "description": "generate_qr: the width of one module of the code, in pixels."
            },
            "image_format": {
                "type": "string",
                "enum": ["png", "svg"],
                "default": "png",
                "description": "generate_qr: the kind of image."
            }
        },
        "required": ["operation"],
        "allOf": [
            needs(&["upload", "download", "delete"], &json!({ "required": ["filename"] })),
            needs(&["upload"], &either("content", "text")),
            needs(&["generate_pdf"], &json!({ "required": ["content"] })),
            needs(&["generate_pdf"], &json!({
                "properties": { "from_format": { "enum": ["markdown", "text"] } }
            })),
            needs(&["generate_qr"], &json!({ "required": ["qr_data"] })),
            needs(&["convert_document"], &json!({ "required": ["to_format"] })),
            needs(&["convert_document"], &either("content", "filename")),
        ]
    })
}

fn needs(operations: &[&str], then: &Value) -> Value {
    let operation = json!({ "properties": { "operation": { "enum": operations } } });
    json!({ "if": operation, "then": then })
}

fn either(one: &str, other: &str) -> Value {
    json!({ "oneOf": [{ "required": [one] }, { "required": [other] }] })
}
