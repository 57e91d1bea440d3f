//! Okapi BM25: how much of what a query says a text says too, rare words counting for more.
//!
//! Formula and constants after Robertson and Zaragoza, "The Probabilistic Relevance Framework:
//! BM25 and Beyond" (2009), with the logarithm kept positive as Lucene does. Never here: what
//! a word is.

use std::collections::HashMap;

/// How soon more of the same word stops counting.
const SATURATION: f32 = 1.2;

/// How much a long text's words count for less.
const LENGTH: f32 = 0.75;

/// Texts, by the terms in them.
#[derive(Debug)]
pub(super) struct Bm25 {
    texts: usize,
    /// Of each term, the texts that have it and what it weighs there, in the order of the texts.
    places: HashMap<String, Vec<(usize, f32)>>,
}

impl Bm25 {
    /// Texts, each as its terms.
    pub(super) fn new(texts: &[Vec<String>]) -> Self {
        let terms: usize = texts.iter().map(Vec::len).sum();
        let mean = terms as f32 / texts.len().max(1) as f32;
        let mut places: HashMap<String, Vec<(usize, f32)>> = HashMap::new();
        for (place, text) in texts.iter().enumerate() {
            for term in text {
                let found = places.entry(term.clone()).or_default();
                match found.last_mut() {
                    Some((last, count)) if *last == place => *count += 1.0,
                    _ => found.push((place, 1.0)),
                }
            }
        }
        for (place, count) in places.values_mut().flatten() {
            let length = texts.get(*place).map_or(0.0, |text| text.len() as f32);
            let slowed = SATURATION * (1.0 - LENGTH + LENGTH * length / mean);
            *count = *count / (*count + slowed);
        }
        Self { texts: texts.len(), places }
    }

    /// How much of the query each text says, from 0 to 1, in the order of the texts. What no
    /// text says counts as said by none.
    pub(super) fn scores(&self, query: &[String]) -> Vec<f32> {
        let mut scores = vec![0.0; self.texts];
        let mut whole = 0.0;
        for (at, term) in query.iter().enumerate() {
            if query.iter().take(at).any(|before| before == term) {
                continue;
            }
            let found = self.places.get(term).map_or(&[][..], Vec::as_slice);
            let rarity = self.rarity(found.len());
            whole += rarity;
            for (place, weight) in found {
                if let Some(score) = scores.get_mut(*place) {
                    *score += rarity * weight;
                }
            }
        }
        if whole > 0.0 {
            scores.iter_mut().for_each(|score| *score /= whole);
        }
        scores
    }

    /// What a term weighs that so many texts have.
    fn rarity(&self, having: usize) -> f32 {
        let (texts, having) = (self.texts as f32, having as f32);
        (1.0 + (texts - having + 0.5) / (having + 0.5)).ln()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::Bm25;

    fn terms(text: &str) -> Vec<String> {
        text.split(' ').filter(|term| !term.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn orders_texts_by_what_they_share_with_the_query() {
        let texts = ["send message", "send message to channel", "send invoice", ""];
        let index = Bm25::new(&texts.map(terms));
        // The places that match, best first.
        let check = |query: &str, expected: &[usize]| {
            let scores = index.scores(&terms(query));
            assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{query}: {scores:?}");
            let mut order: Vec<_> = (0..texts.len()).filter(|&place| scores[place] > 0.0).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            assert_eq!(order, expected, "{query}: {scores:?}");
        };
        check("message", &[0, 1]);
        check("send invoice", &[2, 0, 1]);
        check("channel message", &[1, 0]);
        check("weather", &[]);
        check("", &[]);
    }

    #[test]
    fn words_that_no_text_has_lower_the_score() {
        let index = Bm25::new(&["send message", "other"].map(terms));
        let score = |query: &str| index.scores(&terms(query))[0];
        assert!(score("send message") > score("send message moon"));
        assert_eq!(score("send send"), score("send"));
        assert!(Bm25::new(&[]).scores(&terms("a")).is_empty());
    }
}
