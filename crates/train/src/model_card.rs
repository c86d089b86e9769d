//! The model card (Mitchell et al. 2019): a `README.md` that describes a bundle.

use artifact::format::{count, plural};
use bundle::ModelFile;
use serde_json::json;
use settings::ModelKind;

/// The text of the model card.
pub(crate) fn render(name: &str, model: &ModelFile) -> String {
    let architecture = &model.architecture;
    let validation = &model.validation;
    let epochs = plural(model.epochs.into(), "epoch", "epochs");
    let truncation = json!(model.tokenizer.truncation);
    let embedding = model.provenance.embedding;
    let embedding = embedding.map(|digest| format!(", embedding {digest}"));
    format!(
        "# {name}\n\n\
        A sentiment model by Ressenti: it reads a text and returns the probabilities of `{negative}` and `{positive}`.\n\n\
        | | |\n| --- | --- |\n\
        | kind | {kind}, {parameters} parameters |\n\
        | vocabulary | {vocabulary} entries{width} |\n\
        | input | at most {length} tokens per text (truncation: {truncation}), tokenizer {fingerprint} |\n\
        | training | {trained} |\n\
        | validation | {accuracy:.2}% of {rows} reviews correct, loss {loss:.4} |\n\
        | calibration | {calibration} |\n\
        | inputs | tokens {tokens}{embedding} |\n\n\
        ## Files\n\n\
        - `model.safetensors`: the weights, f32\n\
        - `model.json`: architecture, sizes, text normalisation, calibration and digests of the inputs\n\
        - `tokenizer.json`: the tokenizer, for the `tokenizers` library\n\
        - `metrics.jsonl`: the training log\n\n\
        ## Use and limits\n\n\
        Run `ressenti predict --bundle .` in this folder. It cleans and tokenizes a text exactly as the training texts were.\n\n\
        The model knows only the {languages} and the subjects of its training reviews. The validation accuracy above is slightly \
        optimistic, because {chosen} on validation; the evaluation reports the test accuracy.\n",
        languages = match &model.languages[..] {
            [] => "language".to_owned(),
            [language] => format!("language ({language})"),
            languages => format!("languages ({})", languages.join(", ")),
        },
        positive = model.labels.last().map_or("", String::as_str),
        negative = model.labels.first().map_or("", String::as_str),
        kind = json!(architecture.kind).as_str().unwrap_or_default(),
        parameters = count(model.parameters),
        vocabulary = count(model.sizes.vocabulary_size),
        width = match architecture.kind {
            ModelKind::Linear => String::new(),
            _ => format!(" of width {}", count(model.sizes.width)),
        },
        chosen = match architecture.kind.trains_in_epochs() {
            true => "the best epoch was chosen",
            false => "the penalty was chosen",
        },
        length = model.tokenizer.max_length,
        truncation = truncation.as_str().unwrap_or_default(),
        fingerprint = model.tokenizer.fingerprint,
        trained = match architecture.kind {
            ModelKind::Probe =>
                "output layer only, fitted to the minimum; penalty chosen on validation".to_owned(),
            ModelKind::Linear =>
                "word n-grams, fitted to the minimum; penalty chosen on validation".to_owned(),
            _ => format!(
                "{epochs}, best epoch {}, seed {}",
                model.best_epoch, architecture.seed
            ),
        },
        accuracy = 100.0 * validation.accuracy,
        rows = count(validation.rows),
        loss = validation.loss,
        calibration = model.calibration.describe(),
        tokens = model.provenance.tokens,
        embedding = embedding.unwrap_or_default(),
    )
}
