//! The model: a number for each n-gram, in one file.

use std::fs;
use std::path::Path;

use artifact::{ArtifactError, catch_panics};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::LinearError;
use crate::ngram::{Code, Ngram};
use crate::table::Table;
use crate::vocabulary::Vocabulary;

const NGRAMS: &str = "ngrams";
const WEIGHTS: &str = "weights";
const BIAS: &str = "bias";
const SKIPPED: &str = "skipped";
const CODE: &str = "code";

/// What says how far a text is on the positive side.
#[derive(Clone, Debug)]
pub struct NgramModel {
    /// In nats of log-odds.
    weights: Table<f32>,
    /// How many n-grams have one.
    count: usize,
    bias: f32,
    code: Code,
    skipped: Vec<u32>,
}

impl NgramModel {
    /// The model of weights `[F + 1]` for the rows of a vocabulary, the bias last. Those of n-grams
    /// that say nothing are left out.
    pub fn new(vocabulary: &Vocabulary, weights: &[f64]) -> Self {
        let (bias, weights) = weights.split_last().expect("the bias is the last");
        let products = weights.iter().zip(&vocabulary.ratios);
        let products = products.map(|(weight, ratio)| (weight * f64::from(*ratio)) as f32);
        let pairs = vocabulary.ngrams.iter().zip(products);
        let (ngrams, weights): (Vec<Ngram>, Vec<f32>) =
            pairs.filter(|(_, weight)| *weight != 0.0).unzip();
        Self {
            count: ngrams.len(),
            weights: Table::of(ngrams.into_iter(), weights.into_iter()),
            bias: *bias as f32,
            code: vocabulary.code,
            skipped: vocabulary.skipped.clone(),
        }
    }

    /// N-grams it knows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How tokens become n-grams.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Ids that are in no n-gram.
    pub fn skipped(&self) -> &[u32] {
        &self.skipped
    }

    /// How far the positive class is ahead, in nats of log-odds.
    pub fn difference(&self, ids: &[u32]) -> f64 {
        let mut ngrams = Vec::new();
        self.code.ngrams_of(ids, &self.skipped, &mut ngrams);
        let known = self.weights.get_all(&ngrams);
        f64::from(self.bias) + known.map(f64::from).sum::<f64>()
    }

    /// What each token contributes to [`NgramModel::difference`], the bias left out. An n-gram's
    /// weight is shared by its tokens, and by all places where it stands.
    pub fn contributions(&self, ids: &[u32]) -> Vec<f64> {
        let mut places: Vec<(Ngram, usize, usize)> = Vec::new();
        self.code.each(ids, &self.skipped, |ngram, last, length| {
            places.push((ngram, last, length));
        });
        places.sort_unstable();
        let mut shares = vec![0.0; ids.len()];
        for same in places.chunk_by(|one, two| one.0 == two.0) {
            let Some(weight) = self.weights.get(same[0].0) else {
                continue;
            };
            let share = f64::from(weight) / (same.len() * same[0].2) as f64;
            for (_, last, length) in same {
                let of_ngram = &mut shares[last + 1 - length..=*last];
                of_ngram.iter_mut().for_each(|sum| *sum += share);
            }
        }
        shares
    }

    /// The n-grams with the largest weights, as token ids: those that speak most against, and those
    /// that speak most for the positive class.
    pub fn strongest(&self, count: usize) -> [Vec<(Vec<u32>, f32)>; 2] {
        let mut order = self.in_order();
        order.sort_by(|one, two| one.1.total_cmp(&two.1));
        let pair = |(ngram, weight): &(Ngram, f32)| (self.code.words_of(*ngram), *weight);
        let count = count.min(order.len());
        let most = order[order.len() - count..].iter().rev();
        [
            order[..count].iter().map(pair).collect(),
            most.map(pair).collect(),
        ]
    }

    /// The n-grams in ascending order, with their weights.
    fn in_order(&self) -> Vec<(Ngram, f32)> {
        let mut all: Vec<(Ngram, f32)> = self.weights.iter().collect();
        all.sort_unstable_by_key(|(ngram, _)| *ngram);
        all
    }

