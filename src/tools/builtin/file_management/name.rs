//! Names of files: which are allowed, what they say of the content, where they are served.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::tools::Failure;

/// How long a name may be, in bytes.
const LONGEST: usize = 200;

/// What a name must not contain, beside control characters.
const FORBIDDEN: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// What stays as it is in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Checks a name that somebody gave, and takes the blanks off its ends.
///
/// # Errors
/// `invalid_filename`, with what is wrong.
pub(super) fn check(name: &str) -> Result<String, Failure> {
    let name = name.trim();
    let wrong = if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > LONGEST {
        Some(format!("is longer than {LONGEST} bytes"))
    } else if name.starts_with('.') || name.ends_with('.') {
        Some("begins or ends with a dot".to_owned())
    } else if let Some(bad) = name.chars().find(|c| FORBIDDEN.contains(c)) {
        Some(format!("contains `{bad}`"))
    } else if name.chars().any(|c| c.is_control() || turns_direction(c)) {
        Some("contains a character that cannot be seen".to_owned())
    } else {
        None
    };
    match wrong {
        None => Ok(name.to_owned()),
        Some(wrong) => Err(Failure::lasting("invalid_filename", format!("The file name {wrong}"))),
    }
}

/// Whether a character changes the direction of writing, which can make a name look like
/// another (Unicode Technical Report 36).
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The path under which a file is served.
pub fn path(name: &str) -> String {
    format!("/files/{}", utf8_percent_encode(name, PATH))
}

/// The media type that a name's extension stands for.
pub fn content_type(name: &str) -> &'static str {
    mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_that_are_safe_everywhere() {
        for name in ["a.txt", "Ngũgĩ wa Thiong'o (1).pdf", "报告.csv", "no extension"] {
            assert_eq!(check(name).as_deref(), Ok(name));
        }
        assert_eq!(check("  a.txt ").as_deref(), Ok("a.txt"));
        let long = "x".repeat(LONGEST + 1);
        let bad = ["", " ", ".env", "..", "a.", "a/b", "a\\b", "a:b", "a*", "a?", "a\"", "<a>"];
        for name in bad.iter().chain(&["a|b", "a\nb", "a\0", "a\u{202e}gpj.exe", &*long]) {
            assert_eq!(check(name).map_err(|failure| failure.code), Err("invalid_filename"));
        }
    }

    #[test]
    fn says_where_it_is_served_and_as_what() {
        assert_eq!(path("a b/ü.txt"), "/files/a%20b%2F%C3%BC.txt");
        assert_eq!(content_type("a.PDF"), "application/pdf");
        assert_eq!(content_type("a.csv"), "text/csv");
        assert_eq!(content_type("a.unheard"), "application/octet-stream");
    }
}
