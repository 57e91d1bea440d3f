//! The words of a text, and how far what follows one of them reaches.

use std::ops::Range;

/// What ends a value without quotes.
pub(super) const BLANKS: &[char] = &[' ', '\n', '\t', ',', ';'];

/// What ends a list without quotes.
pub(super) const SPACES: &[char] = &[' ', '\n', '\t', ';'];

/// What ends a part of a sentence.
pub(super) const PARTS: &[char] = &[',', ';', '\n'];

/// What ends a list that is part of a sentence.
pub(super) const LINES: &[char] = &[';', '\n'];

/// What is not part of a value at its ends.
pub(super) const WRAPPING: &[char] = &['"', '“', '”', '\'', '`', ' ', '.', '\n'];

/// Words that may stand between an argument's name and its value.
pub(super) const CONNECTORS: &[&str] =
    &["is", "of", "to", "as", "be", "no", "id", "number", "with", "equals", "at", "for", "the"];

/// Words that turn a yes into a no.
pub(super) const DENIALS: &[&str] = &["not", "no", "non", "without", "never", "don't"];

/// Words before the number of what is wanted.
pub(super) const RANKS: &[&str] = &["top", "first", "last", "latest", "newest", "recent"];

/// Words that begin another part of a sentence.
const NEXT_PART: &[&str] = &[
    "and", "as", "at", "because", "by", "for", "from", "in", "into", "on", "saying", "so", "that",
    "then", "to", "using", "via", "when", "with",
];

/// A word, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) says: &'a str,
    pub(super) lower: String,
    pub(super) at: Range<usize>,
}

/// The words of a text: letters and digits, with `'`, `_`, `-` and `.` between them.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut from = None;
    let ends = text.char_indices().chain([(text.len(), ' ')]);
    for (at, c) in ends {
        let inside = c.is_alphanumeric()
            || "'’_-.".contains(c)
                && from.is_some()
                && text
                    .get(at + c.len_utf8()..)
                    .is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        match (inside, from) {
            (true, None) => from = Some(at),
            (false, Some(start)) => {
                let says = text.get(start..at).unwrap_or_default();
                words.push(Word { says, lower: says.to_lowercase(), at: start..at });
                from = None;
            }
            _ => {}
        }
    }
    words
}

/// A word in small letters, without a plural's `s`.
pub(super) fn stem(word: &str) -> String {
    let lower = word.to_lowercase();
    let plural = lower.len() > 3 && lower.ends_with('s') && !lower.ends_with("ss");
    if plural { lower.trim_end_matches('s').to_owned() } else { lower }
}

/// The words by which an argument is called in a text: those of its name, without `is`, `id`
/// and the like.
pub(super) fn label(name: &str) -> Vec<String> {
    let mut split = String::new();
    for c in name.chars() {
        if c.is_uppercase() && split.ends_with(char::is_lowercase) {
            split.push(' ');
        }
        split.push(c);
    }
    let parts = split.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let stems: Vec<_> = parts.map(stem).collect();
    let telling = |part: &String| !matches!(&**part, "is" | "has" | "id" | "include" | "with");
    let label: Vec<_> = stems.iter().filter(|part| telling(part)).cloned().collect();
    if label.is_empty() { stems } else { label }
}

/// The words that follow a label, where the words begin with it.
pub(super) fn after<'w, 'a>(words: &'w [Word<'a>], label: &[String]) -> Option<&'w [Word<'a>]> {
    let begins = !label.is_empty()
        && words.len() >= label.len()
        && words.iter().zip(label).all(|(word, part)| stem(word.says) == *part);
    if begins { words.get(label.len()..) } else { None }
}

/// How far what follows a word reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// To the next part of the sentence.
    Part,
    /// As long as words begin with a capital.
    Capitals,
    /// To the end.
    End,
}

impl Reach {
    /// Where that is, of a text and the words in it from there on.
    pub(super) fn within(self, text: &str, words: &[Word<'_>]) -> Option<Range<usize>> {
        let first = words.first()?;
        let start = first.at.start;
        let mut end = match self {
            Self::End => return Some(start..text.len()),
            Self::Part | Self::Capitals => start,
        };
        for word in words {
            let gap = text.get(end.max(start)..word.at.start).unwrap_or_default();
            let ends =
                gap.contains([',', ';', ':', '.', '!', '?', '\n', '"', '“', '#', '@', '(', '=']);
            let goes_on = match self {
                Self::Capitals => word.says.starts_with(char::is_uppercase),
                _ => !NEXT_PART.contains(&&*word.lower),
            };
            if end > start && ends || !goes_on {
                break;
            }
            end = word.at.end;
        }
        (end > start).then_some(start..end)
    }
}
