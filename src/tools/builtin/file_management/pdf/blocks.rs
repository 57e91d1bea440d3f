//! What the paragraphs of a text or of Markdown are, and how each is set.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::lines::{FIXED_SPACE, Face, Span};

/// The size of ordinary text, in points.
pub(super) const BODY: f32 = 10.5;
const CODE: f32 = 9.0;
const TITLE: f32 = 22.0;
/// How far a list or a quotation is indented, and at most, in points.
const INDENT: f32 = 22.0;
const MOST_INDENT: f32 = 8.0 * INDENT;
const GAP: f32 = 6.0;

/// A part of a document.
pub(super) enum Block {
    /// Text.
    Paragraph(Paragraph),
    /// A line across the page.
    Rule,
}

/// Text with its setting; lengths in points.
pub(super) struct Paragraph {
    pub spans: Vec<Span>,
    pub size: f32,
    pub indent: f32,
    /// The gap above.
    pub before: f32,
    /// What stands before its first line.
    pub marker: Option<String>,
    /// Whether it must not be the last on its page.
    pub keep: bool,
}

/// The title of a document.
pub(super) fn title(text: &str) -> Block {
    let spans = vec![Span { face: Face::Bold, text: text.to_owned() }];
    let (indent, before, marker) = (0.0, 0.0, None);
    Block::Paragraph(Paragraph { spans, size: TITLE, indent, before, marker, keep: true })
}

/// The lines of a text, each for itself.
pub(super) fn of_text(text: &str) -> Vec<Block> {
    text.lines()
        .map(|line| {
            let words = line.trim_start();
            let indented = line.chars().take(line.chars().count() - words.chars().count());
            let mut text: String = indented.flat_map(fixed).collect();
            text.push_str(words);
            let (indent, before, marker) = (0.0, 0.0, None);
            let spans = vec![Span { face: Face::Regular, text }];
            Block::Paragraph(Paragraph { spans, size: BODY, indent, before, marker, keep: false })
        })
        .collect()
}

/// A character with its width kept, where it is a blank.
fn fixed(c: char) -> impl Iterator<Item = char> {
    let (c, count) = match c {
        '\t' => (FIXED_SPACE, 4),
        c if c.is_whitespace() => (FIXED_SPACE, 1),
        c => (c, 1),
    };
    std::iter::repeat_n(c, count)
}

/// The blocks of Markdown. HTML in it stands as the text that it is.
pub(super) fn of_markdown(text: &str) -> Vec<Block> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reading = Reading::default();
    for event in Parser::new_ext(text, options) {
        reading.event(event);
    }
    reading.flush();
    reading.blocks
}

/// Markdown being read.
#[derive(Default)]
struct Reading {
    blocks: Vec<Block>,
    spans: Vec<Span>,
    heading: Option<HeadingLevel>,
    bold: usize,
    oblique: usize,
    code: bool,
    /// Lists and quotations around.
    depth: usize,
    /// The next number of each list around; none where it has no numbers.
    lists: Vec<Option<u64>>,
    marker: Option<String>,
    /// Where each link around goes, and where its text begins in `spans`.
    links: Vec<(String, usize)>,
    /// Whether the next block follows closely.
    tight: bool,
}

impl Reading {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.code => self.code_lines(&text),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
            Event::Code(text) => self.spans.push(Span { face: Face::Mono, text: text.into() }),
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.flush();
                self.blocks.push(Block::Rule);
            }
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                self.heading = Some(level);
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.depth += 1;
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.code = true;
            }
            Tag::List(first) => {
                self.flush();
                self.depth += 1;
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                self.marker = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number = number.saturating_add(1);
                        format!("{}.", *number - 1)
                    }
                    _ => "•".to_owned(),
                });
            }
            Tag::TableHead | Tag::Strong => self.bold += 1,
            Tag::Emphasis => self.oblique += 1,
            Tag::TableCell if !self.spans.is_empty() => self.text("  |  "),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.into(), self.spans.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Item | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.heading = None;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.depth = self.depth.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                self.code = false;
                self.tight = false;
            }
            TagEnd::List(_) => {
                self.flush();
                self.depth = self.depth.saturating_sub(1);
                self.lists.pop();
            }
            TagEnd::TableHead => {
                self.flush();
                self.bold = self.bold.saturating_sub(1);
                self.tight = true;
            }
            TagEnd::TableRow => {
                self.flush();
                self.tight = true;
            }
            TagEnd::Table => self.tight = false,
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Emphasis => self.oblique = self.oblique.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Paper cannot be clicked: where a link goes stands after its text.
    fn end_link(&mut self) {
        let Some((target, begin)) = self.links.pop() else { return };
        let shown: String = self.spans.iter().skip(begin).map(|span| &*span.text).collect();
        if !target.is_empty() && shown != target && format!("mailto:{shown}") != target {
            self.text(&format!(" ({target})"));
        }
    }

    fn text(&mut self, text: &str) {
        let face = match (self.bold > 0 || self.heading.is_some(), self.oblique > 0) {
            (true, _) => Face::Bold,
            (false, true) => Face::Oblique,
            (false, false) => Face::Regular,
        };
        self.spans.push(Span { face, text: text.to_owned() });
    }

    fn code_lines(&mut self, text: &str) {
        for line in text.lines() {
            let text = line.chars().flat_map(fixed).collect();
            self.spans.push(Span { face: Face::Mono, text });
            self.flush();
            self.tight = true;
        }
    }

    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let size = match self.heading {
            Some(HeadingLevel::H1) => 18.0,
            Some(HeadingLevel::H2) => 15.0,
            Some(HeadingLevel::H3) => 12.5,
            Some(_) => BODY,
            None if self.code => CODE,
            None => BODY,
        };
        let indent = (self.depth as f32 * INDENT).min(MOST_INDENT);
        let keep = self.heading.is_some();
        let before = match (self.tight, keep) {
            (true, _) => 0.0,
            (false, true) => 2.0 * GAP,
            (false, false) => GAP,
        };
        let marker = self.marker.take();
        self.tight = false;
        self.blocks.push(Block::Paragraph(Paragraph { spans, size, indent, before, marker, keep }));
    }
}
