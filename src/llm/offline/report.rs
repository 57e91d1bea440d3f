//! What came of calls, for a person to read: lists as tables, errors plainly, long things cut.

use serde_json::{Map, Value};

use super::wish::Done;

/// As much of a table as can be read in a conversation.
const ROWS: usize = 20;
const COLUMNS: usize = 6;
const CELL: usize = 60;

/// As much of a text.
const TEXT: usize = 2_000;

/// What came of calls, one after another.
pub(super) fn results(done: &[Done<'_>]) -> String {
    let each = done.iter().map(|one| {
        let value = serde_json::from_str(one.content).unwrap_or_else(|_| one.content.into());
        match fault(&value, one.failed) {
            Some(fault) => format!("`{}` failed: {fault}", one.name),
            None => format!("`{}`:\n\n{}", one.name, shown(&value)),
        }
    });
    each.collect::<Vec<_>>().join("\n\n")
}

/// What went wrong, where something did.
fn fault(value: &Value, failed: bool) -> Option<String> {
    let told = |name: &str| value.get(name).filter(|told| !told.is_null());
    if !failed && value.get("success") != Some(&Value::Bool(false)) {
        return None;
    }
    let told = ["error", "message", "detail", "code"].iter().find_map(|name| told(name));
    Some(cell(told.unwrap_or(value), TEXT))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => list(items),
        Value::Object(members) => object(members),
        Value::Null => "Done; nothing came back.".to_owned(),
        value => cut(&plain(value), TEXT),
    }
}

/// Members of an object as lines, its lists below.
fn object(members: &Map<String, Value>) -> String {
    if members.is_empty() {
        return "Done; nothing came back.".to_owned();
    }
    let (lists, single): (Vec<_>, Vec<_>) = members
        .iter()
        .partition(|(_, value)| value.as_array().is_some_and(|items| !items.is_empty()));
    let single =
        single.into_iter().map(|(name, value)| format!("- {name}: {}", cell(value, TEXT / 4)));
    let mut parts = vec![single.collect::<Vec<_>>().join("\n")];
    for (name, value) in lists {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        parts.push(format!("{name} ({}):\n\n{}", items.len(), list(items)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// Objects as a table, other things as lines.
fn list(items: &[Value]) -> String {
    if items.is_empty() {
        return "Nothing was found.".to_owned();
    }
    let mut columns: Vec<&str> = Vec::new();
    for name in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(&&**name) {
            columns.push(name);
        }
    }
    columns.truncate(COLUMNS);
    let is_table = !columns.is_empty() && items.iter().all(Value::is_object);
    let mut lines: Vec<String> = Vec::new();
    if is_table {
        let rule: Vec<_> = columns.iter().map(|_| "---").collect();
        lines.push(format!("| {} |", columns.join(" | ")));
        lines.push(format!("| {} |", rule.join(" | ")));
    }
    for item in items.iter().take(ROWS) {
        lines.push(if is_table {
            let cells = columns
                .iter()
                .map(|name| item.get(name).map_or_else(String::new, |value| cell(value, CELL)));
            format!(
                "| {} |",
                cells.map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | ")
            )
        } else {
            format!("- {}", cell(item, TEXT / 4))
        });
    }
    if items.len() > ROWS {
        lines.push(format!("\n… and {} more.", items.len() - ROWS));
    }
    lines.join("\n")
}

/// A value on one line.
fn cell(value: &Value, most: usize) -> String {
    cut(&plain(value).split_whitespace().collect::<Vec<_>>().join(" "), most)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// A text, cut with a note of its length.
fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let begin: String = text.chars().take(most.saturating_sub(20)).collect();
    format!("{begin}… ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_results_and_faults() {
        let check = |content: &str, failed: bool, expected: &str| {
            let shown = results(&[Done { name: "t", content, failed }]);
            assert_eq!(shown, expected, "{content}");
        };
        check("plain words", false, "`t`:\n\nplain words");
        check("null", false, "`t`:\n\nDone; nothing came back.");
        check("{}", false, "`t`:\n\nDone; nothing came back.");
        check("[]", false, "`t`:\n\nNothing was found.");
        check(r#"{"id":1,"name":"a"}"#, false, "`t`:\n\n- id: 1\n- name: a");
        check(r#"["a","b"]"#, false, "`t`:\n\n- a\n- b");
        check(
            r#"[{"id":1,"name":"a|b"},{"id":2}]"#,
            false,
            "`t`:\n\n| id | name |\n| --- | --- |\n| 1 | a\\|b |\n| 2 |  |",
        );
        check(
            r#"{"success":true,"files":["x.txt"]}"#,
            false,
            "`t`:\n\n- success: true\n\nfiles (1):\n\n- x.txt",
        );
        check("no such channel", true, "`t` failed: no such channel");
        check(r#"{"error":"not found"}"#, true, "`t` failed: not found");
        check(r#"{"success":false,"error":"no key"}"#, false, "`t` failed: no key");
    }

    #[test]
    fn cuts_what_is_long() {
        let long = "x".repeat(5_000);
        let shown = results(&[Done { name: "t", content: &long, failed: false }]);
        assert!(shown.len() < 2_100 && shown.ends_with("(5000 characters)"), "{shown}");
        let many = serde_json::json!((0..50).collect::<Vec<_>>()).to_string();
        let shown = results(&[Done { name: "t", content: &many, failed: false }]);
        assert!(shown.ends_with("… and 30 more."), "{shown}");
    }
}
