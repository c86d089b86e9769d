//! A made-up run with the proportions of a real one: five models, some alike, some not.

use artifact::files::RangeTestStep;
use artifact::{Sentiment, Split};
use metrics::{
    CalibrationFile, ProbabilityFigures, ScoredRows, compare_all, compute_figures,
    confusion_matrix, reliability, roc_curve,
};
use report::collect::thinned;
use report::data::{
    AuditLine, ChallengeData, ChallengedModel, ClassWords, EmbeddingData, Epoch, Example, LeftOut,
    LengthBin, MarkedWord, Mistake, ModelData, RangeTestData, ReadingData, RepeatsData, ReportData,
    ReviewsData, SliceData, SplitCount, Step, SweepData, SweepPoint, TellingWord, TokenizedSplit,
    TokenizerData, TrialData, TrickExample,
};

/// Text that would do harm if it reached the page unescaped.
pub(crate) const HARMFUL: &str =
    "</title><script>alert('x')</script><img src=x onerror=\"alert(1)\">&amp;\u{0}";

/// Numbers from 0 to 1 that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// The run, on this many test reviews.
pub(crate) fn run(rows: usize) -> ReportData {
    let mut numbers = Numbers(7);
    let labels: Vec<u8> = (0..rows).map(|row| (row % 2) as u8).collect();
    let difficulty: Vec<f64> = (0..rows).map(|_| numbers.normal()).collect();
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
            "lstm, 128 states, two directions, max pooling",
            1.36,
            2_237_058,
            660.0,
        ),
        (
            "gru",
            "gru, 128 states, two directions, max pooling",
            1.34,
            2_178_690,
            540.0,
        ),
        ("cnn", "cnn, 100 filters per width", 1.25, 2_120_802, 205.0),
    ];
    let mut models = Vec::new();
    let mut predictions = Vec::new();
    for (place, (name, architecture, skill, parameters, seconds)) in
        specifications.into_iter().enumerate()
    {
        let probabilities: Vec<f32> = labels
            .iter()
            .zip(&difficulty)
            .map(|(&label, hard)| {
                let side = if label == 1 { 1.0 } else { -1.0 };
                let logit = 2.4 * (side * skill + 0.9 * hard + 0.45 * numbers.normal());
                (1.0 / (1.0 + (-logit).exp())) as f32
            })
            .collect();
        let tally = ScoredRows::new(&labels, &probabilities).expect("the rows are fine");
        models.push(ModelData {
            name: name.to_owned(),
            architecture: architecture.to_owned(),
            figures: compute_figures(&tally, 300, 0.95, 1).expect("there are samples"),
            confusion: confusion_matrix(&tally),
            reliability: reliability(&tally, 10),
            roc: thinned(&roc_curve(&tally).unwrap_or_default()),
            epochs: epochs(place, &mut numbers),
            best_epoch: Some(4 + (place as u32 % 3)),
            parameters: Some(parameters),
            seconds,
            total_seconds: seconds,
            prediction_speed: Some(180_000.0 / seconds),
            bytes: Some(4 * parameters),
            members: Vec::new(),
            calibration: Some(calibration(&tally, &labels, &probabilities)),
            reviews_per_second: Some(22_500.0 * 8.0 / seconds),
            peak_memory: 900_000_000 + 40_000_000 * place as u64,
        });
        predictions.push((name, probabilities));
    }
    let judges: Vec<(&str, &[f32])> = predictions
        .iter()
        .map(|(name, values)| (*name, values.as_slice()))
        .collect();
    let readings = models.iter().map(|model| ReadingData {
        model: model.name.clone(),
        way: "the first 400 tokens".to_owned(),
        cut: Some(0.18),
        tokens: Some(212.4),
        encoding: None,
        training: model.seconds,
    });
    ReportData {
        title: "IMDB 50,000".to_owned(),
        readings: readings.collect(),
        rows: rows as u64,
        confidence: 0.95,
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
                right: vec![300, 310, 320, 330, 340],
            },
            SliceData {
                name: "without a contrast".to_owned(),
                rows: 600,
                right: vec![560, 565, 570, 575, 580],
            },
        ],
        mistakes: vec![mistake()],
        explained_by: Some("gru".to_owned()),
        doubtful: (17, vec![mistake(), mistake()]),
        sweeps: vec![sweep()],
        range_tests: vec![range_test()],
        reviews: reviews(rows as u64),
        tokenizers: vec![tokenizer()],
        embeddings: embeddings(),
        steps: steps(),
    }
}

