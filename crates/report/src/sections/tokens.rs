//! What tokenizers and embeddings know of the text.

use artifact::format;

use crate::data::{EmbeddingData, ReportData, TokenizerData};
use crate::words;
use pages::{Element, element};
use pages::{cell, heading, number, number_heading, row_heading, section, table};

/// The section; nothing where there are neither.
pub(crate) fn draw(data: &ReportData) -> Option<Element> {
    if data.tokenizers.is_empty() && data.embeddings.is_empty() {
        return None;
    }
    let mut part = section("tokens", "Tokens and vectors");
    if !data.tokenizers.is_empty() {
        part = part.child(tokenizers(&data.tokenizers));
    }
    if !data.embeddings.is_empty() {
        part = part.child(embeddings(&data.embeddings));
    }
    Some(part)
}

fn tokenizers(tokenizers: &[TokenizerData]) -> Element {
    let lines = tokenizers.iter().flat_map(|tokenizer| {
        tokenizer.splits.iter().map(|split| {
            let share = |part: u64, whole: u64| match whole {
                0 => "none".to_owned(),
                _ => format::percent(part as f64 / whole as f64),
            };
            let details = format!(
                "{}, {} entries, {}",
                tokenizer.kind,
                format::count(tokenizer.vocabulary_size),
                limit(tokenizer)
            );
            vec![
                row_heading(&tokenizer.name).child(element("span").class("range").text(details)),
                cell(&split.split),
                number(format::count(split.rows)),
                number(
                    split
                        .median
                        .map_or_else(|| "none".to_owned(), format::count),
                ),
                number(share(split.truncated, split.rows)),
                number(format::count(split.tokens)),
                number(share(split.unknown, split.tokens)),
            ]
        })
    });
    let headings = [
        heading("Tokenizer"),
        heading("Split"),
        number_heading("Reviews"),
        number_heading("Median length"),
        number_heading("Reviews cut"),
        number_heading("Tokens kept"),
        number_heading("Unknown tokens"),
    ];
    table(
        "Reviews as tokens; vocabularies are learned from the training split alone",
        headings,
        lines,
    )
}

fn limit(tokenizer: &TokenizerData) -> String {
    format!("at most {} tokens", format::count(tokenizer.max_length))
}

fn embeddings(embeddings: &[EmbeddingData]) -> Element {
    let lines = embeddings.iter().map(|embedding| {
        let share = |share: Option<f64>| {
            number(share.map_or_else(|| "learned here".to_owned(), format::percent))
        };
        let quoted: Vec<String> = embedding
            .missing
            .iter()
            .take(12)
            .map(|word| format!("“{word}”"))
            .collect();
        vec![
            row_heading(&embedding.name).child(
                element("span")
                    .class("range")
                    .text(format!("{}, {} wide", embedding.kind, embedding.width)),
            ),
            number(format::count(embedding.vocabulary_size)),
            share(embedding.types),
            share(embedding.tokens),
            element("td")
                .class("wide")
                .child(element("span").class("quote").text(words::list(&quoted))),
        ]
    });
    let headings = [
        heading("Embedding"),
        number_heading("Vocabulary"),
        number_heading("Entries found"),
        number_heading("Running tokens found"),
        heading("Most frequent without a vector"),
    ];
    table(
        "Share of the vocabulary and of the training split's running tokens that the vector file knows",
        headings,
        lines,
    )
}
