//! What somebody wants of the hub, told by the words they use.
//!
//! Rules and no model, so it costs nothing and can be explained; the words are data
//! (`intent.toml`). Never here: which tools are meant.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To talk.
    Chat,
    /// To know something.
    Query,
    /// To understand something: numbers, comparisons, trends.
    Analysis,
    /// To have something done, once.
    Action,
    /// To have something done again and again, or when something happens.
    Automation,
}

impl Kind {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Query => "query",
            Self::Analysis => "analysis",
            Self::Action => "action",
            Self::Automation => "automation",
        }
    }
}

/// What somebody wants, and how that was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// What they want.
    pub kind: Kind,
    /// How surely, from 0 (no word tells) towards 1.
    pub confidence: f32,
    /// Whether it takes tools.
    pub requires_tools: bool,
    /// The words that told, in the order of the text.
    pub matched: Vec<&'static str>,
}

impl Intent {
    /// How it was told, in a sentence.
    pub fn explanation(&self) -> String {
        let kind = self.kind.as_str();
        if self.matched.is_empty() {
            return format!("No word of the message asks for a tool, so it is taken as {kind}.");
        }
        let words: Vec<_> = self.matched.iter().map(|word| format!("“{word}”")).collect();
        format!("The message is taken as {kind} because of {}.", words.join(", "))
    }

    /// What to do about it, in a sentence.
    pub fn recommendation(&self) -> &'static str {
        match self.kind {
            Kind::Chat => "Answer directly; no tool is needed.",
            Kind::Query => "Look the answer up with a tool that only reads.",
            Kind::Analysis => "Fetch the figures with tools that only read, then compare them.",
            Kind::Action => "Call the tool that does it, once its arguments are complete.",
            Kind::Automation => "Make a workflow or an agent of it, so that it runs by itself.",
        }
    }
}

/// Of each first word, the phrases that begin with it, longest first.
type Phrases = BTreeMap<&'static str, Vec<(Vec<&'static str>, &'static str, Kind)>>;

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let lists: BTreeMap<Kind, Vec<String>> =
        toml::from_str(include_str!("intent.toml")).unwrap_or_default();
    let mut phrases = Phrases::new();
    for (kind, list) in lists {
        for phrase in list {
            let phrase: &'static str = phrase.leak();
            let words: Vec<_> = phrase.split(' ').collect();
            if let Some(first) = words.first() {
                phrases.entry(first).or_default().push((words, phrase, kind));
            }
        }
    }
    for list in phrases.values_mut() {
        list.sort_by_key(|(words, ..)| std::cmp::Reverse(words.len()));
    }
    phrases
});

/// Tells what somebody wants. What asks for something done outweighs greetings and thanks; a
/// text without any telling word is talk.
pub fn classify(text: &str) -> Intent {
    let lower = text.to_lowercase().replace('’', "'");
    let words: Vec<_> = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .collect();
    let (mut weights, mut matched) = (BTreeMap::<Kind, f32>::new(), Vec::new());
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((phrase, kind, length)) = longest(rest) else {
            at += 1;
            continue;
        };
        // What a sentence opens with says most; a longer phrase says more than a word.
        let opens = at == 0 || words.get(..at).is_some_and(|before| before.iter().all(polite));
        *weights.entry(kind).or_default() += length as f32 + if opens { 1.0 } else { 0.0 };
        matched.push((phrase, kind));
        at += length;
    }
    decide(&weights, matched)
}

/// The longest phrase that words begin with.
fn longest(words: &[&str]) -> Option<(&'static str, Kind, usize)> {
    let begin = PHRASES.get(words.first()?)?;
    let found = begin.iter().find(|(phrase, ..)| words.starts_with(phrase))?;
    Some((found.1, found.2, found.0.len()))
}

/// Whether a word only makes a request polite.
fn polite(word: &&str) -> bool {
    matches!(*word, "please" | "can" | "could" | "would" | "will" | "you" | "kindly" | "now")
}

