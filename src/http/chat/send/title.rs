//! The title of a conversation, made from its first message.
//!
//! Never here: titles that people give.

/// How many characters a title has at most.
const LONGEST: usize = 60;

/// What ends a sentence, before a blank or the end of the text.
const ENDS: [char; 6] = ['.', '!', '?', '。', '！', '？'];

/// The first sentence of a text, cut at a word where it is long; none where the text says
/// nothing.
pub(super) fn of(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let end = words.iter().position(|word| word.ends_with(ENDS) && word.chars().count() > 2);
    let sentence = words.get(..end.map_or(words.len(), |end| end + 1))?.join(" ");
    let sentence = sentence.trim_end_matches(['.', '。']);
    if sentence.chars().count() <= LONGEST {
        return Some(sentence.to_owned()).filter(|title| !title.is_empty());
    }
    // One character is for the mark that something is left out.
    let most: String = sentence.chars().take(LONGEST).collect();
    let whole = most.rsplit_once(' ').map(|(words, _)| words.to_owned());
    let kept = whole.unwrap_or_else(|| most.chars().take(LONGEST - 1).collect());
    Some(format!("{}…", kept.trim_end_matches([',', ';', ':', '-', ' '])))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_title_is_the_first_sentence_cut_at_a_word() {
        let cases = [
            ("Send 5 mails. Then stop.", Some("Send 5 mails")),
            ("\n\n  What is  new?  Tell me", Some("What is new?")),
            ("Version 1.5 is out", Some("Version 1.5 is out")),
            ("", None),
            (" \n ", None),
            (
                "Please write a long letter to everybody who has bought something from us, today",
                Some("Please write a long letter to everybody who has bought…"),
            ),
        ];
        for (text, title) in cases {
            assert_eq!(of(text).as_deref(), title, "{text}");
        }
        let one = of(&"ä".repeat(100)).unwrap_or_default();
        assert_eq!(one.chars().count(), 60);
    }
}
