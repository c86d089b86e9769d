//! The linear model: one weight for each n-gram, stored in one file.

use std::fs;
use std::path::Path;

use artifact::{ArtifactError, catch_panics};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::LinearError;
use crate::ngram::{Ngram, NgramEncoding};
use crate::ngram_table::NgramTable;
use crate::vocabulary::Vocabulary;

const NGRAMS: &str = "ngrams";
const WEIGHTS: &str = "weights";
const BIAS: &str = "bias";
const SKIPPED: &str = "skipped";
const ENCODING: &str = "code";

/// A linear model over n-grams.
#[derive(Clone, Debug)]
pub struct NgramModel {
    /// The weight of each n-gram, in nats of log-odds.
    weights: NgramTable<f32>,
    /// Number of n-grams.
    /// Number of n-grams with a weight.
    pub count: usize,
    bias: f32,
    /// How tokens become n-grams.
    pub encoding: NgramEncoding,
    /// Ids that are part of no n-gram.
    pub skipped: Vec<u32>,
}

impl NgramModel {
    /// The model with weights `[F + 1]` for the rows of a vocabulary, the bias last. N-grams with weight 0 are
    /// not stored.
    pub fn new(vocabulary: &Vocabulary, weights: &[f64]) -> Self {
        let (bias, weights) = weights.split_last().expect("the bias is the last");
        let products = weights.iter().zip(&vocabulary.ratios);
        let products = products.map(|(weight, ratio)| (weight * f64::from(*ratio)) as f32);
        let pairs = vocabulary.ngrams.iter().zip(products);
        let (ngrams, weights): (Vec<Ngram>, Vec<f32>) =
            pairs.filter(|(_, weight)| *weight != 0.0).unzip();
        Self {
            count: ngrams.len(),
            weights: NgramTable::of(ngrams.into_iter(), weights.into_iter()),
            bias: *bias as f32,
            encoding: vocabulary.encoding,
            skipped: vocabulary.skipped.clone(),
        }
    }

    /// The score of a row of token ids: the log-odds of the positive class, in nats.
    pub fn score(&self, ids: &[u32]) -> f64 {
        let mut ngrams = Vec::new();
        self.encoding
            .collect_ngrams(ids, &self.skipped, &mut ngrams);
        let known = self.weights.get_all(&ngrams);
        f64::from(self.bias) + known.map(f64::from).sum::<f64>()
    }

    /// The contribution of each token to [`NgramModel::score`], without the bias. The weight of an n-gram is
    /// divided equally among its tokens, and among all its occurrences.
    pub fn contributions(&self, ids: &[u32]) -> Vec<f64> {
        let mut occurrences: Vec<(Ngram, usize, usize)> = Vec::new();
        self.encoding
            .for_each_ngram(ids, &self.skipped, |ngram, last, length| {
                occurrences.push((ngram, last, length));
            });
        occurrences.sort_unstable();
        let mut shares = vec![0.0; ids.len()];
        for same in occurrences.chunk_by(|one, two| one.0 == two.0) {
            let Some(weight) = self.weights.get(same[0].0) else {
                continue;
            };
            let share = f64::from(weight) / (same.len() * same[0].2) as f64;
            for (_, last, length) in same {
                let ngram_shares = &mut shares[last + 1 - length..=*last];
                ngram_shares.iter_mut().for_each(|sum| *sum += share);
            }
        }
        shares
    }

    /// The `count` n-grams with the most negative and with the most positive weights, as token ids.
    pub fn largest_weights(&self, count: usize) -> [Vec<(Vec<u32>, f32)>; 2] {
        let mut ascending = self.sorted_by_ngram();
        ascending.sort_by(|one, two| one.1.total_cmp(&two.1));
        let pair = |(ngram, weight): &(Ngram, f32)| (self.encoding.token_ids(*ngram), *weight);
        let count = count.min(ascending.len());
        let largest = ascending[ascending.len() - count..].iter().rev();
        [
            ascending[..count].iter().map(pair).collect(),
            largest.map(pair).collect(),
        ]
    }

