//! Which models fit the reviews and the machine, and how long they take.

use artifact::format;

use crate::encoder::Encoder;
use crate::machine::Machine;

/// Training reviews: the share that the default split leaves after test (20%) and validation (10% of the rest).
const TRAIN_SHARE: f64 = 0.72;

/// Reviews below which networks without pretrained vectors are not trained: they would be worse than `linear`.
const MIN_FOR_NETWORKS: u64 = 1000;

/// Reviews below which an encoder is not fine-tuned.
const MIN_FOR_FINE_TUNING: u64 = 200;

/// Free memory that fine-tuning needs: this multiple of the weights for weights, gradient, moments and activations
/// (MiniLM has 87 MiB of weights, and its fine-tuning in the default pipeline used 2.4 GiB).
const MEMORY_PER_WEIGHT: u64 = 30;

/// A model of the pipeline file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelChoice {
    pub(crate) kind: &'static Kind,
    /// Estimated seconds, training and evaluation.
    pub(crate) seconds: f64,
    /// Why it is not active.
    pub(crate) inactive: Option<Inactive>,
}

/// Why a model is only a comment in the pipeline file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inactive {
    /// It would exceed the minutes.
    Slow,
    /// It needs this many labelled reviews.
    FewReviews(u64),
    /// It needs this many bytes of memory.
    Memory(u64),
}

impl ModelChoice {
    pub(crate) fn is_active(&self) -> bool {
        self.inactive.is_none()
    }

    /// Its time, or what it needs, for people.
    pub(crate) fn describe(&self) -> String {
        match self.inactive {
            None | Some(Inactive::Slow) => format!("about {}", format::seconds(self.seconds)),
            Some(Inactive::FewReviews(it)) => {
                format!("needs {} labelled reviews", format::count(it))
            }
            Some(Inactive::Memory(it)) => format!("needs {} of free memory", format::bytes(it)),
        }
    }
}

/// Seconds in which programs start.
const START: f64 = 0.3;

/// A kind of model with its cost.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// Lines of `[model.NAME]`.
    pub(crate) lines: &'static str,
    /// Whether it reads the pretrained encoder.
    pub(crate) is_pretrained: bool,
    /// Core-microseconds for each training review and epoch, and for each of its tokens.
    per_review: f64,
    per_token: f64,
    /// Number of epochs: about when early stopping ends training.
    epochs: f64,
    /// Core-microseconds for each token of all reviews: features, folds and evaluation.
    all_tokens: f64,
    /// Cores that it can use: a batch has a shard for each.
    cores: usize,
}

/// The models in the order in which they are chosen. Rates of 2 cores of an AMD EPYC without GPU, for a MiniLM encoder of
/// 6 layers and 384 components: a fit to 7,216 sentences of 22 tokens (default pipeline, quiet machine, wall time) and
/// 1,440 IMDB reviews at 64 and 256 tokens (processor time of `ressenti train --variant NAME`), 2026-11-29.
#[rustfmt::skip]
const KINDS: [Kind; 7] = [
    Kind {
        name: "linear", description: "logistic regression on word n-grams: the baseline for the networks",
        lines: "kind = \"linear\"\ntokenizer = \"words\"",
        is_pretrained: false, per_review: 40.0, per_token: 2.5, epochs: 1.0, all_tokens: 6.0, cores: usize::MAX,
    },
    Kind {
        name: "probe", description: "logistic regression on the states of the pretrained encoder",
        lines: "kind = \"probe\"\nembedding = \"states\"",
        is_pretrained: true, per_review: 2800.0, per_token: 0.0, epochs: 1.0, all_tokens: 200.0, cores: usize::MAX,
    },
    Kind {
        name: "naive", description: "mean of the word vectors and one hidden layer; ignores word order",
        lines: "kind = \"naive\"\nembedding = \"random\"\nhidden = 64\nword_dropout = 0.2",
        is_pretrained: false, per_review: 80.0, per_token: 0.8, epochs: 6.0, all_tokens: 1.0, cores: 2,
    },
    Kind {
        name: "lstm", description: "long short-term memory, in both directions",
        lines: "kind = \"lstm\"\nembedding = \"random\"\nhidden = 64\nbidirectional = true\npooling = \"attention\"",
        is_pretrained: false, per_review: 230.0, per_token: 10.5, epochs: 5.0, all_tokens: 4.0, cores: 2,
    },
    Kind {
        name: "cnn", description: "convolutions over 3, 4 and 5 words",
        lines: "kind = \"cnn\"\nembedding = \"random\"",
        is_pretrained: false, per_review: 280.0, per_token: 16.5, epochs: 5.0, all_tokens: 4.0, cores: 2,
    },
    Kind {
        name: "gru", description: "gated recurrent unit, in both directions",
        lines: "kind = \"gru\"\nembedding = \"random\"\nhidden = 64\nbidirectional = true\npooling = \"max\"",
        is_pretrained: false, per_review: 550.0, per_token: 23.0, epochs: 5.0, all_tokens: 4.0, cores: 2,
    },
    Kind {
        name: "transfer", description: "fine-tuning of the pretrained encoder",
        lines: "kind = \"transformer\"\nembedding = \"encoder\"\n\
                training = { epochs = 2, batch_size = 16, learning_rate = 5e-5, warm_up = 0.1 }",
        is_pretrained: true, per_review: 7000.0, per_token: 480.0, epochs: 2.0, all_tokens: 40.0, cores: 2,
    },
];

