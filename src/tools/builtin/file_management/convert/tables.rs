//! CSV (RFC 4180) and JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{LARGEST, invalid, too_large};
use crate::tools::Failure;

/// How many columns a table may have.
const MOST_COLUMNS: usize = 1_000;

/// A JSON array with an object for each row, by the names in the first row. Values are strings.
pub(super) fn csv_to_json(text: &str) -> Result<String, Failure> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| invalid(fault(&error));
    let names = reader.headers().map_err(unreadable)?.clone();
    let distinct: BTreeSet<&str> = names.iter().collect();
    if distinct.len() < names.len() {
        return Err(invalid("Two columns of the CSV have the same name"));
    }
    if names.len() > MOST_COLUMNS {
        return Err(invalid(format!("The CSV has more than {MOST_COLUMNS} columns")));
    }
    let mut written = String::from("[");
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let cells = names.iter().zip(&row).map(|(name, cell)| (name.to_owned(), cell.into()));
        if written.len() > 1 {
            written.push(',');
        }
        written.push_str(&Value::Object(cells.collect()).to_string());
        if written.len() > LARGEST {
            return Err(too_large());
        }
    }
    written.push(']');
    Ok(written)
}

/// Says where a CSV is wrong, without its words.
fn fault(error: &csv::Error) -> String {
    let line = |position: &Option<csv::Position>| {
        position.as_ref().map_or(String::new(), |position| format!(" on line {}", position.line()))
    };
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            format!("The CSV has {len} cells instead of {expected_len}{}", line(pos))
        }
        _ => "The CSV cannot be read".to_owned(),
    }
}

/// CSV of a JSON array of objects (or of one object). The columns are the names that occur, in
/// the order in which they first do; arrays and objects in cells stay JSON.
pub(super) fn json_to_csv(text: &str) -> Result<String, Failure> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| invalid(format!("The JSON cannot be read at line {}", error.line())))?;
    let rows = match value {
        Value::Array(rows) => rows,
        row => vec![row],
    };
    let mut names = Map::new();
    for row in &rows {
        let row = row.as_object().ok_or_else(|| invalid("The JSON is no array of objects"))?;
        names.extend(row.keys().map(|name| (name.clone(), Value::Null)));
        if names.len() > MOST_COLUMNS {
            return Err(invalid(format!("The table would have more than {MOST_COLUMNS} columns")));
        }
    }
    let failed = |_| invalid("The CSV cannot be written");
    let mut writer = csv::Writer::from_writer(Vec::new());
    if !names.is_empty() {
        writer.write_record(names.keys()).map_err(failed)?;
        for row in &rows {
            let cells = names.keys().map(|name| cell(row.get(name)));
            writer.write_record(cells).map_err(failed)?;
            if writer.get_ref().len() > LARGEST {
                return Err(too_large());
            }
        }
    }
    let bytes = writer.into_inner().map_err(|_| invalid("The CSV cannot be written"))?;
    String::from_utf8(bytes).map_err(|_| invalid("The CSV cannot be written"))
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
