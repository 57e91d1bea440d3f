//! From a text to the terms that it is found by: its words without their endings.

/// Words that say nothing of a tool.
const SILENT: &[&str] = &[
    "a", "about", "all", "an", "and", "are", "as", "at", "be", "by", "can", "could", "do", "for",
    "from", "give", "has", "have", "i", "in", "into", "is", "it", "its", "me", "my", "of", "on",
    "or", "our", "out", "please", "some", "that", "the", "their", "them", "there", "these", "this",
    "to", "up", "us", "want", "we", "what", "which", "who", "will", "with", "would", "you", "your",
];

/// The terms of a text, in its order. `sendMessage` and `send_message` are two words each.
pub(super) fn terms(text: &str) -> Vec<String> {
    let split = humps(text);
    let words = split.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let lower = words.map(str::to_lowercase);
    lower.filter(|word| !SILENT.contains(&&**word)).map(singular).collect()
}

/// The text with a blank before each capital that follows a small letter.
pub(super) fn humps(text: &str) -> String {
    let mut split = String::with_capacity(text.len() + 8);
    let mut small = false;
    for c in text.chars() {
        if small && c.is_uppercase() {
            split.push(' ');
        }
        small = c.is_lowercase();
        split.push(c);
    }
    split
}

/// A word without its plural ending (the rules of Harman's S stemmer).
fn singular(mut word: String) -> String {
    let ends = |ending: &str, but: &[&str]| {
        word.len() > ending.len() + 1
            && word.ends_with(ending)
            && !but.iter().any(|but| word.ends_with(but))
    };
    if ends("ies", &["eies", "aies"]) {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if ends("es", &["aes", "ees", "oes"]) || ends("s", &["us", "ss"]) {
        word.truncate(word.len() - 1);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::terms;

    #[test]
    fn takes_words_apart_and_their_endings_off() {
        let check = |text: &str, expected: &[&str]| assert_eq!(terms(text), expected, "{text}");
        check("List the Invoices of my companies", &["list", "invoice", "company"]);
        check("stripe_create_refund", &["stripe", "create", "refund"]);
        check("phoneNumber, KRAPin & e-mail", &["phone", "number", "krapin", "e", "mail"]);
        check("status access boss s is", &["status", "access", "boss", "s"]);
        check("Ngũgĩ's 数据", &["ngũgĩ", "s", "数据"]);
        check(" \n", &[]);
    }
}
