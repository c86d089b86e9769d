//! What the models of the sample run were trained on: reviews, tokens, vectors and steps.

use artifact::{Sentiment, Split};
use report::data::{
    ClassWords, DataCheck, EmbeddingData, Example, LengthBin, ReviewsData, SkippedRows, SplitCount,
    Step, TellingWord, TokenizedSplit, TokenizerData,
};

use super::HARMFUL;

pub(super) fn reviews(test: u64) -> ReviewsData {
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
            SkippedRows {
                kind: "rejected".to_owned(),
                reason: "the text is empty".to_owned(),
                rows: 3,
                examples: vec![Example { location: "train/pos/17_9.txt".to_owned(), excerpt: String::new() }],
            },
            SkippedRows {
                kind: "set_aside".to_owned(),
                reason: "the rating is within the dead zone around 0".to_owned(),
                rows: 1204,
                examples: vec![
                    Example { location: "reviews.tsv, line 18".to_owned(), excerpt: HARMFUL.to_owned() },
                    Example { location: "reviews.tsv, line 90".to_owned(), excerpt: "Not as bad as they say, and not as good as it could be: two hours that go by and leave nothing behind, neither anger nor joy …".to_owned() },
                ],
            },
        ],
        removed: vec![SkippedRows {
            kind: "removed".to_owned(),
            reason: "exact duplicate".to_owned(),
            rows: 418,
            examples: vec![Example { location: "test/neg/1821_4.txt".to_owned(), excerpt: "This show comes up with interesting locations as fast as the travel channel.".to_owned() }],
        }],
        splits: vec![
            SplitCount { split: Split::Train, negative: 11_174, positive: 11_203, unlabelled: 0 },
            SplitCount { split: Split::Validation, negative: 1_241, positive: 1_247, unlabelled: 0 },
            SplitCount { split: Split::Test, negative: test / 2, positive: test - test / 2, unlabelled: 0 },
            SplitCount { split: Split::Unlabelled, negative: 0, positive: 0, unlabelled: 4_300 },
        ],
        checks: vec![
            check("Duplicate reviews", 418, "418 duplicate reviews removed"),
            check("Test reviews that also occurred in training", 123, "123 training reviews removed that also occurred in the test split"),
            check("Near-duplicates", 0, ""),
        ],
        lengths: (0..).zip(lengths).map(bin).collect(),
        splitting: "official training and test split of the source".to_owned(),
        words: vec![
            ClassWords { class: Sentiment::Negative, words: negative.map(word).to_vec() },
            ClassWords { class: Sentiment::Positive, words: positive.map(word).to_vec() },
        ],
    }
}

fn check(what: &str, count: u64, result: &str) -> DataCheck {
    DataCheck {
        what: what.to_owned(),
        count,
        result: result.to_owned(),
        ..DataCheck::default()
    }
}

pub(super) fn tokenizer() -> TokenizerData {
    let split = |split: &str, rows, truncated| TokenizedSplit {
        split: split.to_owned(),
        rows,
        truncated,
        tokens: rows * 233,
        unknown: rows * 4,
        median: Some(208),
        q95: Some(641),
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

pub(super) fn embeddings() -> Vec<EmbeddingData> {
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

pub(super) fn steps() -> Vec<Step> {
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
    let step = |(stage, variant, seconds, summary, inputs): (&str, &str, f64, &str, &str)| Step {
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
        } else if variant == "glove" {
            vec![("glove.txt".to_owned(), "02ba870d29dc".to_owned())]
        } else {
            vec![]
        },
        inputs: inputs
            .split(", ")
            .filter_map(|input| input.split_once(' '))
            .map(|(stage, variant)| (stage.to_owned(), variant.to_owned()))
            .collect(),
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
        ("ingest", "reviews", 9.4, "50,000 reviews, 3 rejected", ""),
        (
            "clean",
            "reviews",
            14.2,
            "50,000 reviews in, 49,582 out, 418 duplicates removed",
            "ingest reviews",
        ),
        (
            "tokenize",
            "words",
            7.7,
            "20,000 entries, 98.3% of the training tokens known, 14.5% truncated to 400 tokens",
            "clean reviews",
        ),
        (
            "embed",
            "glove",
            4.1,
            "97.4% of the vocabulary and 99.3% of the training tokens found",
            "tokenize words",
        ),
        (
            "train",
            "lstm",
            660.0,
            "best epoch 4 of 8, 90.1% accuracy on validation",
            "tokenize words, embed glove",
        ),
        (
            "evaluate",
            "lstm",
            31.0,
            "25,000 test reviews, 89.9% accuracy",
            "clean reviews, train lstm",
        ),
        (
            "evaluate",
            "naive",
            2.0,
            "25,000 test reviews, 85.1% accuracy",
            "clean reviews",
        ),
    ]
    .map(step)
    .to_vec()
}
