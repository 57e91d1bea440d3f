//! Markdown, HTML and plain text.

use std::rc::Rc;

use htmd::{HtmlToMarkdown, Node};
use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::RcDom;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use super::invalid;
use crate::tools::Failure;

/// How much HTML is read, in bytes: its reader takes longer and longer for some of it.
const LONGEST: usize = 1024 * 1024;

/// How deep HTML may be nested: its writer calls itself for each level.
const DEEPEST: usize = 200;

/// How much of it is read before the depth is looked at, in bytes.
const PIECE: usize = 16 * 1024;

/// Elements whose content is not for readers.
const SKIPPED: &[&str] = &["script", "style", "head", "template", "noscript", "iframe", "svg"];

fn parser(text: &str) -> Parser<'_> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options)
}

/// HTML of Markdown. HTML in it is escaped, and so are links that would run a script.
pub(super) fn markdown_to_html(text: &str) -> String {
    let mut written = String::new();
    let events = parser(text).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if runs_script(&dest_url) { "".into() } else { dest_url };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        event => event,
    });
    html::push_html(&mut written, events);
    written
}

fn runs_script(target: &str) -> bool {
    let scheme: String =
        target.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(11).collect();
    let scheme = scheme.to_ascii_lowercase();
    ["javascript:", "vbscript:", "data:"].iter().any(|bad| scheme.starts_with(bad))
}

/// The words of Markdown without its signs.
pub(super) fn markdown_to_text(text: &str) -> String {
    let mut written = String::new();
    for event in parser(text) {
        match event {
            Event::Text(text) | Event::Code(text) => written.push_str(&text),
            Event::Html(text) | Event::InlineHtml(text) => written.push_str(&text),
            Event::Start(Tag::Item) => {
                end_line(&mut written);
                written.push_str("- ");
            }
            Event::Start(Tag::TableCell) if !written.is_empty() && !written.ends_with('\n') => {
                written.push('\t');
            }
            Event::SoftBreak | Event::HardBreak | Event::Rule => written.push('\n'),
            Event::End(TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow) => {
                end_line(&mut written);
            }
            Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::CodeBlock
                | TagEnd::List(_)
                | TagEnd::Table
                | TagEnd::BlockQuote(_),
            ) => {
                end_line(&mut written);
                if !written.is_empty() && !written.ends_with("\n\n") {
                    written.push('\n');
                }
            }
            _ => {}
        }
    }
    written.truncate(written.trim_end().len());
    if !written.is_empty() {
        written.push('\n');
    }
    written
}

fn end_line(written: &mut String) {
    if !written.is_empty() && !written.ends_with('\n') {
        written.push('\n');
    }
}

/// Markdown of HTML.
///
/// # Errors
/// `content_too_large`, or `invalid_content` where it is nested too deeply.
pub(super) fn html_to_markdown(text: &str) -> Result<String, Failure> {
    let writer = HtmlToMarkdown::builder().skip_tags(SKIPPED.to_vec()).build();
    Ok(writer.tree_to_markdown(&tree(text)?))
}

fn tree(mut text: &str) -> Result<Rc<Node>, Failure> {
    if text.len() > LONGEST {
        let message = format!("No more than {LONGEST} bytes of HTML can be read");
        return Err(Failure::lasting("content_too_large", message));
    }
    let mut parser = parse_document(RcDom::default(), ParseOpts::default());
    while !text.is_empty() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE));
        parser.process(piece.into());
        if too_deep(&parser.tokenizer.sink.sink.document) {
            return Err(invalid(format!("The HTML is nested more than {DEEPEST} levels deep")));
        }
        text = rest;
    }
    Ok(parser.finish().document)
}

fn too_deep(tree: &Rc<Node>) -> bool {
    let mut level = vec![Rc::clone(tree)];
    for _ in 0..DEEPEST {
        level = level.iter().flat_map(|node| node.children.borrow().clone()).collect();
        if level.is_empty() {
            return false;
        }
    }
    true
}
