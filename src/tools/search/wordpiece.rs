//! WordPiece: from a text to the pieces of a BERT vocabulary, lower case and without accents.
//!
//! As in Devlin and others, "BERT" (2018): words and marks first, then the longest known piece
//! of each word from its beginning, `##` before what continues one. Never here: what a piece
//! means.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// No longer word has a meaning.
const LONGEST: usize = 100;

/// The pieces that are known, by what they say.
pub(super) struct Vocabulary {
    begin: HashMap<&'static str, u32>,
    /// Those that continue a word, without `##`.
    go_on: HashMap<&'static str, u32>,
}

impl Vocabulary {
    /// A vocabulary with a piece on each line.
    pub(super) fn new(lines: &'static str) -> Self {
        let (mut begin, mut go_on) = (HashMap::new(), HashMap::new());
        for (piece, number) in lines.lines().zip(0..) {
            match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => go_on.insert(rest, number),
                _ => begin.insert(piece, number),
            };
        }
        Self { begin, go_on }
    }

    /// The pieces of a text, by their numbers. A word that the pieces cannot make is left out.
    pub(super) fn pieces(&self, text: &str) -> Vec<u32> {
        let lower = text.to_lowercase();
        let plain: String = lower.nfd().filter(|c| !is_combining_mark(*c)).collect();
        let mut pieces = Vec::new();
        let mut from = 0;
        for (at, c) in plain.char_indices() {
            if stands_alone(c) || c.is_whitespace() || c.is_control() {
                self.split(plain.get(from..at).unwrap_or_default(), &mut pieces);
                from = at + c.len_utf8();
                if stands_alone(c) {
                    self.split(plain.get(at..from).unwrap_or_default(), &mut pieces);
                }
            }
        }
        self.split(plain.get(from..).unwrap_or_default(), &mut pieces);
        pieces
    }

    /// Adds the pieces of a word.
    fn split(&self, word: &str, pieces: &mut Vec<u32>) {
        if word.len() > LONGEST {
            return;
        }
        let (mut rest, known) = (word, pieces.len());
        while !rest.is_empty() {
            let table = if rest.len() == word.len() { &self.begin } else { &self.go_on };
            let ends = rest.char_indices().rev().map(|(at, c)| at + c.len_utf8());
            let longest = ends
                .filter_map(|end| rest.split_at_checked(end))
                .find_map(|(piece, rest)| table.get(piece).map(|number| (*number, rest)));
            let Some((number, after)) = longest else {
                pieces.truncate(known);
                return;
            };
            pieces.push(number);
            rest = after;
        }
    }
}

/// Whether a character is a word by itself: punctuation, symbols, Han characters.
fn stands_alone(c: char) -> bool {
    let han = matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}');
    han || !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::Vocabulary;

    #[test]
    fn takes_the_longest_pieces() {
        let lines = "send\nme\nmess\n##ages\n##age\ncafe\n_\n数\n##\n[UNK]";
        let vocabulary = Vocabulary::new(lines);
        let words: Vec<&str> = lines.lines().collect();
        let check = |text: &str, expected: &str| {
            let pieces = vocabulary.pieces(text);
            let pieces: Vec<_> = pieces.iter().map(|&piece| words[piece as usize]).collect();
            assert_eq!(pieces.join(" "), expected, "{text}");
        };
        check("Send  MESSAGES", "send mess ##ages");
        check("send_me", "send _ me");
        check("Café\u{0}send", "cafe send");
        check("数数", "数 数");
        check("sending message!", "mess ##age");
        check(&"me".repeat(60), "");
        check("", "");
    }

    proptest::proptest! {
        #[test]
        fn takes_any_text(text in "\\PC*") {
            super::super::vectors::Table::shipped().vector(&text);
        }
    }
}
