//! Tokenizers and embeddings: how much of the text they cover.

use maud::html;
use pages::{Table, quote, with_detail};

use super::Collapsed;
use crate::data::{EmbeddingData, ReportData, TokenizedSplit, TokenizerData};
use crate::format;

/// Largest number of entries without a vector that are listed.
const MISSING: usize = 12;

/// The section; `None` without tokenizers and embeddings.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    if data.tokenizers.is_empty() && data.embeddings.is_empty() {
        return None;
    }
    let content = html! {
        @if !data.tokenizers.is_empty() { (tokenizers(&data.tokenizers)) }
        @if !data.embeddings.is_empty() { (embeddings(&data.embeddings)) }
    };
    let answer = "How much of the text the vocabularies cover, and how many reviews are truncated.";
    Some((answer.into(), content))
}

fn tokenizers(tokenizers: &[TokenizerData]) -> Table<(&TokenizerData, &TokenizedSplit)> {
    let rows = tokenizers.iter();
    let rows = rows.flat_map(|it| it.splits.iter().map(move |split| (it, split)));
    let share = |part: u64, whole: u64| match whole {
        0 => "none".to_owned(),
        _ => format::percent(part as f64 / whole as f64),
    };
    let name = |it: &TokenizerData| {
        let [entries, most] = [it.vocabulary_size, it.max_length].map(format::count);
        let kind = &it.kind;
        let details = format!("{kind}, {entries} entries, at most {most} tokens");
        with_detail((&it.name, details))
    };
    let median = |it: &TokenizedSplit| it.median.map_or_else(|| "none".to_owned(), format::count);
    let caption = "Reviews as tokens. Vocabularies are learned from the training split only.";
    Table::new(caption, rows)
        .names("Tokenizer", |(it, _)| name(it))
        .words("Split", |(_, it)| &it.split)
        .numbers("Reviews", |(_, it)| format::count(it.rows))
        .numbers("Median length", |(_, it)| median(it))
        .numbers("Truncated reviews", |(_, it)| share(it.truncated, it.rows))
        .numbers("Tokens", |(_, it)| format::count(it.tokens))
        .numbers("Unknown tokens", |(_, it)| share(it.unknown, it.tokens))
}

fn embeddings(embeddings: &[EmbeddingData]) -> Table<&EmbeddingData> {
    let share = |it: Option<f64>| it.map_or_else(|| "not from a file".to_owned(), format::percent);
    let missing = |it: &EmbeddingData| {
        let words = it.missing.iter().take(MISSING);
        let words = words.map(|word| format!("“{word}”"));
        quote(format::list(&words.collect::<Vec<_>>()))
    };
    let caption = "Share of the vocabulary, and of the tokens of the training split, that have a vector in the vector file.";
    let details = |it: &EmbeddingData| format!("{}, {} components", it.kind, it.width);
    Table::new(caption, embeddings)
        .names("Embedding", |it| with_detail((&it.name, details(it))))
        .numbers("Vocabulary", |it| format::count(it.vocabulary_size))
        .numbers("Entries with a vector", |it| share(it.types))
        .numbers("Tokens with a vector", |it| share(it.tokens))
        .texts("Most frequent entries without a vector", missing)
}
