//! What tokenizers and embeddings know of the text.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, quote, section, with_detail};

use crate::data::{EmbeddingData, ReportData, TokenizedSplit, TokenizerData};
use crate::words;

/// Entries without a vector that are listed.
const MISSING: usize = 12;

/// The section; nothing where there are neither.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    if data.tokenizers.is_empty() && data.embeddings.is_empty() {
        return None;
    }
    let content = html! {
        @if !data.tokenizers.is_empty() { (tokenizers(&data.tokenizers)) }
        @if !data.embeddings.is_empty() { (embeddings(&data.embeddings)) }
    };
    Some(section("tokens", "Tokens and vectors", content))
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
    let caption = "Reviews as tokens; vocabularies are learned from the training split alone";
    Table::new(caption, rows)
        .names("Tokenizer", |(it, _)| name(it))
        .words("Split", |(_, it)| &it.split)
        .numbers("Reviews", |(_, it)| format::count(it.rows))
        .numbers("Median length", |(_, it)| median(it))
        .numbers("Reviews cut", |(_, it)| share(it.truncated, it.rows))
        .numbers("Tokens kept", |(_, it)| format::count(it.tokens))
        .numbers("Unknown tokens", |(_, it)| share(it.unknown, it.tokens))
}

fn embeddings(embeddings: &[EmbeddingData]) -> Table<&EmbeddingData> {
    let share =
        |share: Option<f64>| share.map_or_else(|| "learned here".to_owned(), format::percent);
    let missing = |it: &EmbeddingData| {
        let words = it.missing.iter().take(MISSING);
        let words = words.map(|word| format!("“{word}”"));
        quote(words::list(&words.collect::<Vec<_>>()))
    };
    let caption = "Share of the vocabulary and of the training split's running tokens that the vector file knows";
    Table::new(caption, embeddings)
        .names("Embedding", |it| {
            with_detail((&it.name, format!("{}, {} wide", it.kind, it.width)))
        })
        .numbers("Vocabulary", |it| format::count(it.vocabulary_size))
        .numbers("Entries found", |it| share(it.types))
        .numbers("Running tokens found", |it| share(it.tokens))
        .texts("Most frequent without a vector", missing)
}