fn decide(weights: &BTreeMap<Kind, f32>, matched: Vec<(&'static str, Kind)>) -> Intent {
    let weight = |kind: &Kind| weights.get(kind).copied().unwrap_or_default();
    // A repeated action is automation whatever else is said, and any wish comes before talk.
    let wishes = [Kind::Automation, Kind::Action, Kind::Analysis, Kind::Query];
    let by_weight = |one: &&Kind, other: &&Kind| {
        let first_wins = std::cmp::Ordering::Greater;
        weight(one).total_cmp(&weight(other)).then(first_wins)
    };
    let strongest = wishes.iter().rev().filter(|kind| weight(kind) > 0.0).max_by(by_weight);
    let kind = match strongest {
        None => Kind::Chat,
        Some(_) if weight(&Kind::Automation) > 0.0 => Kind::Automation,
        // “hello, how are you, what a day”: mere question words do not outweigh talk.
        Some(Kind::Query) if weight(&Kind::Chat) > weight(&Kind::Query) => Kind::Chat,
        Some(kind) => *kind,
    };
    let total: f32 = weights.values().sum();
    Intent {
        kind,
        confidence: weight(&kind) / (total + 1.0),
        requires_tools: kind != Kind::Chat,
        matched: matched.into_iter().filter(|(_, of)| *of == kind).map(|(word, _)| word).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_wanted() {
        let check = |text: &str, kind: Kind| {
            let intent = classify(text);
            assert_eq!(intent.kind, kind, "{text}: {intent:?}");
            assert_eq!(intent.requires_tools, kind != Kind::Chat, "{text}");
            assert!((0.0..1.0).contains(&intent.confidence), "{text}: {intent:?}");
        };
        check("", Kind::Chat);
        check("Hello!", Kind::Chat);
        check("Hi, how are you?", Kind::Chat);
        check("What can you do?", Kind::Chat);
        check("the weather is lovely", Kind::Chat);
        check("Thanks, that was nice", Kind::Chat);
        check("Send “hi” to #general", Kind::Action);
        check("Hello, please send the report to Jane", Kind::Action);
        check("Could you refund the last payment?", Kind::Action);
        check("show me what we sent", Kind::Query);
        check("Which invoices are overdue?", Kind::Query);
        check("How many contacts do we have?", Kind::Query);
        check("Compare the sales of May and June", Kind::Analysis);
        check("summarise the campaign's performance", Kind::Analysis);
        check("Every Monday send the figures to #sales", Kind::Automation);
        check("Whenever a ticket comes in, notify me", Kind::Automation);
        check("remind me to pay rent", Kind::Automation);
        // Whole words: none of these has “hi”, “add”, “post” or “get” in it as a word.
        check("this address, the posture, a budget", Kind::Chat);
    }

    #[test]
    fn says_how_sure_it_is_and_why() {
        let sure = |text| classify(text).confidence;
        assert_eq!(sure("lorem ipsum"), 0.0);
        assert!(sure("send it") > 0.6);
        assert!(sure("send it") > sure("what should I send"));
        let intent = classify("Please create a card and assign it");
        assert_eq!(intent.matched, ["create", "assign"]);
        let why = intent.explanation();
        assert!(why.contains("action") && why.contains("“create”, “assign”"), "{why}");
        assert!(classify("").explanation().contains("chat"));
        assert!(classify("daily").recommendation().contains("workflow"));
    }

    #[test]
    fn the_words_are_read() {
        assert!(PHRASES.values().map(Vec::len).sum::<usize>() > 150);
        let kinds: std::collections::BTreeSet<_> =
            PHRASES.values().flatten().map(|(.., kind)| *kind).collect();
        assert_eq!(kinds.len(), 5);
    }

    proptest::proptest! {
        #[test]
        fn takes_any_text(text in "\\PC*") {
            classify(&text);
        }
    }
}
