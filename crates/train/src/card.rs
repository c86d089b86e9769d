//! The model card (Mitchell et al. 2019): what a bundle is, for whoever finds it a year later.

use bundle::ModelFile;
use settings::ModelKind;

/// `README.md` of a bundle.
pub(crate) fn model_card(name: &str, model: &ModelFile) -> String {
    let architecture = &model.architecture;
    let validation = &model.validation;
    format!(
        "# {name}\n\n\
        A sentiment model made by Ressenti: text in, the probability of `{positive}` against `{negative}` out.\n\n\
        | | |\n| --- | --- |\n\
        | kind | {kind:?}, {parameters} parameters |\n\
        | vocabulary | {vocabulary} entries of width {width} |\n\
        | reads | at most {length} tokens of a text ({truncation:?} kept), tokenizer {fingerprint} |\n\
        | trained | {trained} |\n\
        | on validation | {accuracy:.2} % of {rows} reviews right, loss {loss:.4} |\n\
        | calibration | {calibration} |\n\
        | made from | tokens {tokens}{embedding} |\n\n\
        ## Files\n\n\
        - `model.safetensors`: the weights, f32\n\
        - `model.json`: architecture, sizes, how texts are normalised, calibration, provenance\n\
        - `tokenizer.json`: from text to ids, for the `tokenizers` library\n\
        - `metrics.jsonl`: the course of training\n\n\
        ## Use and limits\n\n\
        `ressenti predict --bundle .` in this folder treats a text exactly as the training texts were treated.\n\n\
        It knows the language and subjects of the reviews it was trained on and nothing else. The figure above chose \
        the epoch and is therefore slightly favourable; the figures of the test split are in the evaluation.\n",
        positive = model.labels.last().map_or("", String::as_str),
        negative = model.labels.first().map_or("", String::as_str),
        kind = architecture.kind,
        parameters = artifact::format::count(model.parameters),
        vocabulary = artifact::format::count(model.sizes.vocabulary_size),
        width = model.sizes.width,
        length = model.tokenizer.max_length,
        truncation = model.tokenizer.truncation,
        fingerprint = model.tokenizer.fingerprint,
        trained = match architecture.kind {
            ModelKind::Probe =>
                "the output layer alone, to the minimum; the penalty was chosen on validation"
                    .to_owned(),
            ModelKind::Linear =>
                "to the minimum, on all sequences of words; the penalty was chosen on validation"
                    .to_owned(),
            _ => format!(
                "best of {} epochs: {}; seed {}",
                model.epochs, model.best_epoch, architecture.seed
            ),
        },
        accuracy = 100.0 * validation.accuracy,
        rows = artifact::format::count(validation.rows),
        loss = validation.loss,
        calibration = model.calibration.describe(),
        tokens = model.provenance.tokens,
        embedding = model
            .provenance
            .embedding
            .map_or_else(String::new, |digest| format!(", embedding {digest}")),
    )
}
