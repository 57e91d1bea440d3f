#![allow(clippy::unwrap_used)]

use super::*;

fn markdown(text: &str) -> Pdf {
    write(Some("Report"), Source::Markdown, text).unwrap()
}

/// The number of pages that the file's page tree has.
fn counted(pdf: &Pdf) -> usize {
    let text = String::from_utf8_lossy(&pdf.bytes);
    text.matches("/MediaBox").count()
}

fn texts(lines: &[Vec<Span>]) -> Vec<String> {
    let joined = |line: &Vec<Span>| line.iter().map(|span| &*span.text).collect();
    lines.iter().map(joined).collect()
}

fn wrapped(text: &str, width: f32) -> Vec<String> {
    let spans = [Span { face: Face::Mono, text: text.to_owned() }];
    texts(&Fonts::load().unwrap().wrap(&spans, 10.0, width))
}

#[test]
fn a_document_has_as_many_pages_as_it_needs() {
    for (lines, pages) in [(1, 1), (40, 1), (60, 2), (1_000, 21)] {
        let text = "A line of text.\n".repeat(lines);
        let pdf = write(None, Source::Text, &text).unwrap();
        assert!(pdf.bytes.starts_with(b"%PDF-1.") && pdf.bytes.ends_with(b"%%EOF"));
        assert_eq!((pdf.pages, counted(&pdf)), (pages, pages), "{lines} lines");
        assert_eq!(pdf.replaced, 0);
    }
    assert_eq!(write(None, Source::Text, "").unwrap().pages, 1);
}

#[test]
fn lines_break_at_spaces_and_only_long_words_inside() {
    // Ten characters of the fixed-width font are 60.2 points wide at this size.
    for (text, expected) in [
        ("one two three", vec!["one two", "three"]),
        ("abcdefghijklm no", vec!["abcdefghij", "klm no"]),
        ("a abcdefghij b", vec!["a", "abcdefghij", "b"]),
        ("one\ntwo", vec!["one", "two"]),
        ("  \u{a0}\u{a0}one  two  ", vec!["\u{a0}\u{a0}one two"]),
        ("", vec![""]),
    ] {
        assert_eq!(wrapped(text, 61.0), expected, "{text}");
    }
    let narrow = wrapped("ab", 1.0);
    assert_eq!(narrow, ["a", "b"]);
}

#[test]
fn letters_of_many_languages_stand_and_others_are_counted() {
    for (text, replaced) in [
        ("Ngũgĩ wa Thiong’o, Łódź, Ελλάδα, Київ, naïve – 100 €", 0),
        ("日本", 2),
        ("سلام", 4),
        ("a\u{0}b\u{200b}c\u{202e}", 0),
    ] {
        assert_eq!(write(None, Source::Text, text).unwrap().replaced, replaced, "{text}");
    }
}

#[test]
fn markdown_is_set_in_the_fonts_it_asks_for() {
    let blocks = blocks::of_markdown(
        "# Head\n\nPlain **bold** *slanted* `code` [site](https://a.example)\n\n\
         3. three\n4. four\n\n> quoted\n\n```\nfn  main\n```\n\n| a | b |\n|---|---|\n| c | d |\n\n---",
    );
    let shown: Vec<String> = blocks
        .iter()
        .map(|block| match block {
            Block::Rule => "rule".to_owned(),
            Block::Paragraph(paragraph) => {
                let text = paragraph.spans.iter().map(|span| &*span.text).collect::<String>();
                let indent = paragraph.indent as i32;
                format!(
                    "{} {indent} {}{text}",
                    paragraph.size,
                    paragraph.marker.as_deref().unwrap_or("")
                )
            }
        })
        .collect();
    assert_eq!(
        shown,
        [
            "18 0 Head",
            "10.5 0 Plain bold slanted code site (https://a.example)",
            "10.5 22 3.three",
            "10.5 22 4.four",
            "10.5 22 quoted",
            "9 0 fn\u{a0}\u{a0}main",
            "10.5 0 a  |  b",
            "10.5 0 c  |  d",
            "rule",
        ]
    );
    let pdf = markdown("**bold** *slanted* `code`");
    let text = String::from_utf8_lossy(&pdf.bytes);
    for font in ["DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"] {
        assert!(text.contains(font), "{font}");
    }
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    assert_eq!(markdown("# One\n\ntwo").bytes, markdown("# One\n\ntwo").bytes);
}

#[test]
fn too_many_pages_are_refused() {
    let refused = write(None, Source::Text, &"x\n".repeat(30_000));
    assert_eq!(
        refused.map(|pdf| pdf.pages).map_err(|failure| failure.code),
        Err("content_too_large")
    );
    let nested = markdown(&format!("{}deep", "> ".repeat(5_000)));
    assert_eq!(nested.pages, 1);
}
