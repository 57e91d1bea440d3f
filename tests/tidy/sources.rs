//! Rules for one source file by itself: its size, how it opens, and what stands in it.

/// How many lines a file may have.
const MOST_LINES: usize = 500;

/// Words that say nothing of what a thing is; no type and no module is named by them.
const EMPTY_WORDS: [&str; 7] =
    ["Service", "Manager", "Helper", "Util", "Engine", "Processor", "Wrapper"];

/// What tells that something was put off.
const PUT_OFF: [&str; 4] = ["#[ignore", "todo!", "unimplemented!", "FIXME"];

/// The only file that may read the wall clock or make a fresh id.
const CLOCK: &str = "src/clock.rs";

/// The engine that must tell its own appends from those of another process.
const MARKS_APPENDS: &str = "events/src/log/kurrentdb.rs";

/// Ways past it.
const PAST_THE_CLOCK: [&str; 6] =
    ["Utc::now", "Local::now", "SystemTime::now", "Uuid::now_v7", "Uuid::new_v4", "Timestamp::now"];

/// What is wrong with a file, taken by itself.
pub(super) fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        faults.push(format!("{path}: {lines} lines, more than {MOST_LINES}"));
    }
    if path.ends_with("/mod.rs") {
        faults.push(format!("{path}: `name.rs` stands beside `name/`, there is no mod.rs"));
    }
    // What a `tests.rs` is about is told by the module that it tests.
    if !text.starts_with("//!") && !path.ends_with("/tests.rs") {
        faults.push(format!("{path}: does not open with `//!`, saying what lives there"));
    }
    for name in declared(text).filter(|name| has_empty_word(name)) {
        faults.push(format!("{path}: the name {name} has a word that says nothing"));
    }
    for put_off in PUT_OFF.iter().filter(|word| text.contains(**word)) {
        faults.push(format!("{path}: has {put_off}"));
    }
    if path != CLOCK && path != MARKS_APPENDS {
        let code = code(path, text);
        for way in PAST_THE_CLOCK.iter().filter(|way| code.contains(**way)) {
            faults.push(format!("{path}: {way} is for {CLOCK} alone"));
        }
    }
    faults
}

/// The names of the types and modules that a file declares.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    const KEYWORDS: [&str; 6] = ["struct", "enum", "trait", "type", "union", "mod"];
    let declares = |line: &str| !line.trim_start().starts_with("//");
    text.lines().filter(move |line| declares(line)).flat_map(|line| {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let pairs = words.iter().zip(words.iter().skip(1));
        let named = pairs.filter(|(keyword, _)| KEYWORDS.contains(keyword));
        named.map(|(_, name)| *name).collect::<Vec<_>>()
    })
}

/// Whether a name in camel or snake case has an empty word among its words.
fn has_empty_word(name: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    for c in name.chars() {
        if c == '_' {
            begins = true;
            continue;
        }
        match words.last_mut() {
            Some(word) if !begins && !c.is_uppercase() => word.push(c),
            _ => words.push(c.to_uppercase().collect()),
        }
        begins = false;
    }
    words.iter().any(|word| {
        let one = word.strip_suffix('s').unwrap_or(word);
        EMPTY_WORDS.contains(&one)
    })
}

/// What of a file is built into the product: no comments, nothing that is for tests.
pub(super) fn code(path: &str, text: &str) -> String {
    let for_tests = ["tests/", "benches/"]
        .iter()
        .any(|directory| path.starts_with(directory) || path.contains(&format!("/{directory}")));
    if for_tests || path.ends_with("tests.rs") || path.ends_with("testing.rs") {
        return String::new();
    }
    let mut code = String::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            skip_item(&mut lines, line);
        } else {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// Passes over the item after an attribute, which ends (rustfmt sees to it) with its first line,
/// or with a brace as far to the right as the attribute.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>, attribute: &str) {
    let indent = attribute.len() - attribute.trim_start().len();
    let end = format!("{}}}", " ".repeat(indent));
    let mut first = true;
    for line in lines {
        let attribute = line.trim_start().starts_with('#');
        if line == end || (first && !attribute && line.ends_with([';', '}'])) {
            return;
        }
        first = first && attribute;
    }
}
