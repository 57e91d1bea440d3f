//! The tool `file_management`: an account's files, documents and QR codes.
//!
//! Here calls are carried out; each kind of work is a file of its own. Never here: how files
//! are kept (`collections`), or how they are served.

mod arguments;
mod convert;
mod files;
mod name;
mod pdf;
mod qr;

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hub_events::Class;
use hub_events::log::Log;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::arguments::{Convert, Operation, Pdf, Qr, Upload};
use self::convert::Format;
use self::pdf::Source;
use super::collected::context;
use crate::tools::{Call, Card, Failure, Outcome, Tool};
use crate::vault::Vault;

pub use self::files::{File, Files, LARGEST};
pub use self::name::{content_type, path};

/// Content up to this size (in bytes) is given back with a file that was made.
const LARGEST_INLINE: usize = 1024 * 1024;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The tool.
#[derive(Debug)]
pub struct FileManagement {
    card: Card,
    files: Files,
}

impl FileManagement {
    /// The tool, over files that are kept in a log and sealed by a vault.
    pub fn new(log: Arc<dyn Log>, vault: Arc<Vault>) -> Self {
        let card = Card::new(
            "file_management",
            "file_management",
            "Keep, list, read and delete files; make PDF documents and QR codes; \
                convert documents between Markdown, HTML, text, PDF, CSV and JSON",
            arguments::schema(),
        );
        Self { card, files: Files::new(log, vault) }
    }

    async fn carry_out(&self, call: &Call) -> Result<Value, Failure> {
        let operation = Operation::deserialize_from(&call.arguments)?;
        match operation {
            Operation::Upload(upload) => self.upload(call, upload).await,
            Operation::List => self.list(call).await,
            Operation::Download { filename } => self.download(call, &filename).await,
            Operation::Delete { filename } => {
                let name = name::check(&filename)?;
                let deleted = self.files.remove(call.account, &name, context(call)).await?;
                Ok(json!({ "success": true, "filename": name, "deleted": deleted }))
            }
            Operation::GenerateQr(qr) => self.generate_qr(call, qr).await,
            Operation::GeneratePdf(pdf) => self.generate_pdf(call, pdf).await,
            Operation::ConvertDocument(convert) => self.convert(call, convert).await,
        }
    }

    async fn upload(&self, call: &Call, upload: Upload) -> Result<Value, Failure> {
        let name = name::check(&upload.filename)?;
        let (content, encoding) = match (upload.text, upload.content) {
            (Some(text), _) => (text.into_bytes(), "text"),
            (None, Some(content)) => match from_base64(&content) {
                Some(bytes) => (bytes, "base64"),
                None => (content.into_bytes(), "text"),
            },
            (None, None) => return Err(missing("content")),
        };
        let content_type =
            upload.content_type.unwrap_or_else(|| name::content_type(&name).to_owned());
        let context = context(call);
        let file = self.files.put(call.account, name, &content_type, content, context).await?;
        let mut result = described(&file);
        add(&mut result, "encoding", encoding);
        Ok(result)
    }

    async fn list(&self, call: &Call) -> Result<Value, Failure> {
        let files = self.files.list(call.account).await?;
        let files: Vec<Value> = files
            .iter()
            .map(|file| {
                json!({
                    "filename": file.name(),
                    "size": file.size(),
                    "content_type": file.content_type(),
                    "modified": file.modified(),
                    "path": path(file.name()),
                })
            })
            .collect();
        Ok(json!({ "success": true, "total": files.len(), "files": files }))
    }

    async fn download(&self, call: &Call, filename: &str) -> Result<Value, Failure> {
        let (file, content) = self.read(call, filename).await?;
        let mut result = described(&file);
        add(&mut result, "content", STANDARD.encode(content));
        Ok(result)
    }

    async fn generate_qr(&self, call: &Call, qr: Qr) -> Result<Value, Failure> {
        let Qr { qr_data, qr_size, filename, image_format } = qr;
        let bytes = apart(move || qr::draw(&qr_data, qr_size, image_format)).await?;
        self.keep(call, filename, "qr", image_format.extension(), bytes).await
    }

    async fn generate_pdf(&self, call: &Call, pdf: Pdf) -> Result<Value, Failure> {
        let Pdf { content, title, from_format, filename } = pdf;
        within_limit(content.len())?;
        let source = match from_format {
            Some(Format::Text) => Source::Text,
            Some(Format::Markdown) | None => Source::Markdown,
            Some(_) => return Err(missing("from_format of `markdown` or `text`")),
        };
        let pdf = apart(move || pdf::write(title.as_deref(), source, &content)).await?;
        let mut result = self.keep(call, filename, "document", "pdf", pdf.bytes).await?;
        add(&mut result, "pages", pdf.pages);
        note_replaced(&mut result, pdf.replaced);
        Ok(result)
    }

