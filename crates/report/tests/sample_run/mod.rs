//! The data of a report like that of a real run: five models, some of them with similar accuracy.

mod inputs;

use artifact::files::RangeTestStep;
use indexmap::IndexMap;
use metrics::{
    CalibrationFile, ProbabilityFigures, ScoredRows, ValidationResult, compare_all,
    compute_figures, confusion_matrix, reliability, roc_curve, wilson_interval,
};
use report::collect::{decisions, thin_roc_curve};
use report::data::{
    ChallengeData, ChallengeExample, ChallengeResult, Disagreement, Epoch, InputLengthData,
    ModelData, RangeTestData, RepeatsData, ReportData, SliceData, SubsetAccuracy, SweepData,
    SweepPoint, TrialData, WordWeight,
};

/// Text that would run a script if the page did not escape it.
pub(crate) const HARMFUL: &str =
    "</title><script>alert('x')</script><img src=x onerror=\"alert(1)\">&amp;\u{0}";

/// Reproducible pseudo-random numbers from 0 to 1.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An approximately normal number.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// The data of a run with this many test reviews.
pub(crate) fn run(rows: usize) -> ReportData {
    let mut rng = Rng(7);
    let labels: Vec<u8> = (0..rows).map(|row| (row % 2) as u8).collect();
    let difficulty: Vec<f64> = (0..rows).map(|_| rng.normal()).collect();
    let specifications = [
        ("naive", "naive, 128 hidden units", 1.21, 2_011_009, 41.0),
        (
            "rnn",
            "rnn, 128 states, last pooling",
            1.17,
            2_029_441,
            182.0,
        ),
        (
            "lstm",
            "lstm, 128 states, bidirectional, max pooling",
            1.36,
            2_237_058,
            660.0,
        ),
        (
            "gru",
            "gru, 128 states, bidirectional, max pooling",
            1.34,
            2_178_690,
            540.0,
        ),
        ("cnn", "cnn, 100 filters per width", 1.25, 2_120_802, 205.0),
    ];
    let mut models = Vec::new();
    let mut predictions = Vec::new();
    for (index, (name, architecture, skill, parameters, seconds)) in
        specifications.into_iter().enumerate()
    {
        let probabilities: Vec<f32> = labels
            .iter()
            .zip(&difficulty)
            .map(|(&label, hard)| {
                let side = if label == 1 { 1.0 } else { -1.0 };
                let logit = 2.4 * (side * skill + 0.9 * hard + 0.45 * rng.normal());
                (1.0 / (1.0 + (-logit).exp())) as f32
            })
            .collect();
        let tally = ScoredRows::new(&labels, &probabilities).expect("the rows are fine");
        models.push(ModelData {
            name: name.to_owned(),
            architecture: architecture.to_owned(),
            figures: compute_figures(&tally, 300, 0.95, 1).expect("there are samples"),
            confusion: confusion_matrix(&tally),
            classes: decisions::classes(&labels, &probabilities, 0.95),
            validation: Some(ValidationResult {
                rows: 2488,
                loss: 1.0 - 0.5 * skill,
                accuracy: 0.65 * skill,
            }),
            abstention: decisions::abstention(&labels, &probabilities, 0.95),
            abstain: Some(0.9),
            coverage_curve: decisions::coverage_curve(&labels, &probabilities, 0.95),
            reliability: reliability(&tally, 10),
            roc: thin_roc_curve(&roc_curve(&tally).unwrap_or_default()),
            epochs: epochs(index, &mut rng),
            best_epoch: Some(4 + (index as u32 % 3)),
            parameters: Some(parameters),
            seconds,
            total_seconds: seconds,
            prediction_speed: Some(180_000.0 / seconds),
            bytes: Some(4 * parameters),
            members: Vec::new(),
            member_shares: Vec::new(),
            calibration: Some(calibration(&tally, &labels, &probabilities)),
            reviews_per_second: Some(22_500.0 * 8.0 / seconds),
            peak_memory: 900_000_000 + 40_000_000 * index as u64,
        });
        predictions.push((name, probabilities));
    }
    let judges: Vec<(&str, &[f32])> = predictions
        .iter()
        .map(|(name, values)| (*name, values.as_slice()))
        .collect();
    let input_lengths = models.iter().map(|model| InputLengthData {
        model: model.name.clone(),
        part: "the first 400 tokens".to_owned(),
        tokenizer: "words".to_owned(),
        longest_input: None,
        truncated: Some(0.18),
        on_truncated: subset(650, 720),
        on_whole: subset(3000, 3280),
        tokens: Some(212.4),
        encoding: None,
        training: model.seconds,
    });
    ReportData {
        title: "IMDB 50,000".to_owned(),
        input_lengths: input_lengths.collect(),
        rows: rows as u64,
        confidence: 0.95,
        classes: IndexMap::new(),
        warnings: Vec::new(),
        best: Some("lstm".to_owned()),
        models,
        comparisons: compare_all(&labels, &judges, 0.95).expect("the rows are fine"),
        repeats: vec![RepeatsData {
            model: "gru".to_owned(),
            seconds: 1620.0,
            accuracies: vec![0.91, 0.905, 0.913],
        }],
        challenge: challenge(),
        slices: vec![
            SliceData {
                name: "with a contrast".to_owned(),
                rows: 400,
                correct: vec![300, 310, 320, 330, 340],
            },
            SliceData {
                name: "without a contrast".to_owned(),
                rows: 600,
                correct: vec![560, 565, 570, 575, 580],
            },
        ],
        confident_errors: vec![disagreement()],
        explained_by: Some("gru".to_owned()),
        likely_label_errors: (17, vec![disagreement(), disagreement()]),
        label_error_rows: vec![disagreement(); 17],
        sweeps: vec![sweep()],
        range_tests: vec![range_test()],
        reviews: inputs::reviews(rows as u64),
        tokenizers: vec![inputs::tokenizer()],
        embeddings: inputs::embeddings(),
        steps: inputs::steps(),
    }
}

