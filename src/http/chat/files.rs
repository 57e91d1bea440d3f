//! Files that tools made, by the message under which they were made (contract, sections 5.13 and
//! 5.14).
//!
//! Never here: how files are kept.

use actix_web::HttpResponse;
use actix_web::http::header::{ContentDisposition, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub_events::id::{ConversationId, MessageId};
use hub_projections::conversations::{Body, CallStatus, CallView, MessageView};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::messages::message;
use crate::Hub;
use crate::http::caller::Caller;
use crate::http::envelope;
use crate::http::path::Id;
use crate::http::problem::{Answer, Problem};
use crate::tools::builtin::file_management::{self, Files};

/// The tool whose results are files.
const TOOL: &str = "file_management";

/// What is escaped of a name in a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The files of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilesBody {
    /// The message.
    pub message_id: i64,
    /// Its conversation.
    pub conversation_id: i64,
    /// The files.
    pub files: Vec<FileBody>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileBody {
    /// Its name.
    pub filename: String,
    /// How long it is, in bytes.
    pub size: u64,
    /// How it was made.
    pub method: String,
    /// What is in it.
    pub content_type: String,
    /// Where it can be downloaded.
    pub download_url: String,
}

/// What the tool says of a file.
#[derive(Debug, Deserialize)]
struct Made {
    filename: String,
    #[serde(default)]
    size: Option<u64>,
    content_type: Option<String>,
    content: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(skip)]
    method: String,
}

impl Made {
    fn content_type(&self) -> String {
        let known = || file_management::content_type(&self.filename).to_owned();
        // A person may have given one that is none.
        let sound = |kind: &&String| HeaderValue::try_from(kind.as_str()).is_ok();
        self.content_type.as_ref().filter(sound).cloned().unwrap_or_else(known)
    }
}

/// The calls that belong to a message: all of its turn, or that whose result it is.
fn calls(view: &MessageView) -> &[CallView] {
    match &view.body {
        Body::Said(_) => &[],
        Body::Answer { calls, .. } => calls,
        Body::Result(call) => std::slice::from_ref(call),
    }
}

async fn made(hub: &Hub, view: &MessageView) -> Result<Vec<Made>, Problem> {
    let mut files = Vec::new();
    for call in calls(view) {
        let Some(result) = call.result.as_ref().filter(|_| call.tool == TOOL) else { continue };
        if call.status != CallStatus::Completed {
            continue;
        }
        let result = hub.vault.open_sealed(call.account, result).await?;
        let arguments = hub.vault.open_sealed(call.account, &call.arguments).await?;
        let operation = arguments.get("operation").and_then(serde_json::Value::as_str);
        // Results without a file, such as lists, are none of ours.
        if operation != Some("delete")
            && let Ok(made) = serde_json::from_value::<Made>(result)
        {
            let method = operation.unwrap_or("unknown").to_owned();
            files.push(Made { method, ..made });
        }
    }
    Ok(files)
}

/// Lists the files that tools made under a message.
#[utoipa::path(get, path = "/chat/files/{conversation_id}/{message_id}", tag = "chat",
    security(("HTTPBearer" = [])),
    params(("conversation_id" = i64, Path), ("message_id" = i64, Path)),
    responses((status = 200, body = envelope::Success<FilesBody>), (status = 404)))]
pub(super) async fn list_files(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    place: Id<MessageId>,
) -> Answer {
    let view = message(&hub, &caller, id.0, place.0).await?;
    let files = made(&hub, &view).await?.into_iter().map(|made| {
        let name = utf8_percent_encode(&made.filename, ESCAPED);
        FileBody {
            download_url: format!("/chat/download/{}/{}/{name}", id.0, place.0),
            content_type: made.content_type(),
            size: made.size.unwrap_or_default(),
            method: made.method,
            filename: made.filename,
        }
    });
    let (message_id, conversation_id) = (place.0.0, id.0.0);
    let body = FilesBody { message_id, conversation_id, files: files.collect() };
    Ok(HttpResponse::Ok().json(envelope::Success::of(body)))
}

/// Downloads a file that a tool made under a message, by its name.
#[utoipa::path(get, path = "/chat/download/{conversation_id}/{message_id}/{filename}",
    tag = "chat", security(("HTTPBearer" = [])), params(("conversation_id" = i64, Path),
        ("message_id" = i64, Path), ("filename" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404)))]
pub(super) async fn download_file(
    hub: Data<Hub>,
    caller: Caller,
    id: Id<ConversationId>,
    place: Id<MessageId>,
    path: Path<(String, String, String)>,
) -> Answer {
    let view = message(&hub, &caller, id.0, place.0).await?;
    let files = made(&hub, &view).await?;
    if files.is_empty() {
        return Err(Problem::not_found("No file content found in message"));
    }
    let (.., name) = path.into_inner();
    let missing = || Problem::not_found("No file content found");
    let found = files.into_iter().rev().find(|made| made.filename == name).ok_or_else(missing)?;
    let content_type = found.content_type();
    let bytes = match (found.content, found.encoding.as_deref()) {
        (Some(text), Some("text")) => text.into_bytes(),
        (Some(content), _) => STANDARD.decode(content).map_err(Problem::accident)?,
        (None, _) => kept(&hub, &caller, &name).await?.ok_or_else(missing)?,
    };
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(ContentDisposition::attachment(name))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(bytes))
}

/// The content of a file that was too large to be given back with the call.
async fn kept(hub: &Hub, caller: &Caller, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    let files = Files::new(hub.log.clone(), hub.vault.clone());
    let found = files.find(caller.account, name).await.map_err(Problem::accident)?;
    let Some(file) = found else { return Ok(None) };
    let content = files.content(caller.account, &file).await.map_err(Problem::accident)?;
    Ok(Some(content))
}
