//! Which part of the server may use which: down this list, never up.
//!
//! Read from the paths in the code: `crate::…`, and `super::…` where it leads to the top.

use super::sources::code;

/// The parts of `src/`, from the lowest. A part may use those of its own row and of rows above
/// it here.
const ROWS: &[&[&str]] = &[
    &[
        "checkpoints",
        "clock",
        "collections",
        "config",
        "counters",
        "expressions",
        "feed",
        "limits",
        "platforms",
        "store",
        "transact",
        "vault",
    ],
    &["egress"],
    &["connections"],
    &["chat", "llm", "tools"],
    &["effects"],
    &["actors"],
    &["Hub", "accounts", "calls", "telemetry"],
    &["http"],
    &["cli", "lib", "main", "running"],
];

/// The files of actors that read the read model of what is unfinished.
const READING_ACTORS: [&str; 3] =
    ["src/actors.rs", "src/actors/alarms.rs", "src/actors/directory.rs"];

/// The parts that may know the read models.
const READERS: [&str; 8] =
    ["accounts", "cli", "connections", "http", "lib", "limits", "main", "running"];

/// The parts that may know the HTTP server.
const SERVERS: [&str; 3] = ["http", "lib", "running"];

/// The arrows of a file that point the wrong way.
pub(super) fn faults(path: &str, text: &str) -> Vec<String> {
    let Some(part) = part(path) else { return Vec::new() };
    let code = code(path, text);
    let mut faults = Vec::new();
    let Some(own) = row(part) else {
        return vec![format!("{path}: the part {part} has no place in tests/tidy/arrows.rs")];
    };
    for used in used(path, &code) {
        match row(&used) {
            Some(row) if row <= own => {}
            Some(_) => faults.push(format!("{path}: {part} uses {used}, which stands above it")),
            None => faults.push(format!("{path}: crate::{used} has no place in the rows")),
        }
    }
    let reads = READERS.contains(&part) || READING_ACTORS.contains(&path);
    if !reads && code.contains("hub_projections") {
        faults.push(format!("{path}: {part} does not read the read models"));
    }
    if !SERVERS.contains(&part) && code.contains("actix_web") {
        faults.push(format!("{path}: actix_web is for http alone"));
    }
    faults
}

/// The part of the server that a file belongs to.
fn part(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split(['/', '.']).next()
}

fn row(part: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&part))
}

/// The parts that code uses, by the names at the crate's top.
fn used(path: &str, code: &str) -> Vec<String> {
    let depth = path.matches('/').count();
    let depth = if matches!(path, "src/lib.rs" | "src/main.rs") { 0 } else { depth };
    let up = "super::".repeat(depth);
    let mut used = Vec::new();
    for way in ["crate::", &*up].into_iter().filter(|way| !way.is_empty()) {
        for (at, _) in code.match_indices(way) {
            let longer = code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if !longer {
                used.extend(first_names(&code[at + way.len()..]));
            }
        }
    }
    used
}

/// The first names of a path's rest: one, or those of a group in braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return Some(name(rest)).filter(|name| name != "super").into_iter().collect();
    };
    let (mut names, mut depth, mut begins) = (Vec::new(), 0_u32, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && depth == 0 && !c.is_whitespace() => {
                names.push(name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names.retain(|name| name != "self");
    names
}
