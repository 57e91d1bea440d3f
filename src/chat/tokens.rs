//! How long a text is for a model, estimated, and cutting one to a length.
//!
//! Every model counts in its own way; four characters a token is near enough for budgets. What
//! was really used up is what the provider says.

/// How many bytes make a token, about.
const BYTES: usize = 4;

/// The length of a text in tokens, estimated.
pub fn estimate(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(BYTES)).unwrap_or(u32::MAX)
}

/// The beginning and the end of a text that is longer than `most` tokens, with a note of what
/// is left out; none where it is not longer.
pub fn cut(text: &str, most: u32) -> Option<String> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(BYTES);
    if text.len() <= most {
        return None;
    }
    let head = text.floor_char_boundary(most / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - most / 4);
    let (head, tail) = (text.get(..head)?, text.get(tail..)?);
    let left_out = text.len() - head.len() - tail.len();
    Some(format!("{head}\n[… {left_out} bytes are left out here; the whole is kept …]\n{tail}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_short_ones_left_alone() {
        assert_eq!(cut("short", 2), None);
        for text in ["ä".repeat(100), "😀".repeat(100), "x".repeat(101), "aä😀".repeat(50)] {
            let cut = cut(&text, 10).unwrap();
            let (head, rest) = cut.split_once("\n[…").unwrap();
            let (_, tail) = rest.split_once("…]\n").unwrap();
            assert!(text.starts_with(head) && text.ends_with(tail), "{cut}");
            assert!(head.len() + tail.len() <= 44, "{cut}");
        }
    }
}
