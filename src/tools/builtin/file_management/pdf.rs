//! PDF documents from text and Markdown: A4 pages with wrapped lines and page numbers.
//!
//! Here blocks are laid out on pages and drawn; what the blocks of a text are is in `blocks`,
//! fonts and the wrapping of lines are in `lines`. The same text gives the same bytes.

mod blocks;
mod lines;

use krilla::Document;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::surface::Surface;
use krilla::text::TextDirection;

use self::blocks::{BODY, Block, Paragraph};
use self::lines::{Face, Fonts, Span};
use crate::tools::Failure;

/// How many pages a document may have.
const MOST_PAGES: usize = 500;

/// A4, in points (ISO 216: 210 by 297 mm).
const PAGE: (f32, f32) = (595.28, 841.89);
const MARGIN: f32 = 62.0;
/// Baseline to baseline, in sizes of the text.
const LEADING: f32 = 1.4;

/// A document.
#[derive(Debug)]
pub(super) struct Pdf {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// How many characters stand as `�`, because the fonts have no sign for them or they are
    /// written from right to left.
    pub replaced: usize,
}

/// How a source is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// As it is, line by line.
    Text,
    /// As Markdown.
    Markdown,
}

/// Makes a document.
///
/// # Errors
/// `content_too_large` where it would have too many pages.
pub(super) fn write(title: Option<&str>, source: Source, text: &str) -> Result<Pdf, Failure> {
    let mut fonts = Fonts::load().ok_or_else(|| failed("a font is not readable"))?;
    let mut blocks: Vec<Block> = title.into_iter().map(blocks::title).collect();
    blocks.extend(match source {
        Source::Text => blocks::of_text(text),
        Source::Markdown => blocks::of_markdown(text),
    });
    let mut layout = Layout::default();
    for block in blocks {
        layout.place(block, &mut fonts)?;
    }
    let pages = layout.pages.len();
    let bytes = draw(title, &layout.pages, &fonts).map_err(|error| failed(&error))?;
    Ok(Pdf { bytes, pages, replaced: fonts.replaced() })
}

fn failed(error: &str) -> Failure {
    tracing::error!(error, "a PDF could not be written");
    Failure::lasting("invalid_content", "The PDF could not be written")
}

/// Something at its place; `y` is measured from the top of the page.
enum Placed {
    Line { x: f32, y: f32, size: f32, spans: Vec<Span> },
    Rule { y: f32 },
}

struct Layout {
    pages: Vec<Vec<Placed>>,
    y: f32,
}

impl Default for Layout {
    fn default() -> Self {
        Self { pages: vec![Vec::new()], y: MARGIN }
    }
}

impl Layout {
    fn place(&mut self, block: Block, fonts: &mut Fonts) -> Result<(), Failure> {
        let Paragraph { spans, size, indent, before, marker, keep } = match block {
            Block::Paragraph(paragraph) => paragraph,
            Block::Rule => {
                self.room(2.0 * BODY, BODY)?;
                let y = self.y - BODY / 2.0;
                self.push(Placed::Rule { y });
                return Ok(());
            }
        };
        let x = MARGIN + indent;
        let spans: Vec<Span> = spans.into_iter().map(|span| fonts.printable(span)).collect();
        let lines = fonts.wrap(&spans, size, PAGE.0 - MARGIN - x);
        let following = if keep { 2.0 * BODY * LEADING } else { 0.0 };
        for (index, spans) in lines.into_iter().enumerate() {
            let (before, following) = if index == 0 { (before, following) } else { (0.0, 0.0) };
            self.room(before + size * LEADING, following)?;
            let y = self.y;
            if index == 0
                && let Some(marker) = &marker
            {
                let span = Span { face: Face::Regular, text: marker.clone() };
                let x = x - fonts.width(&span, size) - size / 2.0;
                self.push(Placed::Line { x, y, size, spans: vec![span] });
            }
            self.push(Placed::Line { x, y, size, spans });
        }
        Ok(())
    }

    /// Goes down by `height`, or to the next page where that and what must follow do not fit.
    fn room(&mut self, height: f32, following: f32) -> Result<(), Failure> {
        self.y += height;
        let empty = self.pages.last().is_none_or(Vec::is_empty);
        if self.y + following > PAGE.1 - MARGIN && !empty {
            if self.pages.len() == MOST_PAGES {
                let message = format!("The document would have more than {MOST_PAGES} pages");
                return Err(Failure::lasting("content_too_large", message));
            }
            self.pages.push(Vec::new());
            self.y = MARGIN + height;
        }
        Ok(())
    }

    fn push(&mut self, placed: Placed) {
        if let Some(page) = self.pages.last_mut() {
            page.push(placed);
        }
    }
}

fn draw(title: Option<&str>, pages: &[Vec<Placed>], fonts: &Fonts) -> Result<Vec<u8>, String> {
    let mut document = Document::new();
    let metadata = Metadata::new().creator("Arrotech Hub".to_owned());
    document.set_metadata(match title {
        Some(title) => metadata.title(title.to_owned()),
        None => metadata,
    });
    for (index, placed) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or("the page has no size")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for placed in placed {
            draw_placed(&mut surface, placed, fonts);
        }
        if pages.len() > 1 {
            let text = format!("{} / {}", index + 1, pages.len());
            let span = Span { face: Face::Regular, text };
            let x = (PAGE.0 - fonts.width(&span, 9.0)) / 2.0;
            let y = PAGE.1 - MARGIN / 2.0;
            draw_placed(&mut surface, &Placed::Line { x, y, size: 9.0, spans: vec![span] }, fonts);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| format!("{error:?}"))
}

fn draw_placed(surface: &mut Surface<'_>, placed: &Placed, fonts: &Fonts) {
    match placed {
        Placed::Line { x, y, size, spans } => {
            let mut x = *x;
            for span in spans {
                let at = Point::from_xy(x, *y);
                let font = fonts.font(span.face);
                surface.draw_text(at, font, *size, &span.text, false, TextDirection::LeftToRight);
                x += fonts.width(span, *size);
            }
        }
        Placed::Rule { y } => {
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(MARGIN, *y, PAGE.0 - 2.0 * MARGIN, 0.5) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests;
