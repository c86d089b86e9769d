//! The matrix of vectors: one row for every token id.

use std::sync::Arc;

use arrow::array::{FixedSizeListArray, Float32Array, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field};
use artifact::schema;

/// Rows of a batch in the file.
const BATCH_ROWS: usize = 8192;

/// Vectors of equal width, by id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) width: u32,
    values: Vec<f32>,
}

impl Matrix {
    /// A matrix of zeros.
    pub(crate) fn zeros(rows: u32, width: u32) -> Self {
        let values = vec![0.0; rows as usize * width as usize];
        Self { width, values }
    }

    /// One row.
    pub(crate) fn row(&self, id: usize) -> &[f32] {
        let width = self.width as usize;
        &self.values[id * width..(id + 1) * width]
    }

    /// One row, mutable.
    pub(crate) fn row_mut(&mut self, id: usize) -> &mut [f32] {
        let width = self.width as usize;
        &mut self.values[id * width..(id + 1) * width]
    }

    /// Every row with its id, mutable.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = (usize, &mut [f32])> {
        let width = self.width as usize;
        self.values.chunks_exact_mut(width).enumerate()
    }

    /// The rows in batches of the table `embedding.arrow`, without a second copy of the matrix.
    pub(crate) fn batches(&self) -> impl Iterator<Item = RecordBatch> + '_ {
        let schema = schema::embedding(self.width);
        let width = i32::try_from(self.width).expect("a width is at most 65,536");
        self.values
            .chunks(BATCH_ROWS * self.width as usize)
            .map(move |values| {
                let item = Arc::new(Field::new_list_field(DataType::Float32, false));
                let values = Float32Array::new(ScalarBuffer::from(values.to_vec()), None);
                let vectors = FixedSizeListArray::new(item, width, Arc::new(values), None);
                RecordBatch::try_new(schema.clone(), vec![Arc::new(vectors)])
                    .expect("the columns are the contract's")
            })
    }
}