    async fn convert(&self, call: &Call, convert: Convert) -> Result<Value, Failure> {
        let Convert { content, filename, from_format, to_format: to, save_as } = convert;
        let save_as = save_as.map(|name| name::check(&name)).transpose()?;
        let by_name = filename.as_deref().and_then(Format::of_name);
        let from = from_format.or(by_name).ok_or_else(|| missing("from_format"))?;
        let source = match (content, filename) {
            (Some(content), _) => content.into_bytes(),
            (None, Some(filename)) => self.read(call, &filename).await?.1,
            (None, None) => return Err(missing("content")),
        };
        within_limit(source.len())?;
        let converted = apart(move || convert::convert(source, from, to)).await?;
        let size = converted.bytes.len();
        if size > LARGEST_INLINE && save_as.is_none() {
            let message = "The result is too large to be given back; name a file in `save_as`";
            return Err(Failure::lasting("content_too_large", message));
        }
        let mut result = json!({ "success": true, "format": to.name(), "size": size });
        note_replaced(&mut result, converted.replaced);
        if size <= LARGEST_INLINE {
            let (content, encoding) = match (to, std::str::from_utf8(&converted.bytes)) {
                (Format::Pdf, _) | (_, Err(_)) => (STANDARD.encode(&converted.bytes), "base64"),
                (_, Ok(text)) => (text.to_owned(), "text"),
            };
            add(&mut result, "content", content);
            add(&mut result, "encoding", encoding);
        }
        if let Some(name) = save_as {
            add(&mut result, "filename", name.clone());
            add(&mut result, "path", path(&name));
            let (kind, context) = (to.content_type(), context(call));
            self.files.put(call.account, name, kind, converted.bytes, context).await?;
        }
        Ok(result)
    }

    /// Keeps a file that was made, under a name by its content where it has none.
    async fn keep(
        &self,
        call: &Call,
        filename: Option<String>,
        kind: &str,
        extension: &str,
        bytes: Vec<u8>,
    ) -> Result<Value, Failure> {
        let name = match filename {
            Some(filename) => name::check(&filename)?,
            None => {
                let [a, b, c, d, e, f, ..] = <[u8; 32]>::from(Sha256::digest(&bytes));
                format!("{kind}-{}.{extension}", hex::encode([a, b, c, d, e, f]))
            }
        };
        let content = (bytes.len() <= LARGEST_INLINE).then(|| STANDARD.encode(&bytes));
        let kind = name::content_type(&format!("x.{extension}"));
        let file = self.files.put(call.account, name, kind, bytes, context(call)).await?;
        let mut result = described(&file);
        if let Some(content) = content {
            add(&mut result, "content", content);
        }
        Ok(result)
    }

    async fn read(&self, call: &Call, filename: &str) -> Result<(File, Vec<u8>), Failure> {
        let name = name::check(filename)?;
        let file = self.files.find(call.account, &name).await?;
        let file = file.ok_or_else(|| {
            Failure::lasting("file_missing", format!("There is no file named {name}"))
        })?;
        let content = self.files.content(call.account, &file).await?;
        Ok((file, content))
    }
}

impl Tool for FileManagement {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, arguments: &Value) -> Class {
        match arguments.get("operation").and_then(Value::as_str) {
            Some("list" | "download") => Class::Read,
            Some("convert_document") if arguments.get("save_as").is_none() => Class::Read,
            _ => Class::Idempotent,
        }
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        async move {
            match self.carry_out(&call).await {
                Ok(result) => Outcome::Done(result),
                Err(failure) => Outcome::Failed(failure),
            }
        }
        .boxed()
    }
}

impl Operation {
    fn deserialize_from(arguments: &Value) -> Result<Self, Failure> {
        serde::Deserialize::deserialize(arguments).map_err(|_| {
            Failure::lasting("invalid_arguments", "The arguments do not fit the operation")
        })
    }
}

/// Carries out work that takes the processor for long, apart from everything that must go on.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the making of a file broke off");
        Err(Failure::lasting("invalid_content", "The content could not be worked on"))
    })
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(text).ok()
}

fn within_limit(size: usize) -> Result<(), Failure> {
    if size <= LARGEST {
        return Ok(());
    }
    let message = format!("The content has more than {LARGEST} bytes");
    Err(Failure::lasting("content_too_large", message))
}

fn missing(what: &str) -> Failure {
    Failure::lasting("invalid_arguments", format!("The operation needs {what}"))
}

fn described(file: &File) -> Value {
    json!({
        "success": true,
        "filename": file.name(),
        "size": file.size(),
        "content_type": file.content_type(),
        "path": path(file.name()),
    })
}

fn add(result: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(result) = result.as_object_mut() {
        result.insert(name.to_owned(), value.into());
    }
}

fn note_replaced(result: &mut Value, replaced: usize) {
    if replaced > 0 {
        add(result, "replaced_characters", replaced);
        let note = "Characters that the fonts do not have, or that are written from right to \
            left, stand as \u{fffd}";
        add(result, "note", note);
    }
}

#[cfg(test)]
mod tests;
