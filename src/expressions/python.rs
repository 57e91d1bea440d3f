//! The text that Python gives to values, since clients of the original API rely on it:
//! `True`, `None`, `[1, 'x']`, `{'k': 'v'}`, `1.0`, `1e+16`.
//!
//! Facts: `str` and `repr` of Python 3, and `json.dumps` as Jinja2's filter `tojson` calls it.
//! Never here: minijinja's values (`value`), or where the texts go.

use std::fmt::{self, Write};

use serde_json::Value;

/// What Python's `str` makes of a value.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_text(&mut out, value);
    out
}

/// Writes what Python's `str` makes of a value: the bare text of a string, `repr` otherwise.
pub(super) fn write_text(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::String(text) => out.write_str(text),
        other => write_repr(out, other),
    }
}

/// Writes what Python's `repr` makes of a value.
pub(super) fn write_repr(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null => out.write_str("None"),
        Value::Bool(true) => out.write_str("True"),
        Value::Bool(false) => out.write_str("False"),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => write_float(out, float),
            _ => write!(out, "{number}"),
        },
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.write_char('[')?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_repr(out, item)?;
            }
            out.write_char(']')
        }
        Value::Object(entries) => {
            out.write_char('{')?;
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_string(out, key)?;
                out.write_str(": ")?;
                write_repr(out, item)?;
            }
            out.write_char('}')
        }
    }
}

/// Writes a float as Python does: the shortest digits that read back the same, with an
/// exponent below 1e-4 and from 1e16 on.
pub(super) fn write_float(out: &mut impl Write, float: f64) -> fmt::Result {
    if !float.is_finite() {
        return out.write_str(match float {
            f64::INFINITY => "inf",
            f64::NEG_INFINITY => "-inf",
            _ => "nan",
        });
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if exponent < -4 => write!(out, "{digits}e-{:02}", -exponent),
        Ok(exponent) if exponent >= 16 => write!(out, "{digits}e+{exponent:02}"),
        _ => write!(out, "{float:?}"),
    }
}

/// Writes a string between quotes as Python's `repr` does: single ones, unless it contains
/// those and no double ones.
pub(super) fn write_string(out: &mut impl Write, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for character in text.chars() {
        match character {
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            _ if character == quote => write!(out, "\\{quote}")?,
            _ if is_printable(character) => out.write_char(character)?,
            _ => match u32::from(character) {
                code @ 0..=0xff => write!(out, "\\x{code:02x}")?,
                code @ 0x100..=0xffff => write!(out, "\\u{code:04x}")?,
                code => write!(out, "\\U{code:08x}")?,
            },
        }
    }
    out.write_char(quote)
}

/// Whether Python prints a character as it is. Rust and Python take the same Unicode
/// categories as unprintable, but Rust also escapes a combining mark that stands first.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let mut bytes = [0; 5];
    let Some((first, rest)) = bytes.split_first_mut() else { return false };
    *first = b'a';
    let length = character.encode_utf8(rest).len();
    let pair = bytes.get(..=length).and_then(|pair| std::str::from_utf8(pair).ok());
    pair.is_some_and(|pair| pair.escape_debug().nth(1) == Some(character))
}

/// Writes what Jinja2's `tojson` does: sorted keys, ASCII only, a space after `,` and `:`,
/// and `<`, `>`, `&`, `'` escaped; with `indent` on lines of their own.
pub(super) fn write_json(
    out: &mut impl Write,
    value: &Value,
    indent: Option<usize>,
) -> fmt::Result {
    write_json_at(out, value, indent, 0)
}

fn write_json_at(
    out: &mut impl Write,
    value: &Value,
    indent: Option<usize>,
    depth: usize,
) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(yes) => write!(out, "{yes}"),
        Value::Number(_) => write_repr(out, value),
        Value::String(text) => write_json_string(out, text),
        Value::Array(items) if items.is_empty() => out.write_str("[]"),
        Value::Object(entries) if entries.is_empty() => out.write_str("{}"),
        Value::Array(items) => {
            out.write_char('[')?;
            for (index, item) in items.iter().enumerate() {
                separate(out, index, indent, depth + 1)?;
                write_json_at(out, item, indent, depth + 1)?;
            }
            close(out, ']', indent, depth)
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.write_char('{')?;
            for (index, (key, item)) in entries.into_iter().enumerate() {
                separate(out, index, indent, depth + 1)?;
                write_json_string(out, key)?;
                out.write_str(": ")?;
                write_json_at(out, item, indent, depth + 1)?;
            }
            close(out, '}', indent, depth)
        }
    }
}

fn separate(
    out: &mut impl Write,
    index: usize,
    indent: Option<usize>,
    depth: usize,
) -> fmt::Result {
    match indent {
        None if index > 0 => out.write_str(", "),
        None => Ok(()),
        Some(width) => {
            out.write_str(if index > 0 { ",\n" } else { "\n" })?;
            (0..width * depth).try_for_each(|_| out.write_char(' '))
        }
    }
}

fn close(out: &mut impl Write, end: char, indent: Option<usize>, depth: usize) -> fmt::Result {
    if let Some(width) = indent {
        out.write_char('\n')?;
        (0..width * depth).try_for_each(|_| out.write_char(' '))?;
    }
    out.write_char(end)
}

fn write_json_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            ' '..='~' if !matches!(character, '<' | '>' | '&' | '\'') => {
                out.write_char(character)?;
            }
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
    }
    out.write_char('"')
}

