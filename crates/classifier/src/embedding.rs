//! Reads the embedding matrix of an artifact and checks that it fits the tokens.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Float32Type;
use artifact::{Artifact, Contract, map_arrays, schema};

use crate::{ClassifierError, Result, TokenContract};

/// An embedding matrix `[V, D]` in row-major order.
#[derive(Clone, Debug)]
pub struct EmbeddingMatrix {
    /// The V x D values.
    pub values: Vec<f32>,
    /// The width D.
    pub width: u32,
}

impl EmbeddingMatrix {
    /// Reads an embedding artifact that must fit these tokens.
    ///
    /// # Errors
    /// The artifact is damaged, has non-finite values, or was made for another tokenizer.
    pub fn open(artifact: &Artifact, tokens: &TokenContract) -> Result<Self> {
        let mismatch = ClassifierError::mismatch("tokens", "embedding");
        let Contract::Embedding {
            tokenizer,
            vocabulary_size,
            width,
            ..
        } = artifact.manifest().contract
        else {
            let folder = artifact.folder().display();
            return Err(mismatch(format!("`{folder}` is not an embedding")));
        };
        tokens.check_tokenizer("embedding", tokenizer)?;
        let (ids, rows) = (tokens.vocabulary_size, vocabulary_size);
        if rows != ids {
            let reason = format!("the tokens have {ids} ids and the embedding has {rows} rows");
            return Err(mismatch(reason));
        }
        let path = artifact.file("embedding.arrow")?;
        let expected = vocabulary_size as usize * width as usize;
        let mut values = Vec::with_capacity(expected);
        for batch in map_arrays(&path, &schema::embedding(width))? {
            values.extend_from_slice(vectors_of(batch.column(0)));
        }
        if values.len() != expected {
            let count = values.len();
            let reason = format!("the embedding has {count} values instead of {expected}");
            return Err(mismatch(reason));
        }
        if let Some(position) = values.iter().position(|value| !value.is_finite()) {
            let id = position / width as usize;
            let reason = format!("the vector of token id {id} is not finite");
            return Err(mismatch(reason));
        }
        Ok(Self { values, width })
    }
}

/// The values of a column of vectors, one vector after the other.
pub(crate) fn vectors_of(column: &ArrayRef) -> &[f32] {
    let lists = column.as_fixed_size_list();
    let span = lists.value_offset_at(0)..lists.value_offset_at(lists.len());
    &lists.values().as_primitive::<Float32Type>().values()[span]
}
