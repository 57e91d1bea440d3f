//! Turning a document of one format into another.

mod markup;
mod tables;

use serde::{Deserialize, Serialize};

use super::files::LARGEST;
use super::pdf::{self, Source};
use crate::tools::Failure;

/// What a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Markdown,
    Html,
    Text,
    Pdf,
    Csv,
    Json,
}

impl Format {
    /// Its name, as it stands in arguments.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Text => "text",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The format that a file's name stands for.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" => Self::Html,
            "txt" | "text" => Self::Text,
            "pdf" => Self::Pdf,
            "csv" => Self::Csv,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// The media type of its files.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Text => "text/plain",
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }
}

/// Every conversion that is possible.
const POSSIBLE: &[(Format, Format)] = &[
    (Format::Markdown, Format::Html),
    (Format::Markdown, Format::Text),
    (Format::Markdown, Format::Pdf),
    (Format::Text, Format::Pdf),
    (Format::Html, Format::Markdown),
    (Format::Html, Format::Text),
    (Format::Html, Format::Pdf),
    (Format::Csv, Format::Json),
    (Format::Json, Format::Csv),
];

/// What came of a conversion.
#[derive(Debug)]
pub(super) struct Converted {
    /// The document.
    pub bytes: Vec<u8>,
    /// How many of its characters stand as `�`.
    pub replaced: usize,
}

impl From<String> for Converted {
    fn from(text: String) -> Self {
        Self { bytes: text.into_bytes(), replaced: 0 }
    }
}

/// Converts a document.
///
/// # Errors
/// `unsupported_conversion`, with all that are possible; `invalid_content` where the document
/// is not what it should be; `content_too_large`.
pub(super) fn convert(source: Vec<u8>, from: Format, to: Format) -> Result<Converted, Failure> {
    if !POSSIBLE.contains(&(from, to)) {
        return Err(unsupported(from, to));
    }
    let text = String::from_utf8(source).map_err(|_| invalid("The document is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let converted = match (from, to) {
        (Format::Markdown, Format::Html) => markup::markdown_to_html(text).into(),
        (Format::Markdown, Format::Text) => markup::markdown_to_text(text).into(),
        (Format::Markdown, Format::Pdf) => pdf(Source::Markdown, text)?,
        (Format::Text, Format::Pdf) => pdf(Source::Text, text)?,
        (Format::Html, Format::Markdown) => markup::html_to_markdown(text)?.into(),
        (Format::Html, Format::Text) => {
            markup::markdown_to_text(&markup::html_to_markdown(text)?).into()
        }
        (Format::Html, Format::Pdf) => pdf(Source::Markdown, &markup::html_to_markdown(text)?)?,
        (Format::Csv, Format::Json) => tables::csv_to_json(text)?.into(),
        (Format::Json, Format::Csv) => tables::json_to_csv(text)?.into(),
        (from, to) => return Err(unsupported(from, to)),
    };
    if converted.bytes.len() > LARGEST { Err(too_large()) } else { Ok(converted) }
}

fn pdf(source: Source, text: &str) -> Result<Converted, Failure> {
    let pdf = pdf::write(None, source, text)?;
    Ok(Converted { bytes: pdf.bytes, replaced: pdf.replaced })
}

fn unsupported(from: Format, to: Format) -> Failure {
    let possible: Vec<String> =
        POSSIBLE.iter().map(|(from, to)| format!("{} to {}", from.name(), to.name())).collect();
    let (from, to) = (from.name(), to.name());
    let possible = possible.join(", ");
    let message = format!("{from} cannot be converted to {to}; possible are {possible}");
    Failure::lasting("unsupported_conversion", message)
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::lasting("invalid_content", message)
}

fn too_large() -> Failure {
    let message = format!("The result would have more than {LARGEST} bytes");
    Failure::lasting("content_too_large", message)
}

#[cfg(test)]
mod tests;
