//! Masked language modelling (Devlin et al. 2019): encoders are pretrained with it, and adaptation continues it on the
//! user's reviews.

use std::path::Path;

use tch::{Device, Tensor};

use crate::dense::Dense;
use crate::encoder::Encoder;
use crate::parameters::{ParameterId, ParameterLayout, Parameters, as_slice};
use crate::tensor_file::{tensor_view, tensor_views, write_tensors};
use crate::{
    Batch, CounterRng, ForwardContext, InputFormat, Loss, Mode, PreparedBatch, Result, Transfer,
    init,
};

/// Dropout in training, as in the pretraining of the encoders.
const DROPOUT: f64 = 0.1;

/// An encoder with the head that predicts masked tokens. The output layer is the transposed word table, as in all of
/// these encoders.
#[derive(Debug)]
pub struct MaskedLanguageModel {
    encoder: Encoder,
    layout: ParameterLayout,
    words: ParameterId,
    transform: Dense,
    norm: Dense,
    bias: ParameterId,
    /// BERT's pooler, which is saved unchanged.
    pooler: Option<[Vec<f32>; 2]>,
    /// Number of the encoder's parameters in the layout; those of the head follow.
    encoder_parameters: usize,
}

impl MaskedLanguageModel {
    /// Loads an encoder from its Hugging Face folder. The head is new, because encoders are published without it.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub fn load(folder: &Path, seed: u64) -> Result<Self> {
        let config = Encoder::read_config(folder)?;
        let (size, width) = (config.vocabulary_size, config.width);
        let mut layout = ParameterLayout::default();
        let table = Encoder::read_word_table(folder, &config)?;
        let name = Encoder::word_table_name(config.family);
        let words = layout.add(&name, &[size, width], false, &table);
        let loaded = Encoder::load(folder, &mut layout)?;
        let encoder_parameters = layout.specs().len();
        let rng = CounterRng::new(seed).child(0);
        let random = init::normal(rng, (width * width) as usize, 0.02);
        let ones = vec![1.0; width as usize];
        let transform = Dense::new("transform", &[width, width], &random, None, &mut layout);
        let norm = Dense::new("transform.norm", &[width], &ones, None, &mut layout);
        let bias = layout.add("output.bias", &[size], false, &vec![0.0; size as usize]);
        Ok(Self {
            encoder: loaded.encoder,
            pooler: loaded.pooler,
            layout,
            words,
            transform,
            norm,
            bias,
            encoder_parameters,
        })
    }

    /// The parameters.
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// The cross-entropy of the masked tokens of a part.
    pub fn loss(&self, part: &MaskedPart, parameters: &Parameters, mode: Mode) -> Loss {
        let (batch, indices, truth) = part.open();
        let (width, epsilon) = (self.encoder.config().width, self.encoder.config().epsilon);
        let words = parameters.get(self.words);
        // `embedding` adds up gradients in f32, unlike `index_select`. In bf16, the sum over thousands of masked and
        // padding tokens of one row would be inexact.
        let vectors = Tensor::embedding(words, &batch.ids, -1, false, false);
        let context = ForwardContext::new(&batch, parameters, mode);
        let mut states = self.encoder.states(&vectors, context, DROPOUT);
        let states = states.pop().expect("the state after the last layer");
        let states = states.transpose(0, 1).reshape([-1, width]);
        let states = states.index_select(0, &indices);
        let [scale, shift] = self.norm.tensors(parameters);
        let states = self.transform.apply(&states, parameters).gelu("none");
        let states = states.layer_norm([width], Some(scale), Some(shift), epsilon, true);
        let logits = states.linear(words, Some(parameters.get(self.bias)));
        Loss::of(&logits, &truth, 0.0)
    }

    /// Writes the encoder's `model.safetensors`, without the head, from a flat buffer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_encoder(&self, folder: &Path, flat: &Tensor) -> Result<()> {
        let flat = flat.to_device(Device::Cpu);
        let flat = as_slice(&flat);
        let specs = &self.layout.specs()[..self.encoder_parameters];
        let mut tensors = tensor_views(specs, flat);
        if let Some([weight, bias]) = &self.pooler {
            let name = |part: &str| format!("bert.pooler.dense.{part}");
            let width = bias.len();
            tensors.push((name("weight"), tensor_view(vec![width, width], weight)));
            tensors.push((name("bias"), tensor_view(vec![width], bias)));
        }
        write_tensors(&folder.join("model.safetensors"), tensors, None)?;
        Ok(())
    }
}

/// A row with masked tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedRow {
    /// The ids as the model reads them.
    pub ids: Vec<i64>,
    /// Positions and true ids of the masked tokens.
    pub truth: Vec<(usize, i64)>,
}