    /// Writes the model into a file.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save(&self, path: &Path) -> Result<(), LinearError> {
        let (ngrams, weights): (Vec<Ngram>, Vec<f32>) = self.in_order().into_iter().unzip();
        let floats = |values: &[f32]| bytes_of(values, f32::to_le_bytes);
        let words = |values: &[u32]| bytes_of(values, u32::to_le_bytes);
        let (keys, skipped) = (bytes_of(&ngrams, u64::to_le_bytes), &self.skipped);
        let tensors = [
            (NGRAMS, Dtype::U64, self.count, keys),
            (WEIGHTS, Dtype::F32, self.count, floats(&weights)),
            (BIAS, Dtype::F32, 1, floats(&[self.bias])),
            (SKIPPED, Dtype::U32, skipped.len(), words(skipped)),
            (CODE, Dtype::U32, 2, words(&self.code.numbers())),
        ];
        let views = tensors.iter().map(|(name, kind, count, bytes)| {
            let view = TensorView::new(*kind, vec![*count], bytes);
            (
                *name,
                view.expect("its bytes are as many as its numbers need"),
            )
        });
        safetensors::serialize_to_file(views, None, path)
            .map_err(ArtifactError::table("write", path))?;
        Ok(())
    }

    /// Reads a model back.
    ///
    /// # Errors
    /// The file is not there or is not a linear model.
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
            let view = tensors
                .tensor(name)
                .map_err(|_| format!("the tensor `{name}` is missing"))?;
            match view.dtype() == kind && view.shape().len() == 1 {
                true => Ok(view.data()),
                false => Err(format!("the tensor `{name}` should be a list of {kind:?}")),
            }
        };
        let quads =
            |name: &str, kind: Dtype| data(name, kind).map(|it| it.as_chunks::<4>().0.iter());
        let words = |name: &str| {
            quads(name, Dtype::U32).map(|it| it.map(|bytes| u32::from_le_bytes(*bytes)))
        };
        let floats = |name: &str| {
            quads(name, Dtype::F32).map(|it| it.map(|bytes| f32::from_le_bytes(*bytes)))
        };
        // Read where they are: a model is opened for one text, too, and every copy costs.
        let ngrams = data(NGRAMS, Dtype::U64)?.as_chunks::<8>().0.iter();
        let ngrams = ngrams.map(|bytes| u64::from_le_bytes(*bytes));
        let (weights, bias) = (floats(WEIGHTS)?, floats(BIAS)?);
        let (bias, code): (Vec<f32>, Vec<u32>) = (bias.collect(), words(CODE)?.collect());
        let (&[bias], &[bits, longest]) = (&bias[..], &code[..]) else {
            return Err("bias and code should be one number and two".to_owned());
        };
        if weights.len() != ngrams.len() || ngrams.len() >= u32::MAX as usize {
            let (keys, values) = (ngrams.len(), weights.len());
            return Err(format!("{keys} n-grams have {values} weights"));
        }
        let Some(code) = Code::saved([bits, longest]) else {
            return Err(format!("its n-grams have {longest} tokens of {bits} bits"));
        };
        // And none is 0, which is no n-gram.
        let from_none = std::iter::once(0).chain(ngrams.clone());
        if !from_none.is_sorted_by(|one, two| one < two) {
            return Err("its n-grams are not in order".to_owned());
        }
        let mut numbers = weights.clone().chain([bias]);
        if !numbers.all(|weight| weight.is_finite()) {
            return Err("one of its weights is not a number".to_owned());
        }
        Ok(Self {
            count: ngrams.len(),
            weights: Table::of(ngrams, weights),
            bias,
            code,
            skipped: words(SKIPPED)?.collect(),
        })
    }
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| to_bytes(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::newton::{Design, fit};

    fn fitted() -> (NgramModel, Matrix, Vec<f64>, Vec<Vec<u32>>) {
        // 5 after 4 is bad, and good by itself.
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
        let vocabulary = Vocabulary::of(&read, 200, (3, 2, 1.0), (10, vec![0])).expect("some");
        let matrix = Matrix::of(&vocabulary, &|row| texts[row].clone(), 200);
        let labels: Vec<f64> = (0..200).map(|row| f64::from(is_positive(row))).collect();
        let start = vec![0.0; vocabulary.ngrams.len() + 1];
        let found = fit(&matrix.whole(), &labels, (1e-3, 1e-8), &start);
        let scores = matrix.whole().scores(&found.weights);
        (
            NgramModel::new(&vocabulary, &found.weights),
            matrix,
            scores,
            texts,
        )
    }

    #[test]
    fn it_says_of_a_text_what_the_fit_said() {
        let (model, _, scores, texts) = fitted();
        for (text, score) in texts.iter().zip(&scores) {
            assert!((model.difference(text) - score).abs() < 1e-4, "{text:?}");
        }
        assert!(model.difference(&[2, 5, 3]) > 1.0 && model.difference(&[4, 5, 9]) < -1.0);
        // Nothing it knows: the bias alone.
        assert_eq!(model.difference(&[0, 9]), f64::from(model.bias));
    }

    #[test]
    fn contributions_add_up_and_blame_the_right_words() {
        let (model, _, _, texts) = fitted();
        for text in &texts {
            let sum: f64 = model.contributions(text).iter().sum();
            let difference = model.difference(text) - f64::from(model.bias);
            assert!(
                (sum - difference).abs() < 1e-5,
                "{text:?}: {sum} {difference}"
            );
        }
        assert!(model.contributions(&[4, 5, 2])[0] < 0.0);
        let [against, _] = model.strongest(3);
        assert!(
            against.iter().any(|(words, _)| words.contains(&4)),
            "{against:?}"
        );
    }

    #[test]
    fn a_model_comes_back_from_its_file_and_a_damaged_file_is_refused() {
        let (model, _, _, texts) = fitted();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.safetensors");
        model.save(&path).expect("the disk is willing");
        let back = NgramModel::load(&path).expect("it is whole");
        for text in &texts {
            assert_eq!(back.difference(text), model.difference(text));
        }
        let whole = fs::read(&path).expect("it is there");
        for length in [0, 7, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).expect("written");
            let error = NgramModel::load(&path)
                .expect_err("it is cut off")
                .to_string();
            assert!(error.contains("is not a linear model"), "{error}");
        }
        // No byte makes it panic or hang.
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 0xFF;
            fs::write(&path, &bytes).expect("written");
            if let Ok(model) = NgramModel::load(&path) {
                assert!(model.difference(&texts[0]).is_finite());
            }
        }
    }
}
