//! From a text to the arguments of a tool, by rules and the tool's schema alone.
//!
//! Every value comes from the text as it stands there. What the text does not clearly say stays
//! out and is named as missing where the tool requires it: nothing is guessed. Never here: which
//! tool is meant, or whether values are valid.

mod pieces;
mod roles;
#[cfg(test)]
mod tests;
mod value;
mod words;

use std::ops::Range;

use serde_json::{Map, Value};

use pieces::{Kind, Piece, pieces};
use roles::{Source, sources};
use words::{Reach, Word, words};

/// What a text says of a tool's arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    /// The arguments that it says.
    pub arguments: Map<String, Value>,
    /// The required ones that it does not say, in the order of the schema.
    pub missing: Vec<String>,
}

/// Reads a tool's arguments out of a text.
pub fn fill(text: &str, schema: &Value) -> Filled {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut asked: Vec<Asked<'_>> = properties
        .iter()
        .map(|(name, schema)| Asked { name, schema, required: required.contains(&&**name) })
        .collect();
    asked.sort_by_key(|asked| !asked.required);

    let mut reading = Reading::new(text);
    let mut arguments = Map::new();
    // The surest way first, for every argument, so that a weaker one takes nothing from it.
    for way in
        [Reading::paired, Reading::listed, Reading::labelled, Reading::switched, Reading::by_role]
    {
        for asked in &asked {
            if !arguments.contains_key(asked.name)
                && let Some(value) = way(&mut reading, asked)
            {
                arguments.insert(asked.name.to_owned(), value);
            }
        }
    }
    let open: Vec<_> = asked
        .iter()
        .filter(|asked| asked.required && !arguments.contains_key(asked.name))
        .collect();
    for (kind, fits) in [
        (Kind::Quoted, value::takes_text as fn(&Value) -> bool),
        (Kind::Number, value::takes_number),
    ] {
        let mut fitting = open.iter().filter(|asked| fits(asked.schema));
        if let (Some(asked), None) = (fitting.next(), fitting.next())
            && let Some(value) = reading.only(kind, asked.schema)
        {
            arguments.insert(asked.name.to_owned(), value);
        }
    }
    let said = |name: &str| {
        arguments.contains_key(name)
            || properties.get(name).is_some_and(|schema| schema.get("default").is_some())
    };
    let missing =
        required.iter().filter(|name| !said(name)).map(|name| (*name).to_owned()).collect();
    Filled { arguments, missing }
}

/// A text with the kind of each value in its place, such as `channel` for `#general`: what it
/// says of the tool that is wanted, values being no sign of one.
pub fn outline(text: &str) -> String {
    let (mut outline, mut from) = (String::with_capacity(text.len()), 0);
    for piece in pieces(text) {
        outline.push_str(text.get(from..piece.at.start).unwrap_or_default());
        outline.push_str(piece.kind.word());
        from = piece.at.end;
    }
    outline + text.get(from..).unwrap_or_default()
}

/// One argument.
struct Asked<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
}

