//! Masked language modelling as a task of the training loop.

use std::ops::Range;

use classifier::{
    ActivationWeights, ClassifierError, ComputePath, CounterRng, IdRows, Loss, MaskedLanguageModel,
    MaskedPart, MaskedRow, MemoryLimit, Mode, ParameterLayout, Parameters, TokenContract,
    TokenRows, Transfer, mask_tokens,
};
use settings::AdaptationSettings;
use tch::{Device, no_grad};
use training::Task;

use crate::learned::Corpus;

/// Maximum number of validation rows for measuring the model. It does not learn from them.
const MAX_VALIDATION_ROWS: usize = 512;

/// Rows in a validation batch.
const BATCH_ROWS: usize = 32;

/// An encoder with the texts that it learns from.
pub(super) struct MaskedTask<'a> {
    pub(super) model: &'a MaskedLanguageModel,
    pub(super) corpus: &'a Corpus,
    pub(super) settings: &'a AdaptationSettings,
    pub(super) contract: &'a TokenContract,
    /// The id of the mask token.
    pub(super) mask: u32,
}

/// How well masked tokens are predicted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    /// Sum of the losses, in nats.
    loss: f64,
    correct: u64,
    pub(super) masked: u64,
}

impl Score {
    /// Share of masked tokens predicted correctly.
    pub(super) fn accuracy(self) -> f64 {
        self.correct as f64 / self.masked.max(1) as f64
    }

    /// Mean loss of a masked token, in nats.
    pub(super) fn mean_loss(self) -> f64 {
        self.loss / self.masked.max(1) as f64
    }
}

impl MaskedTask<'_> {
    fn mask_tokens(&self, ids: &[u32], stream: CounterRng) -> MaskedRow {
        let size = self.contract.vocabulary_size;
        mask_tokens(ids, self.settings.mask_probability, self.mask, size, stream)
    }

    /// Measures how well the model predicts masked tokens of the first validation rows; the same tokens are masked every
    /// time.
    ///
    /// # Errors
    /// libtorch fails, or the memory is too small for a single row.
    pub(super) fn measure(
        &self,
        weights: &ActivationWeights,
        rows: &TokenRows,
        device: Device,
    ) -> Result<Score, ClassifierError> {
        let stream = CounterRng::new(0);
        let hidden = |row| self.mask_tokens(&rows.ids(row), stream.child(row as u64));
        let count = rows.len().min(MAX_VALIDATION_ROWS);
        let hidden: Vec<MaskedRow> = (0..count).map(hidden).collect();
        let parameters = weights.parameters(self.layout());
        let memory = MemoryLimit::default();
        let mut score = Score::default();
        for rows in hidden.chunks(BATCH_ROWS) {
            let longest =
                |rows: &[MaskedRow]| rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
            let tokens = |rows: &[MaskedRow]| rows.len() * longest(rows);
            let parts = memory.compute_in_parts(rows, tokens, |rows| {
                ClassifierError::catch("predict masked tokens", || {
                    let Some(part) = MaskedPart::new(rows, self.contract.pad_id) else {
                        return Ok(Score::default());
                    };
                    let part = part.transfer(device);
                    let mode = Mode::Evaluate;
                    let loss = no_grad(|| self.model.loss(&part, &parameters, mode));
                    Ok(Score {
                        loss: loss.sum.double_value(&[]),
                        correct: u64::try_from(loss.correct.int64_value(&[])).unwrap_or(0),
                        masked: part.masked(),
                    })
                })
            })?;
            for part in parts {
                score.loss += part.loss;
                score.correct += part.correct;
                score.masked += part.masked;
            }
        }
        Ok(score)
    }
}

impl Task for MaskedTask<'_> {
    type Batch = Vec<MaskedRow>;
    type Part = MaskedPart;

    fn layout(&self) -> &ParameterLayout {
        self.model.layout()
    }

    fn rows(&self) -> usize {
        self.corpus.texts()
    }

    fn length(&self, row: usize) -> usize {
        self.corpus.text(row).len()
    }

    fn row_id(&self, row: usize) -> u64 {
        row as u64
    }

    fn draw_batch(&self, rows: &[usize], stream: CounterRng) -> Vec<MaskedRow> {
        let mask_tokens = |(number, row): (usize, &usize)| {
            let stream = stream.child(1 << 32).child(number as u64);
            self.mask_tokens(self.corpus.text(*row), stream)
        };
        rows.iter().enumerate().map(mask_tokens).collect()
    }

    fn examples(&self, batch: &Vec<MaskedRow>) -> u64 {
        batch.iter().map(|row| row.truth.len() as u64).sum()
    }

    fn prepare_part(
        &self,
        batch: &Vec<MaskedRow>,
        rows: Range<usize>,
        _: CounterRng,
        _: ComputePath,
    ) -> Option<MaskedPart> {
        MaskedPart::new(&batch[rows], self.contract.pad_id)
    }

    fn loss(
        &self,
        part: &MaskedPart,
        _: &ActivationWeights,
        parameters: &Parameters,
        mode: Mode,
    ) -> Loss {
        self.model.loss(part, parameters, mode)
    }
}