    /// The n-grams in ascending order, with their weights.
    fn sorted_by_ngram(&self) -> Vec<(Ngram, f32)> {
        let mut all: Vec<(Ngram, f32)> = self.weights.iter().collect();
        all.sort_unstable_by_key(|(ngram, _)| *ngram);
        all
    }

    /// Writes the model into a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LinearError> {
        let (ngrams, weights): (Vec<Ngram>, Vec<f32>) = self.sorted_by_ngram().into_iter().unzip();
        let floats = |values: &[f32]| bytes_of(values, f32::to_le_bytes);
        let words = |values: &[u32]| bytes_of(values, u32::to_le_bytes);
        let (keys, skipped) = (bytes_of(&ngrams, u64::to_le_bytes), &self.skipped);
        let tensors = [
            (NGRAMS, Dtype::U64, self.count, keys),
            (WEIGHTS, Dtype::F32, self.count, floats(&weights)),
            (BIAS, Dtype::F32, 1, floats(&[self.bias])),
            (SKIPPED, Dtype::U32, skipped.len(), words(skipped)),
            (ENCODING, Dtype::U32, 2, words(&self.encoding.numbers())),
        ];
        let views = tensors.iter().map(|(name, kind, count, bytes)| {
            let view = TensorView::new(*kind, vec![*count], bytes);
            let view = view.expect("its size matches the number of its values");
            (*name, view)
        });
        safetensors::serialize_to_file(views, None, path)
            .map_err(ArtifactError::table("write", path))?;
        Ok(())
    }

    /// Reads a model from a file.
    ///
    /// # Errors
    /// The file cannot be read or is not a linear model.
    pub fn load(path: &Path) -> Result<Self, LinearError> {
        let bytes = fs::read(path).map_err(ArtifactError::io("read", path))?;
        let refused = |problem: String| LinearError::File {
            path: path.to_owned(),
            problem,
        };
        let panicked = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
        catch_panics(panicked, || Self::parse(&bytes)).map_err(refused)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let data = |name: &str, kind: Dtype| {
            let missing = |_| format!("the tensor `{name}` is missing");
            let view = tensors.tensor(name).map_err(missing)?;
            match view.dtype() == kind && view.shape().len() == 1 {
                true => Ok(view.data()),
                false => Err(format!("the tensor `{name}` should be a list of {kind:?}")),
            }
        };
        let words = |name: &str| data(name, Dtype::U32).map(|it| numbers(it, u32::from_le_bytes));
        let floats = |name: &str| data(name, Dtype::F32).map(|it| numbers(it, f32::from_le_bytes));
        // Read without copies: opening a model for one text should take no time.
        let ngrams = numbers(data(NGRAMS, Dtype::U64)?, u64::from_le_bytes);
        let weights = floats(WEIGHTS)?;
        let bias: Vec<f32> = floats(BIAS)?.collect();
        let encoding: Vec<u32> = words(ENCODING)?.collect();
        let (&[bias], &[bits, longest]) = (&bias[..], &encoding[..]) else {
            return Err("its bias or its encoding has the wrong number of values".to_owned());
        };
        if weights.len() != ngrams.len() || ngrams.len() >= u32::MAX as usize {
            let (keys, values) = (ngrams.len(), weights.len());
            return Err(format!("it has {keys} n-grams and {values} weights"));
        }
        let Some(encoding) = NgramEncoding::saved([bits, longest]) else {
            let problem = format!("its n-grams of {longest} tokens of {bits} bits are too long");
            return Err(problem);
        };
        // An n-gram is never 0: 0 marks an empty slot of the table.
        let from_none = std::iter::once(0).chain(ngrams.clone());
        if !from_none.is_sorted_by(|one, two| one < two) {
            return Err("its n-grams are not in ascending order".to_owned());
        }
        if !weights.clone().chain([bias]).all(f32::is_finite) {
            return Err("one of its weights is not finite".to_owned());
        }
        Ok(Self {
            count: ngrams.len(),
            weights: NgramTable::of(ngrams, weights),
            bias,
            encoding,
            skipped: words(SKIPPED)?.collect(),
        })
    }
}

