//! Benchmarks of the most expensive functions of clean: normalisation and near-duplicates.
//!
//!     cargo bench -p ressenti-clean

#![allow(missing_docs)]

use std::hint::black_box;

use artifact::Normalization;
use clean::{TextStore, near_duplicates};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use text::normalize::normalize;

/// A review of about 230 words, the average of IMDB. Every `number` gives another review.
fn review(number: usize) -> String {
    let words = [
        "the", "film", "was", "not", "at", "all", "what", "I", "had", "hoped", "for", "and", "yet",
    ];
    (0..230)
        .map(|place| match (place * 7 + number * 13) % 17 {
            word if word < words.len() => words[word].to_owned(),
            _ => format!("word{}", (place * place + number * 31) % 4001),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn normalising(criterion: &mut Criterion) {
    let settings = Normalization::default();
    let plain = review(1);
    let marked = plain.replace(" yet ", "<br /><br />yet &amp; \u{201c}so\u{201d} ");
    let damaged = plain.replace(" yet ", " it\u{e2}\u{20ac}\u{2122}s caf\u{c3}\u{a9} ");
    let mut group = criterion.benchmark_group("normalize");
    for (name, text) in [
        ("plain", &plain),
        ("marked", &marked),
        ("damaged", &damaged),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| normalize(black_box(text), &settings))
        });
    }
    group.finish();
}

fn joining(criterion: &mut Criterion) {
    let mut texts: Vec<String> = (0..2000).map(review).collect();
    texts.extend((0..20).map(|number| review(number).replace("hoped", "wished")));
    let texts = TextStore::of(&texts);
    let mut group = criterion.benchmark_group("near_duplicates");
    group.sample_size(20);
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("2,020 reviews", |bencher| {
        bencher.iter(|| near_duplicates(black_box(&texts), 0.8).expect("texts in memory"));
    });
    group.finish();
}

criterion_group!(benches, normalising, joining);
criterion_main!(benches);
