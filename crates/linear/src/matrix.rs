//! The n-grams of each row, as a sparse matrix whose columns have one value each.

use rayon::prelude::*;

use crate::newton::DesignMatrix;
use crate::ngram_table::NgramTable;
use crate::vocabulary::Vocabulary;

/// A sparse 0/1 matrix in compressed row format: row `r` has ones at `columns[starts[r]..starts[r + 1]]`.
#[derive(Clone, Debug, PartialEq)]
struct SparseRows {
    starts: Vec<usize>,
    columns: Vec<u32>,
}

impl SparseRows {
    fn row(&self, row: usize) -> &[u32] {
        &self.columns[self.starts[row]..self.starts[row + 1]]
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The transposed matrix; `width` is the number of columns of this one.
    fn transposed(&self, width: usize) -> Self {
        let mut starts = vec![0_usize; width + 1];
        for column in &self.columns {
            starts[*column as usize + 1] += 1;
        }
        for column in 0..width {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let mut columns = vec![0_u32; self.columns.len()];
        for row in 0..self.len() {
            for column in self.row(row) {
                let index = &mut next[*column as usize];
                columns[*index] = row as u32;
                *index += 1;
            }
        }
        Self { starts, columns }
    }
}

/// The rows `[N, F]`: the log-count ratio of each n-gram that a row contains, and 0 elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: SparseRows,
    columns: SparseRows,
    values: Vec<f32>,
}

impl Matrix {
    /// Looks up the n-grams of `count` rows of token ids.
    pub fn new(
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
                let mut row: Vec<u32> = columns.get_all(ngrams).collect();
                // Sorted columns are read in the order of memory, in every later product.
                row.sort_unstable();
                row
            })
            .collect();
        let mut starts = vec![0];
        for row in &found {
            starts.push(starts[starts.len() - 1] + row.len());
        }
        let columns = found.concat();
        let rows = SparseRows { starts, columns };
        Self {
            columns: rows.transposed(vocabulary.ngrams.len()),
            rows,
            values: vocabulary.ratios.clone(),
        }
    }
}

/// Rows or columns of one work item of a thread.
const CHUNK: usize = 512;

impl Matrix {
    /// All rows.
    pub fn all_rows(&self) -> MatrixRows<'_> {
        MatrixRows {
            matrix: self,
            rows: (0..self.rows.len() as u32).collect(),
            values: self.values.clone(),
        }
    }

    /// The number of `rows` of each class that contain each feature, the negative class first: `[F]`.
    pub(crate) fn counts(&self, labels: &[u8], rows: &[u32]) -> Vec<[u32; 2]> {
        let mut counts = vec![[0; 2]; self.values.len()];
        for row in rows {
            for column in self.rows.row(*row as usize) {
                counts[*column as usize][usize::from(labels[*row as usize])] += 1;
            }
        }
        counts
    }
}

/// Some rows of a matrix, with their own column values.
#[derive(Debug)]
pub struct MatrixRows<'a> {
    pub(crate) matrix: &'a Matrix,
    /// The rows, by position in the matrix.
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
        let columns = (0..self.values.len()).into_par_iter().with_min_len(CHUNK);
        let sum = |column: usize| {
            let rows = self.matrix.columns.row(column).iter();
            let sum: f64 = rows.map(|row| by_row[*row as usize]).sum();
            f64::from(self.values[column]) * sum
        };
        let mut sums: Vec<f64> = columns.map(sum).collect();
        sums.push(values.iter().sum());
        sums
    }
}

impl MatrixRows<'_> {
    /// The scores of any rows of the matrix, with the column values of this part.
    pub(crate) fn row_scores(&self, rows: &[u32], weights: &[f64]) -> Vec<f64> {
        let (bias, weights) = weights.split_last().expect("the bias is the last");
        let scaled = weights.par_iter().zip(&self.values).with_min_len(1 << 14);
        let scaled = scaled.map(|(weight, value)| weight * f64::from(*value));
        let scaled: Vec<f64> = scaled.collect();
        let score = |row: &u32| {
            let columns = self.matrix.rows.row(*row as usize).iter();
            bias + columns.map(|column| scaled[*column as usize]).sum::<f64>()
        };
        rows.par_iter().with_min_len(CHUNK).map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NgramEncoding;

    #[test]
    fn products_match_the_dense_matrix() {
        let rows = [vec![1, 2, 2], vec![2, 9], vec![3]];
        let vocabulary = Vocabulary {
            ngrams: vec![2, 3, 4],
            ratios: vec![0.5, -2.0, 1.0],
            encoding: NgramEncoding::new(9, 1).expect("a valid encoding"),
            skipped: vec![],
        };
        // Token 1 is n-gram 2, token 2 is n-gram 3, token 3 is n-gram 4.
        let matrix = Matrix::new(&vocabulary, &|row: usize| rows[row].clone(), 3);
        assert_eq!(
            matrix.all_rows().scores(&[1.0, 10.0, 100.0, 7.0]),
            [0.5 - 20.0 + 7.0, -20.0 + 7.0, 107.0]
        );
        assert_eq!(
            matrix.all_rows().multiply_transposed(&[1.0, 2.0, 3.0]),
            [0.5, -6.0, 3.0, 6.0]
        );
    }
}