/// A text that is being read, and what of it is used up.
struct Reading<'a> {
    text: &'a str,
    words: Vec<Word<'a>>,
    pieces: Vec<Piece>,
    used: Vec<Range<usize>>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, words: words(text), pieces: pieces(text), used: Vec::new() }
    }

    fn is_free(&self, at: &Range<usize>) -> bool {
        !self.used.iter().any(|used| used.start < at.end && at.start < used.end)
    }

    fn is_in_piece(&self, at: usize) -> bool {
        self.pieces.iter().any(|piece| piece.at.contains(&at) && piece.kind != Kind::Number)
    }

    /// The free piece that begins here.
    fn piece_at(&self, start: usize) -> Option<Piece> {
        let here = |piece: &&Piece| piece.at.start == start && self.is_free(&piece.at);
        self.pieces.iter().find(here).cloned()
    }

    /// Takes a piece as a value, if the schema can take it.
    fn take(&mut self, says: &str, at: Range<usize>, schema: &Value) -> Option<Value> {
        let value = value::read(says, schema)?;
        self.used.push(at);
        Some(value)
    }

    /// `name=value`, or `name: value` to the end of its part.
    fn paired(&mut self, asked: &Asked<'_>) -> Option<Value> {
        let name = plain(asked.name);
        let found = self.words.iter().enumerate().find_map(|(place, word)| {
            let mark = self.text.get(word.at.end..)?.trim_start_matches(' ').chars().next()?;
            let value = self.words.get(place + 1)?;
            let gap = self.text.get(word.at.end..value.at.start)?;
            let joined = gap.trim_matches(|c: char| c == ' ' || "\"“'`-#@+[{".contains(c));
            let is_pair = plain(word.says) == name
                && self.is_free(&word.at)
                && !self.is_in_piece(word.at.start)
                && (mark == '=' && joined.starts_with('=') || mark == ':' && gap.contains(": "));
            is_pair.then_some((word.at.clone(), mark))
        })?;
        let (at, mark) = found;
        let rest = self.text.get(at.end..)?;
        let begin = at.end + rest.find(mark)? + 1;
        let begin =
            begin + self.text.get(begin..)?.len() - self.text.get(begin..)?.trim_start().len();
        let (says, end) = match self.piece_at(begin) {
            Some(piece) => (piece.says, piece.at.end),
            None => {
                let tail = self.text.get(begin..)?;
                let json = tail.starts_with(['[', '{']).then(|| value::json_end(tail)).flatten();
                let stop = match (mark, value::takes_many(asked.schema)) {
                    ('=', false) => words::BLANKS,
                    ('=', true) => words::SPACES,
                    (_, false) => words::PARTS,
                    (_, true) => words::LINES,
                };
                let end = json.or_else(|| tail.find(stop)).unwrap_or(tail.len());
                (tail.get(..end)?.trim().to_owned(), begin + end)
            }
        };
        self.take(&says, at.start..end, asked.schema)
    }

    /// One of the words that the schema lists, if the text has just one of them.
    fn listed(&mut self, asked: &Asked<'_>) -> Option<Value> {
        let listed = asked.schema.get("enum")?.as_array()?;
        if let [only] = listed.as_slice() {
            return asked.required.then(|| only.clone());
        }
        let said = |text: &str| {
            let parts: Vec<_> =
                text.split(|c: char| !c.is_alphanumeric()).map(words::stem).collect();
            let is_said =
                |part: &String| self.words.iter().any(|word| words::stem(word.says) == *part);
            let all = text.len() > 2 && parts.iter().all(is_said);
            all.then_some(parts.len())
        };
        let mut best: Vec<(usize, &Value)> =
            listed.iter().filter_map(|value| Some((said(value.as_str()?)?, value))).collect();
        best.sort_by_key(|(parts, _)| std::cmp::Reverse(*parts));
        match best.as_slice() {
            [(_, only)] => Some((*only).clone()),
            [(most, first), (fewer, _), ..] if most > fewer => Some((*first).clone()),
            _ => None,
        }
    }

    /// What follows the argument's own name: `amount of 500`, `ticket #42`.
    fn labelled(&mut self, asked: &Asked<'_>) -> Option<Value> {
        let label = words::label(asked.name);
        // `text 0712345678` is no text but a request.
        let in_words =
            sources(asked.name, asked.schema).iter().any(|from| matches!(from, Source::Colon));
        for place in 0..self.words.len() {
            let Some(rest) = words::after(self.words.get(place..)?, &label) else { continue };
            let next = rest.iter().find(|word| !words::CONNECTORS.contains(&&*word.lower))?;
            // Quotes and marks stand before the word that they belong to.
            let starts = self.text.get(..next.at.start)?;
            let marks = starts.len() - starts.trim_end_matches(|c| "\"“'`#@+-".contains(c)).len();
            let piece = (0..=marks).rev().find_map(|back| self.piece_at(next.at.start - back));
            let Some(piece) = piece.filter(|piece| !in_words || piece.kind == Kind::Quoted) else {
                continue;
            };
            if let Some(value) = self.take(&piece.says, piece.at, asked.schema) {
                return Some(value);
            }
        }
        None
    }

    /// Yes or no, by whether the argument's name is in the text and what stands before it.
    fn switched(&mut self, asked: &Asked<'_>) -> Option<Value> {
        if asked.schema.get("type")?.as_str()? != "boolean" {
            return None;
        }
        let label = words::label(asked.name);
        let place = (0..self.words.len()).find(|place| {
            words::after(self.words.get(*place..).unwrap_or_default(), &label).is_some()
        })?;
        let before = usize::checked_sub(place, 1).and_then(|place| self.words.get(place));
        let denied = before.is_some_and(|word| words::DENIALS.contains(&&*word.lower));
        Some(Value::Bool(!denied))
    }

    /// What the argument's name and format say that it is.
    fn by_role(&mut self, asked: &Asked<'_>) -> Option<Value> {
        for source in sources(asked.name, asked.schema) {
            // What is optional is filled only by what can hardly mean anything else.
            if !asked.required && !source.is_sure() {
                continue;
            }
            let found = match *source {
                Source::Piece(kind) if value::takes_many(asked.schema) => {
                    self.every(kind, asked.schema)
                }
                Source::Piece(kind) => self.first(kind, asked.schema),
                Source::After(begin, reach) => self.after(begin, reach, asked.schema),
                Source::Colon => self.colon(asked.schema),
                Source::Ranked => self.ranked(asked.schema),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn first(&mut self, kind: Kind, schema: &Value) -> Option<Value> {
        let free = |piece: &&Piece| piece.kind == kind && self.is_free(&piece.at);
        let piece = self.pieces.iter().find(free)?.clone();
        // Of several numbers nobody can say which is meant.
        if kind == Kind::Number && self.pieces.iter().filter(free).count() > 1 {
            return None;
        }
        self.take(&piece.says, piece.at, schema)
    }

    fn every(&mut self, kind: Kind, schema: &Value) -> Option<Value> {
        let free = |piece: &&Piece| piece.kind == kind && self.is_free(&piece.at);
        let found: Vec<_> = self.pieces.iter().filter(free).cloned().collect();
        let items = schema.get("items").unwrap_or(&Value::Null);
        let values: Option<Vec<_>> =
            found.iter().map(|piece| value::read(&piece.says, items)).collect();
        let values = values.filter(|values| !values.is_empty())?;
        self.used.extend(found.into_iter().map(|piece| piece.at));
        Some(Value::Array(values))
    }

    /// The one free piece of a kind.
    fn only(&mut self, kind: Kind, schema: &Value) -> Option<Value> {
        let free = |piece: &&Piece| piece.kind == kind && self.is_free(&piece.at);
        let mut found = self.pieces.iter().filter(free);
        let (Some(piece), None) = (found.next().cloned(), found.next()) else { return None };
        self.take(&piece.says, piece.at, schema)
    }

    /// What follows one of these words, as far as it reaches.
    fn after(&mut self, begin: &[&str], reach: Reach, schema: &Value) -> Option<Value> {
        for place in 0..self.words.len() {
            let word = self.words.get(place)?;
            if !begin.contains(&&*word.lower) || self.is_in_piece(word.at.start) {
                continue;
            }
            let rest = self.text.get(word.at.end..)?;
            let start = self.text.len() - rest.trim_start_matches([' ', ':']).len();
            let piece = self.piece_at(start).filter(|_| reach != Reach::End);
            let (says, at) = match piece {
                Some(piece) => (piece.says, piece.at),
                None => {
                    let following = self.words.get(place + 1..)?;
                    let Some(at) = reach.within(self.text, following) else { continue };
                    let says = self.text.get(at.clone())?.trim_matches(words::WRAPPING);
                    (says.to_owned(), at)
                }
            };
            if self.is_free(&at)
                && !says.is_empty()
                && let Some(value) = self.take(&says, at, schema)
            {
                return Some(value);
            }
        }
        None
    }

    /// What follows a colon, to the end.
    fn colon(&mut self, schema: &Value) -> Option<Value> {
        let colon =
            self.text.match_indices(": ").map(|(at, _)| at).find(|at| !self.is_in_piece(*at))?;
        let at = colon + 2..self.text.len();
        let says = self.text.get(at.clone())?.trim().to_owned();
        let free = self.is_free(&at) && !says.is_empty();
        free.then(|| self.take(&says, at, schema)).flatten()
    }

    /// The number in `top 5`, `first 10`.
    fn ranked(&mut self, schema: &Value) -> Option<Value> {
        let found = self.words.windows(2).find_map(|pair| match pair {
            [rank, number] if words::RANKS.contains(&&*rank.lower) => {
                self.piece_at(number.at.start)
            }
            _ => None,
        })?;
        self.take(&found.says, found.at, schema)
    }
}

/// A name as people may write it: letters and digits alone.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