fn range_test() -> RangeTestData {
    let point = |step: i32| {
        let rate = 10_f64.powf(-6.0 + 6.0 * f64::from(step) / 200.0);
        let smoothed_loss = 0.7 - 0.4 / (1.0 + (0.003 / rate).powi(2)) + 3.0 * rate.powi(2);
        RangeTestStep {
            step: step as u32,
            learning_rate: rate,
            loss: smoothed_loss + 0.05 * f64::from(step * 7 % 11 - 5) / 5.0,
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

/// As if the model had been too sure of itself.
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

fn mistake() -> Mistake {
    let word = |place, weight: f64| MarkedWord {
        place,
        weight,
        strength: weight / 2.0,
    };
    Mistake {
        text: format!("Just brilliant, said nobody. {HARMFUL}"),
        words: vec![word(0..4, -0.3), word(5..15, 2.0), word(21..28, -0.8)],
        label: "negative".to_owned(),
        probability: 0.998,
        others_right: 1,
    }
}

fn challenge() -> ChallengeData {
    let model = |(name, failed): (&str, u64)| ChallengedModel {
        name: name.to_owned(),
        failed: vec![failed + 9, failed, 9],
        seen: 2,
        unseen: (58, failed + 8),
        examples: vec![TrickExample {
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

/// Four rates with two seeds each, of which the third is best.
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

fn epochs(place: usize, numbers: &mut Numbers) -> Vec<Epoch> {
    let speed = [0.55, 0.35, 0.75, 0.7, 0.9][place];
    (1..=8)
        .map(|epoch| {
            let time = f64::from(epoch) * speed;
            let train = 0.69 * (-0.5 * time).exp() + 0.05;
            let validation =
                0.69 * (-0.55 * time).exp() + 0.2 + 0.018 * time + 0.01 * numbers.next();
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

fn reviews(test: u64) -> ReviewsData {
    let word = |(word, score, negative, positive): (&str, f64, u64, u64)| TellingWord {
        word: word.to_owned(),
        score,
        occurrences: [negative, positive],
        reviews: [negative, positive],
    };
    let negative = [
        ("waste", 2.61, 1203, 94),
        ("worst", 2.48, 2177, 214),
        ("awful", 2.20, 1441, 166),
        ("poorly", 2.16, 583, 60),
        ("lame", 1.97, 611, 85),
        ("unwatchable-beyond-belief", 1.93, 88, 9),
        ("pointless", 1.90, 450, 67),
        ("boring", 1.52, 1310, 312),
    ];
    let positive = [
        ("superb", 1.71, 101, 560),
        ("wonderfully", 1.70, 74, 412),
        ("perfect", 1.32, 411, 1511),
        ("refreshing", 1.31, 60, 222),
        ("touching", 1.28, 140, 503),
        ("excellent", 1.26, 420, 1493),
        ("favorite", 1.20, 309, 1011),
        ("gem", 1.12, 90, 277),
    ];
    let bin = |(index, rows): (u32, u64)| LengthBin {
        from: 50 * index,
        to: (index < 15).then_some(50 * (index + 1)),
        rows,
    };
    let lengths = [
        640, 2710, 8650, 9320, 6800, 4890, 3610, 2720, 2060, 1610, 1250, 990, 760, 610, 480, 2480,
    ];
    ReviewsData {
        near_pairs: Vec::new(),
        accepted: 50_000,
        rejected: vec![
            LeftOut {
                kind: "rejected".to_owned(),
                reason: "the text is empty".to_owned(),
                rows: 3,
                examples: vec![Example { place: "train/pos/17_9.txt".to_owned(), excerpt: String::new() }],
            },
            LeftOut {
                kind: "set_aside".to_owned(),
                reason: "the rating is within the dead zone around 0".to_owned(),
                rows: 1204,
                examples: vec![
                    Example { place: "reviews.tsv, line 18".to_owned(), excerpt: HARMFUL.to_owned() },
                    Example { place: "reviews.tsv, line 90".to_owned(), excerpt: "Not as bad as they say, and not as good as it could be: two hours that go by and leave nothing behind, neither anger nor joy …".to_owned() },
                ],
            },
        ],
        removed: vec![LeftOut {
            kind: "removed".to_owned(),
            reason: "exact duplicate".to_owned(),
            rows: 418,
            examples: vec![Example { place: "test/neg/1821_4.txt".to_owned(), excerpt: "This show comes up with interesting locations as fast as the travel channel.".to_owned() }],
        }],
        splits: vec![
            SplitCount { split: Split::Train, negative: 11_174, positive: 11_203, unlabelled: 0 },
            SplitCount { split: Split::Validation, negative: 1_241, positive: 1_247, unlabelled: 0 },
            SplitCount { split: Split::Test, negative: test / 2, positive: test - test / 2, unlabelled: 0 },
            SplitCount { split: Split::Unlabelled, negative: 0, positive: 0, unlabelled: 4_300 },
        ],
        audit: vec![
            AuditLine { what: "Exact duplicates".to_owned(), count: 418, remark: "removed, the first one kept".to_owned() },
            AuditLine { what: "Test reviews that also stand in train".to_owned(), count: 123, remark: "removed from train".to_owned() },
            AuditLine { what: "Near-duplicates across splits".to_owned(), count: 0, remark: "none found".to_owned() },
        ],
        lengths: (0..).zip(lengths).map(bin).collect(),
        splitting: "the split into train and test is the source's own".to_owned(),
        words: vec![
            ClassWords { class: Sentiment::Negative, words: negative.map(word).to_vec() },
            ClassWords { class: Sentiment::Positive, words: positive.map(word).to_vec() },
        ],
    }
}

fn tokenizer() -> TokenizerData {
    let split = |split: &str, rows, truncated| TokenizedSplit {
        split: split.to_owned(),
        rows,
        truncated,
        tokens: rows * 233,
        unknown: rows * 4,
        median: Some(208),
    };
    TokenizerData {
        name: "words".to_owned(),
        kind: "word".to_owned(),
        vocabulary_size: 20_000,
        max_length: 400,
        splits: vec![
            split("train", 22_377, 3311),
            split("validation", 2_488, 367),
            split("test", 25_000, 3610),
        ],
    }
}

fn embeddings() -> Vec<EmbeddingData> {
    let missing = ["cgi-ridden", "uwe", "paulie", HARMFUL, "mst3k", "segal's"];
    vec![
        EmbeddingData {
            name: "glove".to_owned(),
            kind: "static".to_owned(),
            vocabulary_size: 20_000,
            width: 100,
            types: Some(0.974),
            tokens: Some(0.993),
            missing: missing.map(str::to_owned).to_vec(),
        },
        EmbeddingData {
            name: "random".to_owned(),
            kind: "random".to_owned(),
            vocabulary_size: 20_000,
            width: 64,
            ..EmbeddingData::default()
        },
    ]
}

fn steps() -> Vec<Step> {
    let settings = [
        ("kind", "lstm"),
        ("hidden", "128"),
        ("layers", "1"),
        ("bidirectional", "true"),
        ("pooling", "max"),
        ("dropout", "0.5"),
        ("embedding_dropout", "0.2"),
        ("training.epochs", "8"),
        ("training.batch_size", "64"),
        ("training.learning_rate", "0.001"),
        ("training.schedule", "linear"),
        ("seed", "20110619"),
    ];
    let step = |(stage, variant, seconds, summary): (&str, &str, f64, &str)| Step {
        stage: stage.to_owned(),
        variant: variant.to_owned(),
        summary: summary.to_owned(),
        key: "41ab09c2d7e1".to_owned(),
        identity: "9e01c7d24b55".to_owned(),
        stage_version: 2,
        settings: settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        sources: if stage == "ingest" {
            vec![("aclImdb_v1.tar.gz".to_owned(), "c40f74a18d3b".to_owned())]
        } else {
            vec![]
        },
        started: 1_795_449_885,
        seconds,
        peak_memory: 731_000_000,
        cores: 2,
        device: (stage == "train").then(|| "cpu (no NVIDIA driver)".to_owned()),
        versions: vec![
            ("libtorch".to_owned(), "2.11.0".to_owned()),
            ("ressenti".to_owned(), "0.1.0".to_owned()),
        ],
    };
    [
        ("ingest", "reviews", 9.4, "50,000 reviews, 3 rejected"),
        (
            "clean",
            "reviews",
            14.2,
            "50,000 reviews in, 49,582 out, 418 duplicates removed",
        ),
        (
            "tokenize",
            "words",
            7.7,
            "20,000 entries, 98.3 % of the training tokens known, 14.5 % truncated to 400 tokens",
        ),
        (
            "embed",
            "glove",
            4.1,
            "97.4 % of the vocabulary and 99.3 % of the training tokens found",
        ),
        (
            "train",
            "lstm",
            660.0,
            "best epoch 4 of 8, 90.1 % on validation",
        ),
        (
            "evaluate",
            "lstm",
            31.0,
            "25,000 test reviews, 89.9 % right",
        ),
    ]
    .map(step)
    .to_vec()
}
