//! Which n-grams each row has: a sparse matrix whose columns have one value each.

use rayon::prelude::*;

use crate::newton::DesignMatrix;
use crate::ngram_table::NgramTable;
use crate::vocabulary::Vocabulary;

/// Places by line: those of line `l` are `places[starts[l]..starts[l + 1]]`.
#[derive(Clone, Debug, PartialEq)]
struct SparseRows {
    starts: Vec<usize>,
    places: Vec<u32>,
}

impl SparseRows {
    fn line(&self, line: usize) -> &[u32] {
        &self.places[self.starts[line]..self.starts[line + 1]]
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rows for columns.
    fn transposed(&self, columns: usize) -> Self {
        let mut starts = vec![0_usize; columns + 1];
        for column in &self.places {
            starts[*column as usize + 1] += 1;
        }
        for column in 0..columns {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let mut places = vec![0_u32; self.places.len()];
        for row in 0..self.len() {
            for column in self.line(row) {
                let place = &mut next[*column as usize];
                places[*place] = row as u32;
                *place += 1;
            }
        }
        Self { starts, places }
    }
}

/// The rows `[N, F]`: the log-count ratio of each n-gram that a row has, 0 for the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: SparseRows,
    columns: SparseRows,
    values: Vec<f32>,
}

impl Matrix {
    /// Looks up the n-grams of `count` rows of token ids.
    pub fn of(
        vocabulary: &Vocabulary,
        rows: &(impl Fn(usize) -> Vec<u32> + Sync),
        count: usize,
    ) -> Self {
        let columns = NgramTable::of(vocabulary.ngrams.iter().copied(), 0_u32..);
        let found: Vec<Vec<u32>> = (0..count)
            .into_par_iter()
            .map_init(Vec::new, |ngrams, row| {
                let encoding = vocabulary.encoding;
                encoding.collect_ngrams(&rows(row), &vocabulary.skipped, ngrams);
                let mut places: Vec<u32> = columns.get_all(ngrams).collect();
                // In order, neighbours in memory are read one after the other, again and again.
                places.sort_unstable();
                places
            })
            .collect();
        let mut starts = vec![0];
        for row in &found {
            starts.push(starts[starts.len() - 1] + row.len());
        }
        let rows = SparseRows {
            starts,
            places: found.concat(),
        };
        Self {
            columns: rows.transposed(vocabulary.ngrams.len()),
            rows,
            values: vocabulary.ratios.clone(),
        }
    }
}

/// SparseRows that a thread takes at a time.
const LINES: usize = 512;

impl Matrix {
    /// All rows.
    pub fn whole(&self) -> MatrixRows<'_> {
        MatrixRows {
            matrix: self,
            rows: (0..self.rows.len() as u32).collect(),
            values: self.values.clone(),
        }
    }

    /// How many of these rows have each feature, by class, the negative one first: `[F]`.
    pub(crate) fn counts(&self, labels: &[u8], rows: &[u32]) -> Vec<[u32; 2]> {
        let mut counts = vec![[0; 2]; self.values.len()];
        for row in rows {
            for column in self.rows.line(*row as usize) {
                counts[*column as usize][usize::from(labels[*row as usize])] += 1;
            }
        }
        counts
    }
}

/// Some rows of a matrix, with values of their own.
#[derive(Debug)]
pub struct MatrixRows<'a> {
    pub(crate) matrix: &'a Matrix,
    /// Which rows, n of them.
    pub(crate) rows: Vec<u32>,
    /// `[F]`.
    pub(crate) values: Vec<f32>,
}

impl DesignMatrix for MatrixRows<'_> {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn width(&self) -> usize {
        self.values.len()
    }

    fn scores(&self, weights: &[f64]) -> Vec<f64> {
        self.row_scores(&self.rows, weights)
    }

    fn multiply_transposed(&self, values: &[f64]) -> Vec<f64> {
        let mut by_row = vec![0.0; self.matrix.rows.len()];
        for (row, value) in self.rows.iter().zip(values) {
            by_row[*row as usize] = *value;
        }
        let columns = (0..self.values.len()).into_par_iter().with_min_len(LINES);
        let sum = |column: usize| {
            let rows = self.matrix.columns.line(column).iter();
            let sum: f64 = rows.map(|row| by_row[*row as usize]).sum();
            f64::from(self.values[column]) * sum
        };
        let mut sums: Vec<f64> = columns.map(sum).collect();
        sums.push(values.iter().sum());
        sums
    }
}

impl MatrixRows<'_> {
    /// What any rows of the matrix score, with the values of this part.
    pub(crate) fn row_scores(&self, rows: &[u32], weights: &[f64]) -> Vec<f64> {
        let (bias, weights) = weights.split_last().expect("the bias is the last");
        let scaled = weights.par_iter().zip(&self.values).with_min_len(1 << 14);
        let scaled = scaled.map(|(weight, value)| weight * f64::from(*value));
        let scaled: Vec<f64> = scaled.collect();
        let score = |row: &u32| {
            let columns = self.matrix.rows.line(*row as usize).iter();
            bias + columns.map(|column| scaled[*column as usize]).sum::<f64>()
        };
        rows.par_iter().with_min_len(LINES).map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NgramEncoding;

    #[test]
    fn products_are_those_of_the_matrix_written_out() {
        let rows = [vec![1, 2, 2], vec![2, 9], vec![3]];
        let vocabulary = Vocabulary {
            ngrams: vec![2, 3, 4],
            ratios: vec![0.5, -2.0, 1.0],
            encoding: NgramEncoding::new(9, 1).expect("it fits"),
            skipped: vec![],
        };
        // Token 1 is n-gram 2, token 2 is n-gram 3, token 3 is n-gram 4.
        let matrix = Matrix::of(&vocabulary, &|row: usize| rows[row].clone(), 3);
        assert_eq!(
            matrix.whole().scores(&[1.0, 10.0, 100.0, 7.0]),
            [0.5 - 20.0 + 7.0, -20.0 + 7.0, 107.0]
        );
        assert_eq!(
            matrix.whole().multiply_transposed(&[1.0, 2.0, 3.0]),
            [0.5, -6.0, 3.0, 6.0]
        );
    }
}
