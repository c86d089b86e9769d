//! Encoding a review with a word tokenizer.
//!
//!     cargo bench -p ressenti-tokenize

#![allow(missing_docs)]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use settings::Truncation;
use text::TokenizerFile;

const WORDS: usize = 20_000;

fn tokenizer() -> TokenizerFile {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        ["[PAD]".to_owned(), "[UNK]".to_owned()]
            .into_iter()
            .chain((2..WORDS).map(|id| format!("word{id}")))
            .zip(0..)
            .map(|(word, id)| (word, serde_json::Value::from(id)))
            .collect();
    let special = |id: u32, content: &str| {
        serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]")],
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    });
    TokenizerFile::from_bytes(json.to_string().as_bytes(), Path::new("tokenizer.json"))
        .expect("a tokenizer")
}

fn encoding(criterion: &mut Criterion) {
    let tokenizer = tokenizer();
    let text: String = (0..230)
        .map(|index| format!("Word{} ", index * 89 % (WORDS + 500)))
        .collect();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("230 words", |bencher| {
        bencher.iter(|| tokenizer.encode(black_box(&text), 400, Truncation::HeadTail));
    });
    group.finish();
}

criterion_group!(benches, encoding);
criterion_main!(benches);