/// Masks a share of a row's tokens, except the first and the last, which the tokenizer adds. Of the masked tokens 80%
/// are replaced by the mask token and 10% by a random token of a vocabulary of this size, and 10% stay, so that the
/// model does not rely on the mask token (Devlin et al. 2019, section 3.1).
pub fn mask_tokens(ids: &[u32], share: f64, mask: u32, size: u32, rng: CounterRng) -> MaskedRow {
    let mut row = MaskedRow {
        ids: ids.iter().map(|id| i64::from(*id)).collect(),
        truth: Vec::new(),
    };
    for (position, id) in ids.iter().enumerate() {
        let numbers = rng.child(position as u64);
        if position == 0 || position + 1 == ids.len() || numbers.uniform(0) >= share {
            continue;
        }
        row.truth.push((position, i64::from(*id)));
        row.ids[position] = match numbers.uniform(1) {
            chance if chance < 0.8 => i64::from(mask),
            chance if chance < 0.9 => {
                let word = numbers.uniform(2) * f64::from(size);
                (word as i64).min(i64::from(size) - 1)
            }
            _ => continue,
        };
    }
    row
}

/// Rows with masked tokens, prepared for a device.
#[derive(Debug)]
pub struct MaskedPart {
    batch: PreparedBatch,
    /// `[2, M]` i64: the indices of masked tokens in `[T * B]`, and their true ids.
    masked: Tensor,
}

impl MaskedPart {
    /// Prepares rows in CPU memory; `None` if none of their tokens is masked.
    pub fn new(rows: &[MaskedRow], pad_id: u32) -> Option<Self> {
        let count = rows.len();
        let (mut indices, mut truth) = (Vec::new(), Vec::new());
        for (column, row) in rows.iter().enumerate() {
            for (position, id) in &row.truth {
                indices.push((position * count + column) as i64);
                truth.push(*id);
            }
        }
        if truth.is_empty() {
            return None;
        }
        let texts: Vec<&[i64]> = rows.iter().map(|row| row.ids.as_slice()).collect();
        let format = InputFormat::default();
        Some(Self {
            batch: PreparedBatch::read(&texts, &vec![0; count], pad_id, format),
            masked: Tensor::from_slice(&[indices, truth].concat()).view([2, -1]),
        })
    }

    /// Number of masked tokens.
    pub fn masked(&self) -> u64 {
        self.masked.size()[1].unsigned_abs()
    }

    /// Number of tokens, padding included.
    pub fn padded_tokens(&self) -> u64 {
        self.batch.padded_tokens()
    }

    fn open(&self) -> (Batch, Tensor, Tensor) {
        (self.batch.open(), self.masked.get(0), self.masked.get(1))
    }
}

impl Transfer for MaskedPart {
    fn pin(self, device: Device) -> Self {
        let (batch, masked) = (self.batch.pin(device), self.masked.pin(device));
        Self { batch, masked }
    }

    fn transfer(&self, device: Device) -> Self {
        let batch = self.batch.transfer(device);
        let masked = self.masked.transfer(device);
        Self { batch, masked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_masked_and_the_true_ids_are_known() {
        let ids: Vec<u32> = (0..10_000).map(|index| 5 + index % 90).collect();
        let hidden = mask_tokens(&ids, 0.15, 1, 100, CounterRng::new(3));
        let share = hidden.truth.len() as f64 / ids.len() as f64;
        assert!((share - 0.15).abs() < 0.01, "{share}");
        let masked = hidden.ids.iter().filter(|id| **id == 1).count() as f64;
        assert!(
            (masked / hidden.truth.len() as f64 - 0.8).abs() < 0.03,
            "{masked}"
        );
        let mut restored = hidden.ids.clone();
        for (position, id) in &hidden.truth {
            restored[*position] = *id;
        }
        assert_eq!(
            restored,
            ids.iter().map(|id| i64::from(*id)).collect::<Vec<_>>()
        );
        assert_eq!(
            (hidden.ids[0], hidden.ids[9_999]),
            (5, i64::from(ids[9_999]))
        );
        assert_eq!(hidden, mask_tokens(&ids, 0.15, 1, 100, CounterRng::new(3)));
        assert_ne!(hidden, mask_tokens(&ids, 0.15, 1, 100, CounterRng::new(4)));
    }

    #[test]
    fn indices_are_those_of_the_batch() {
        let row = |ids: &[i64], truth: &[(usize, i64)]| MaskedRow {
            ids: ids.to_vec(),
            truth: truth.to_vec(),
        };
        let rows = [
            row(&[2, 1, 3], &[(1, 7)]),
            row(&[2, 9, 1, 8, 3], &[(2, 4), (3, 8)]),
        ];
        let part = MaskedPart::new(&rows, 0).expect("tokens are masked");
        assert_eq!((part.masked(), part.padded_tokens()), (3, 10));
        let (batch, indices, truth) = part.open();
        let numbers = |tensor: Tensor| Vec::<i64>::try_from(tensor).expect("numbers");
        let read = batch.ids.view([-1]).index_select(0, &indices);
        assert_eq!(numbers(read), [1, 1, 8]);
        assert_eq!(numbers(truth), [7, 4, 8]);
        assert!(MaskedPart::new(&[row(&[2, 3], &[])], 0).is_none());
    }
}