/// Whether Python takes a value as true.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

/// Whether two values are equal in Python: deeply, `1 == 1.0 == True`, whatever the order of
/// keys.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, l)| right.get(key).is_some_and(|r| equal(l, r)))
        }
        _ => match (number(left), number(right)) {
            (Some(Number::Int(left)), Some(Number::Int(right))) => left == right,
            (Some(Number::Float(left)), Some(Number::Float(right))) => left == right,
            (Some(Number::Int(int)), Some(Number::Float(float)))
            | (Some(Number::Float(float)), Some(Number::Int(int))) => {
                float.fract() == 0.0 && float.abs() < 1e20 && float as i128 == int
            }
            _ => false,
        },
    }
}

enum Number {
    Int(i128),
    Float(f64),
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Bool(yes) => Some(Number::Int(i128::from(*yes))),
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or(number.as_u64().map(i128::from))
            .map(Number::Int)
            .or_else(|| number.as_f64().map(Number::Float)),
        _ => None,
    }
}

/// What Python's `float` reads from a value: numbers, booleans as 1 and 0, and strings with
/// blanks around, an exponent, `inf`, `nan`, and underscores between digits.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            let bytes = text.as_bytes();
            let digit =
                |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
            let placed = |at: usize| digit(at.checked_sub(1)) && digit(at.checked_add(1));
            let underscores = text.match_indices('_').all(|(at, _)| placed(at));
            if underscores { text.replace('_', "").parse().ok() } else { None }
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_the_text_of_python() {
        let table = [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!([1, "x"]), "[1, 'x']"),
            (json!({"k": "v", "a": {}}), "{'k': 'v', 'a': {}}"),
            (json!(1.5), "1.5"),
            (json!(2.0), "2.0"),
            (json!(-0.0), "-0.0"),
            (json!(1e15), "1000000000000000.0"),
            (json!(1e16), "1e+16"),
            (json!(1.5e300), "1.5e+300"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(123456789.123), "123456789.123"),
            (json!(18446744073709551615u64), "18446744073709551615"),
            (json!("it's"), "it's"),
            (json!(["it's"]), r#"["it's"]"#),
            (json!(["it's \"so\""]), r#"['it\'s "so"']"#),
            (json!(["a\nb\t\\"]), r"['a\nb\t\\']"),
            (json!(["\u{0}\u{7f}\u{a0}\u{200b}\u{e000}"]), r"['\x00\x7f\xa0\u200b\ue000']"),
            (json!(["\u{1f600}é\u{301}\u{e0001}"]), "['\u{1f600}é\u{301}\\U000e0001']"),
        ];
        for (value, expected) in table {
            assert_eq!(text(&value), expected, "{value}");
        }
    }

    #[test]
    fn json_is_that_of_jinja2() {
        let check = |value: Value, indent, expected: &str| {
            let mut out = String::new();
            write_json(&mut out, &value, indent).ok();
            assert_eq!(out, expected);
        };
        check(json!({"b": [1, 2.0], "a": null}), None, r#"{"a": null, "b": [1, 2.0]}"#);
        check(json!("<a href='x'>&é😀\u{1}"), None, {
            r#""\u003ca href=\u0027x\u0027\u003e\u0026\u00e9\ud83d\ude00\u0001""#
        });
        check(json!({"a": [1], "b": {}}), Some(2), "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
    }

    #[test]
    fn equality_is_that_of_python() {
        let table = [
            (json!(1), json!(1.0), true),
            (json!(1), json!(true), true),
            (json!(0.0), json!(false), true),
            (json!([1, {"a": true}]), json!([true, {"a": 1.0}]), true),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), true),
            (json!(1), json!("1"), false),
            (json!(null), json!(false), false),
            (json!(9007199254740993i64), json!(9007199254740992.0), false),
            (json!(18446744073709551615u64), json!(-1), false),
            (json!([]), json!({}), false),
            (json!([1]), json!([1, 2]), false),
        ];
        for (left, right, expected) in table {
            assert_eq!(equal(&left, &right), expected, "{left} {right}");
            assert_eq!(equal(&right, &left), expected, "{right} {left}");
        }
    }

    #[test]
    fn floats_are_read_as_python_reads_them() {
        let table = [
            (json!(" 1.5\n"), Some(1.5)),
            (json!("1e3"), Some(1000.0)),
            (json!("1_000"), Some(1000.0)),
            (json!("-.5"), Some(-0.5)),
            (json!("5."), Some(5.0)),
            (json!("Infinity"), Some(f64::INFINITY)),
            (json!("-inf"), Some(f64::NEG_INFINITY)),
            (json!(true), Some(1.0)),
            (json!("_1"), None),
            (json!("1__0"), None),
            (json!("1_"), None),
            (json!("0x10"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ];
        for (value, expected) in table {
            assert_eq!(float(&value), expected, "{value}");
        }
        assert!(float(&json!("nan")).is_some_and(f64::is_nan));
    }

    #[test]
    fn truth_is_that_of_python() {
        for value in
            [json!(null), json!(false), json!(0), json!(0.0), json!(""), json!([]), json!({})]
        {
            assert!(!is_truthy(&value), "{value}");
        }
        for value in [json!(true), json!(-1), json!(0.1), json!("0"), json!([0]), json!({"a": 0})] {
            assert!(is_truthy(&value), "{value}");
        }
    }
}