fn subset(correct: u64, rows: u64) -> SubsetAccuracy {
    SubsetAccuracy {
        rows,
        accuracy: wilson_interval(correct, rows, 0.95),
    }
}

fn range_test() -> RangeTestData {
    let point = |step: i32| {
        let rate = 10_f64.powf(-6.0 + 6.0 * f64::from(step) / 200.0);
        let smoothed_loss = 0.7 - 0.4 / (1.0 + (0.003 / rate).powi(2)) + 3.0 * rate.powi(2);
        RangeTestStep {
            step: step as u32,
            learning_rate: rate,
            loss: smoothed_loss + 0.05 * f64::from((step * 7).rem_euclid(11) - 5) / 5.0,
            smoothed_loss,
        }
    };
    RangeTestData {
        name: "lstm_rates".to_owned(),
        suggested: Some(1.7e-3),
        diverged: Some(0.6),
        points: (0..200).map(point).collect(),
    }
}

/// Calibration of a model that was overconfident before.
fn calibration(after: &ScoredRows, labels: &[u8], probabilities: &[f32]) -> CalibrationFile {
    let sharpened = |&probability: &f32| {
        let odds = (probability / (1.0 - probability)).powi(2);
        odds / (1.0 + odds)
    };
    let before: Vec<f32> = probabilities.iter().map(sharpened).collect();
    let before = ScoredRows::new(labels, &before).expect("the rows are fine");
    CalibrationFile {
        method: "logits divided by 2.000".to_owned(),
        rows: labels.len() as u64,
        before: ProbabilityFigures::of(&before).expect("there are rows"),
        after: ProbabilityFigures::of(after).expect("there are rows"),
    }
}

fn disagreement() -> Disagreement {
    let word = |bytes, weight: f64| WordWeight {
        bytes,
        weight,
        strength: weight / 2.0,
    };
    Disagreement {
        row_id: 7,
        text: format!("Just brilliant, said nobody. {HARMFUL}"),
        words: vec![word(0..4, -0.3), word(5..15, 2.0), word(21..28, -0.8)],
        label: "negative".to_owned(),
        prediction: "positive".to_owned(),
        confidence: 0.998,
        probability: 0.998,
        others_correct: 1,
    }
}

fn challenge() -> ChallengeData {
    let model = |(name, failed): (&str, u64)| ChallengeResult {
        name: name.to_owned(),
        failed: vec![failed + 9, failed, 9],
        seen: 2,
        unseen: (58, failed + 8),
        examples: vec![ChallengeExample {
            capability: "double_negation".to_owned(),
            text: format!("It is not without charm. {HARMFUL}"),
            label: "positive".to_owned(),
            probability: 0.12,
        }],
    };
    ChallengeData {
        capabilities: vec![
            ("all".to_owned(), 60),
            ("double_negation".to_owned(), 24),
            ("sarcasm".to_owned(), 36),
        ],
        models: [("naive", 14), ("lstm", 11)].map(model).to_vec(),
    }
}

/// Four learning rates with two seeds each; the third rate is best.
fn sweep() -> SweepData {
    let rates = [1e-4, 1e-3, 1e-2, 1e-1];
    let losses = [0.6, 0.4, 0.3, 0.65];
    let points = rates.iter().zip(losses).map(|(rate, loss)| SweepPoint {
        values: vec![rate.to_string()],
        numbers: vec![Some(*rate)],
        trials: [0.0, 0.02]
            .map(|luck| TrialData {
                name: format!("rate-{rate}"),
                loss: loss + luck,
                accuracy: 1.0 - loss / 2.0 - luck,
                epochs: (1..=4)
                    .map(|epoch| Epoch {
                        epoch,
                        validation_loss: Some(loss + luck + 0.3 / f64::from(epoch)),
                        ..Epoch::default()
                    })
                    .collect(),
                seconds: 12.0,
                stopped_after: None,
            })
            .to_vec(),
    });
    SweepData {
        name: "learning_rate".to_owned(),
        over: vec!["training.learning_rate".to_owned()],
        rows: 2500,
        points: points.collect(),
    }
}

fn epochs(index: usize, rng: &mut Rng) -> Vec<Epoch> {
    let speed = [0.55, 0.35, 0.75, 0.7, 0.9][index];
    (1..=8)
        .map(|epoch| {
            let time = f64::from(epoch) * speed;
            let train = 0.69 * (-0.5 * time).exp() + 0.05;
            let validation = 0.69 * (-0.55 * time).exp() + 0.2 + 0.018 * time + 0.01 * rng.next();
            Epoch {
                epoch,
                train_loss: Some(train),
                train_accuracy: Some(1.0 - 0.55 * train),
                validation_loss: Some(validation),
                validation_accuracy: Some(1.02 - 0.5 * validation),
                ..Epoch::default()
            }
        })
        .collect()
}