/// The numbers with these bytes; the counterpart of [`bytes_of`].
fn numbers<T, const N: usize>(
    bytes: &[u8],
    from_bytes: fn([u8; N]) -> T,
) -> impl ExactSizeIterator<Item = T> + Clone {
    let chunks = bytes.as_chunks().0.iter();
    chunks.map(move |chunk| from_bytes(*chunk))
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| to_bytes(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::newton::{DesignMatrix, fit};

    fn fitted() -> (NgramModel, Matrix, Vec<f64>, Vec<Vec<u32>>) {
        // Token 5 is negative after token 4, and positive otherwise.
        let texts: Vec<Vec<u32>> = (0..200_u32)
            .map(|row| match row % 4 {
                0 => vec![2, 5, 3 + row % 3],
                1 => vec![4, 5, 2],
                2 => vec![5, 7, 2, 5],
                _ => vec![8, 4, 5],
            })
            .collect();
        let is_positive = |row: usize| row.is_multiple_of(2);
        let read = |row: usize| (texts[row].clone(), is_positive(row));
        let vocabulary = Vocabulary::count(&read, 200, (3, 2, 1.0), (10, vec![0])).expect("some");
        let matrix = Matrix::new(&vocabulary, &|row| texts[row].clone(), 200);
        let labels: Vec<f64> = (0..200).map(|row| f64::from(is_positive(row))).collect();
        let start = vec![0.0; vocabulary.ngrams.len() + 1];
        let found = fit(&matrix.all_rows(), &labels, (1e-3, 1e-8), &start);
        let scores = matrix.all_rows().scores(&found.weights);
        (
            NgramModel::new(&vocabulary, &found.weights),
            matrix,
            scores,
            texts,
        )
    }

    #[test]
    fn scores_are_those_of_the_fit() {
        let (model, _, scores, texts) = fitted();
        for (text, score) in texts.iter().zip(&scores) {
            assert!((model.score(text) - score).abs() < 1e-4, "{text:?}");
        }
        assert!(model.score(&[2, 5, 3]) > 1.0 && model.score(&[4, 5, 9]) < -1.0);
        // A row without known n-grams has the bias as its score.
        assert_eq!(model.score(&[0, 9]), f64::from(model.bias));
    }

    #[test]
    fn contributions_add_up_and_are_negative_for_negative_words() {
        let (model, _, _, texts) = fitted();
        for text in &texts {
            let sum: f64 = model.contributions(text).iter().sum();
            let score = model.score(text) - f64::from(model.bias);
            assert!((sum - score).abs() < 1e-5, "{text:?}: {sum} {score}");
        }
        assert!(model.contributions(&[4, 5, 2])[0] < 0.0);
        let [negative, _] = model.largest_weights(3);
        assert!(
            negative.iter().any(|(words, _)| words.contains(&4)),
            "{negative:?}"
        );
    }

    #[test]
    fn a_model_is_read_back_and_a_damaged_file_is_refused() {
        let (model, _, _, texts) = fitted();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.safetensors");
        model.save(&path).expect("the file is written");
        let loaded = NgramModel::load(&path).expect("the file is whole");
        for text in &texts {
            assert_eq!(loaded.score(text), model.score(text));
        }
        let whole = fs::read(&path).expect("it is there");
        for length in [0, 7, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).expect("written");
            let error = NgramModel::load(&path)
                .expect_err("the file is truncated")
                .to_string();
            assert!(error.contains("is not a linear model"), "{error}");
        }
        // No damaged byte makes the reader panic or hang.
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 0xFF;
            fs::write(&path, &bytes).expect("written");
            if let Ok(model) = NgramModel::load(&path) {
                assert!(model.score(&texts[0]).is_finite());
            }
        }
    }
}
