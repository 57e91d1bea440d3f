//! Fonts, and the wrapping of text into lines.
//!
//! The fonts are the DejaVu family, which has the letters of most languages that are written
//! from left to right with an alphabet (Ngũgĩ as well as Łódź, Ελλάδα and Київ).

use krilla::text::Font;
use ttf_parser::Face as Metrics;

/// Which font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Regular,
    Bold,
    Oblique,
    Mono,
}

/// Text in one font.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub face: Face,
    pub text: String,
}

/// A space at which a line does not break.
pub(super) const FIXED_SPACE: char = '\u{a0}';

/// What stands for a character that cannot be printed.
const REPLACEMENT: char = '\u{fffd}';

/// The fonts of a document.
pub(super) struct Fonts {
    regular: Loaded,
    bold: Loaded,
    oblique: Loaded,
    mono: Loaded,
    replaced: usize,
}

struct Loaded {
    font: Font,
    metrics: Metrics<'static>,
}

impl Loaded {
    fn parse(bytes: &'static [u8]) -> Option<Self> {
        Some(Self { font: Font::new(bytes.into(), 0)?, metrics: Metrics::parse(bytes, 0).ok()? })
    }

    /// The width of a character in parts of the size; none where the font has no sign for it.
    fn advance(&self, c: char) -> Option<f32> {
        let advance = self.metrics.glyph_hor_advance(self.metrics.glyph_index(c)?)?;
        Some(f32::from(advance) / f32::from(self.metrics.units_per_em()))
    }
}

impl Fonts {
    pub(super) fn load() -> Option<Self> {
        Some(Self {
            regular: Loaded::parse(dejavu::sans::regular())?,
            bold: Loaded::parse(dejavu::sans::bold())?,
            oblique: Loaded::parse(dejavu::sans::oblique())?,
            mono: Loaded::parse(dejavu::sans_mono::regular())?,
            replaced: 0,
        })
    }

    fn loaded(&self, face: Face) -> &Loaded {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
            Face::Oblique => &self.oblique,
            Face::Mono => &self.mono,
        }
    }

    pub(super) fn font(&self, face: Face) -> Font {
        self.loaded(face).font.clone()
    }

    /// How many characters [`Fonts::printable`] replaced.
    pub(super) fn replaced(&self) -> usize {
        self.replaced
    }

    /// The same text with nothing in it that cannot be printed.
    pub(super) fn printable(&mut self, span: Span) -> Span {
        let loaded = self.loaded(span.face);
        let mut replaced = 0;
        let text = span.text.chars().filter_map(|c| match c {
            '\n' => Some('\n'),
            '\t' => Some(' '),
            c if c.is_control() || unseen(c) => None,
            c if right_to_left(c) || (loaded.advance(c).is_none() && !c.is_whitespace()) => {
                replaced += 1;
                Some(REPLACEMENT)
            }
            c => Some(c),
        });
        let span = Span { face: span.face, text: text.collect() };
        self.replaced += replaced;
        span
    }

    fn char_width(&self, face: Face, c: char, size: f32) -> f32 {
        let loaded = self.loaded(face);
        loaded.advance(c).or_else(|| loaded.advance(' ')).unwrap_or(0.0) * size
    }

    /// How wide a text is, in points.
    pub(super) fn width(&self, span: &Span, size: f32) -> f32 {
        span.text.chars().map(|c| self.char_width(span.face, c, size)).sum()
    }

    /// Breaks text into lines that are at most `width` points wide: at spaces, or anywhere in
    /// a word that is wider than a line. There is always at least one line.
    pub(super) fn wrap(&self, spans: &[Span], size: f32, width: f32) -> Vec<Vec<Span>> {
        let mut wrap = Wrap { width, ..Wrap::default() };
        for Span { face, text } in spans {
            for c in text.chars() {
                if c == '\n' {
                    wrap.end_word();
                    wrap.end_line();
                } else if c.is_whitespace() && c != FIXED_SPACE {
                    wrap.end_word();
                    wrap.space = Some((*face, self.char_width(*face, ' ', size)));
                } else {
                    wrap.push(*face, c, self.char_width(*face, c, size));
                }
            }
        }
        wrap.end_word();
        if !wrap.line.is_empty() || wrap.lines.is_empty() {
            wrap.end_line();
        }
        wrap.lines
    }
}

/// Format characters that have no sign of their own.
fn unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Hebrew, Arabic and their like: a line of them would need an order of its own.
fn right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}')
}

/// Lines in the making.
#[derive(Default)]
struct Wrap {
    width: f32,
    lines: Vec<Vec<Span>>,
    line: Vec<Span>,
    line_width: f32,
    word: Vec<Span>,
    word_width: f32,
    /// A space that comes before the word, unless a line breaks there.
    space: Option<(Face, f32)>,
}

impl Wrap {
    fn push(&mut self, face: Face, c: char, width: f32) {
        if self.word_width + width > self.width && !self.word.is_empty() {
            self.end_word();
            self.end_line();
        }
        append(&mut self.word, face, c);
        self.word_width += width;
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let space = self.space.take().filter(|_| !self.line.is_empty());
        let space_width = space.map_or(0.0, |(_, width)| width);
        if !self.line.is_empty() && self.line_width + space_width + self.word_width > self.width {
            self.end_line();
        } else if let Some((face, width)) = space {
            append(&mut self.line, face, ' ');
            self.line_width += width;
        }
        for span in std::mem::take(&mut self.word) {
            span.text.chars().for_each(|c| append(&mut self.line, span.face, c));
        }
        self.line_width += std::mem::take(&mut self.word_width);
    }

    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
        self.line_width = 0.0;
        self.space = None;
    }
}

fn append(spans: &mut Vec<Span>, face: Face, c: char) {
    match spans.last_mut() {
        Some(last) if last.face == face => last.text.push(c),
        _ => spans.push(Span { face, text: c.into() }),
    }
}