/// The size of the data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataSize {
    /// Labelled reviews.
    pub(crate) reviews: u64,
    /// Mean tokens of a review, after truncation.
    pub(crate) words: f64,
    /// Mean tokens of a review for the encoder, after truncation.
    pub(crate) pieces: f64,
}

/// All models that the machine could train, with those active that fit into the minutes together. Models without an
/// encoder are always there, those with one only if there is one.
pub(crate) fn choose(
    size: DataSize,
    encoder: Option<&Encoder>,
    machine: Machine,
    minutes: f64,
) -> Vec<ModelChoice> {
    let mut left = 60.0 * minutes;
    let is_possible = |kind: &&Kind| encoder.is_some() || !kind.is_pretrained;
    let kinds = KINDS.iter().filter(is_possible);
    let choices = kinds.map(|kind| {
        let seconds = kind.seconds(size, machine.cores);
        let memory = encoder.map_or(0, |encoder| MEMORY_PER_WEIGHT * encoder.weights);
        let needed = match kind.name {
            "linear" | "probe" => 0,
            "transfer" => MIN_FOR_FINE_TUNING,
            _ => MIN_FOR_NETWORKS,
        };
        let lacks_memory =
            kind.name == "transfer" && machine.free_memory.is_some_and(|free| free < memory);
        let inactive = if size.reviews < needed {
            Some(Inactive::FewReviews(needed))
        } else if lacks_memory {
            Some(Inactive::Memory(memory))
        } else if seconds > left && kind.name != "linear" {
            Some(Inactive::Slow)
        } else {
            left -= seconds;
            None
        };
        ModelChoice {
            kind,
            seconds,
            inactive,
        }
    });
    choices.collect()
}

impl Kind {
    fn seconds(&self, size: DataSize, cores: usize) -> f64 {
        let tokens = match self.is_pretrained {
            true => size.pieces,
            false => size.words,
        };
        let trained = TRAIN_SHARE * self.epochs * (self.per_review + self.per_token * tokens);
        let microseconds = size.reviews as f64 * (trained + self.all_tokens * tokens);
        START + microseconds / 1e6 / cores.min(self.cores) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cores: usize) -> Machine {
        Machine {
            cores,
            free_memory: None,
            has_gpu: false,
        }
    }

    fn active(reviews: u64, words: f64, minutes: f64) -> String {
        let size = DataSize {
            reviews,
            words,
            pieces: words,
        };
        let models = choose(size, None, machine(2), minutes);
        let active = models.iter().filter(|model| model.inactive.is_none());
        let names = active.map(|model| model.kind.name);
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn models_fit_the_number_and_length_of_the_reviews() {
        assert_eq!(active(300, 20.0, 1.0), "linear");
        assert_eq!(active(8000, 20.0, 1.0), "linear naive lstm cnn gru");
        assert_eq!(active(50_000, 230.0, 1.0), "linear");
        assert_eq!(active(50_000, 230.0, 60.0), "linear naive lstm cnn gru");
        // `linear` is always there.
        assert_eq!(active(10_000_000, 230.0, 1.0), "linear");
    }

    /// Measured on 2 quiet cores: the default pipeline, see `experiments/2026-11-29-plain-language.md`.
    #[test]
    fn estimates_are_within_a_factor_of_two_of_measured_times() {
        let size = DataSize {
            reviews: 10_041,
            words: 22.0,
            pieces: 27.0,
        };
        let measured = [
            ("linear", 0.7),
            ("probe", 40.0),
            ("naive", 2.3),
            ("cnn", 9.4),
            ("lstm", 7.1),
            ("gru", 15.0),
            ("transfer", 165.0),
        ];
        for (name, seconds) in measured {
            let kind = KINDS.iter().find(|kind| kind.name == name).expect("a kind");
            let estimate = kind.seconds(size, 2);
            assert!(
                (0.5..2.0).contains(&(estimate / seconds)),
                "{name}: {estimate} s instead of {seconds} s"
            );
        }
    }

    #[test]
    fn more_cores_make_linear_models_faster_and_small_batches_not() {
        let size = DataSize {
            reviews: 10_000,
            words: 50.0,
            pieces: 60.0,
        };
        let ratio = |kind: &Kind| (kind.seconds(size, 2) - START) / (kind.seconds(size, 8) - START);
        assert_eq!(
            KINDS.each_ref().map(|kind| ratio(kind).round()),
            [4.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        );
    }
}
