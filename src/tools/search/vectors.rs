//! What a text is about, as a direction in space: the mean of its word pieces' vectors.
//!
//! The vectors come with the program (`vectors/`, which tells how they were made), so
//! a text costs a look-up for each piece and no model. Never here: what a piece is.

use std::sync::LazyLock;

use super::wordpiece::Vocabulary;
use super::words::humps;

/// How many numbers a direction has.
const COLUMNS: usize = 256;

/// A direction: of length one, or all zeros for a text of which nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vector(Box<[f32]>);

impl Vector {
    /// How far two directions agree: 1 the same, 0 nothing to do with each other, -1 opposite.
    pub(super) fn likeness(&self, other: &Self) -> f32 {
        // Eight sums at once, which the compiler makes one instruction of.
        let mut sums = [0.0_f32; 8];
        for (a, b) in self.0.chunks_exact(8).zip(other.0.chunks_exact(8)) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        sums.iter().sum()
    }
}

/// The vectors of a vocabulary's pieces.
pub(super) struct Table {
    vocabulary: Vocabulary,
    /// A row for each piece: its scale and its numbers.
    rows: Vec<(f32, &'static [u8])>,
}

impl Table {
    /// The table that comes with the program.
    pub(super) fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Table> = LazyLock::new(|| {
            let table = include_bytes!("vectors/table.bin");
            Table::new(include_str!("vectors/vocab.txt"), table)
        });
        &SHIPPED
    }

    /// A vocabulary with a piece on each line, and their vectors in the layout that
    /// `vectors/make.py` describes.
    fn new(vocabulary: &'static str, table: &'static [u8]) -> Self {
        let (head, rest) = table.split_at_checked(8).unwrap_or_default();
        let count = head.first_chunk().map_or(0, |count| u32::from_le_bytes(*count) as usize);
        let (scales, numbers) = rest.split_at_checked(4 * count).unwrap_or_default();
        let scales = scales.as_chunks().0.iter().map(|scale| f32::from_le_bytes(*scale));
        let rows = scales.zip(numbers.chunks_exact(COLUMNS)).collect();
        Self { vocabulary: Vocabulary::new(vocabulary), rows }
    }

    /// What a text is about.
    pub(super) fn vector(&self, text: &str) -> Vector {
        let mut sum = vec![0.0_f32; COLUMNS].into_boxed_slice();
        for piece in self.vocabulary.pieces(&humps(text)) {
            let Some((scale, row)) = self.rows.get(piece as usize) else { continue };
            for (sum, number) in sum.iter_mut().zip(*row) {
                *sum += scale * f32::from(number.cast_signed());
            }
        }
        let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
        if length > 0.0 {
            sum.iter_mut().for_each(|number| *number /= length);
        }
        Vector(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table = Table::shipped();
        assert_eq!(table.rows.len(), include_str!("vectors/vocab.txt").lines().count());
        assert!(table.rows.iter().all(|(scale, row)| scale.is_finite() && row.len() == COLUMNS));
    }

    #[test]
    fn tells_what_is_alike() {
        let like = |a, b| Table::shipped().vector(a).likeness(&Table::shipped().vector(b));
        assert!((like("refund a payment", "Refund a payment") - 1.0).abs() < 1e-5);
        for (a, near, far) in [
            ("give the money back", "refund a payment", "list channels"),
            ("meeting", "appointment", "invoice"),
            ("purchase", "buy", "sleep"),
        ] {
            assert!(like(a, near) > like(a, far), "{a}: {near}, {far}");
        }
        assert_eq!(like("", "anything"), 0.0);
    }
}
