//! The supported encoder families: their tensor names in `model.safetensors` and their differences.

/// An encoder family, identified by `model_type`. Tensor names are those of `transformers`.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    name: &'static str,
    /// The values of `model_type` in `config.json`.
    model_types: &'static [&'static str],
    /// The prefix of all tensor names if the encoder was saved as part of a larger model.
    pub(crate) prefix: &'static str,
    /// The padding id if `config.json` does not state it.
    pub(super) pad_id: u32,
    /// Whether the first position is the padding id plus 1, instead of 0.
    pub(super) positions_follow_padding: bool,
    pub(super) has_token_types: bool,
    pub(super) has_relative_positions: bool,
    /// The name of the layers, without their number.
    pub(super) layer: &'static str,
    /// Tensor names within a layer.
    pub(super) query_key_value: [&'static str; 3],
    pub(super) attention_output: &'static str,
    pub(super) attention_norm: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) norm: &'static str,
    /// The class in `transformers` of an encoder with the head described below.
    pub(crate) classifier: &'static str,
    /// The names of the hidden layer and the output layer of the classification head.
    pub(crate) head: [&'static str; 2],
    /// Whether the activation of the hidden layer of the head is ReLU instead of tanh.
    pub(crate) head_uses_relu: bool,
    /// Whether dropout is applied before the hidden layer of the head.
    pub(crate) head_has_input_dropout: bool,
}

/// Devlin et al. 2019. MiniLM (Wang et al. 2020) has the same architecture.
pub(super) const BERT: Family = Family {
    name: "BERT",
    model_types: &["bert"],
    prefix: "bert.",
    pad_id: 0,
    positions_follow_padding: false,
    has_token_types: true,
    has_relative_positions: false,
    layer: "encoder.layer",
    query_key_value: [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
    ],
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    norm: "output.LayerNorm",
    classifier: "BertForSequenceClassification",
    head: ["bert.pooler.dense", "classifier"],
    head_uses_relu: false,
    head_has_input_dropout: false,
};

/// Liu et al. 2019: positions start after the padding id.
const ROBERTA: Family = Family {
    name: "RoBERTa",
    model_types: &["roberta", "xlm-roberta"],
    prefix: "roberta.",
    pad_id: 1,
    positions_follow_padding: true,
    classifier: "RobertaForSequenceClassification",
    head: ["classifier.dense", "classifier.out_proj"],
    head_has_input_dropout: true,
    ..BERT
};

/// Sanh et al. 2019: no token types.
const DISTILBERT: Family = Family {
    name: "DistilBERT",
    model_types: &["distilbert"],
    prefix: "distilbert.",
    has_token_types: false,
    layer: "transformer.layer",
    query_key_value: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    norm: "output_layer_norm",
    classifier: "DistilBertForSequenceClassification",
    head: ["pre_classifier", "classifier"],
    head_uses_relu: true,
    ..BERT
};

/// Song et al. 2020: no token types, relative position bias.
const MPNET: Family = Family {
    name: "MPNet",
    model_types: &["mpnet"],
    prefix: "mpnet.",
    has_token_types: false,
    has_relative_positions: true,
    query_key_value: ["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    attention_output: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    classifier: "MPNetForSequenceClassification",
    ..ROBERTA
};

/// The name of the word table.
pub(super) const WORDS: &str = "embeddings.word_embeddings.weight";

/// Prefixes of known tensors that are not used: heads of the pretraining task, the pooler, and tables that can be
/// computed.
const KNOWN_EXTRAS: [&str; 9] = [
    "cls.",
    "lm_head.",
    "pooler.",
    "qa_outputs.",
    "vocab_",
    "classifier.",
    "pre_classifier.",
    "embeddings.position_ids",
    "embeddings.token_type_ids",
];

/// Whether an unused tensor is known and can be ignored.
pub(super) fn is_known_extra(name: &str) -> bool {
    KNOWN_EXTRAS.iter().any(|start| name.starts_with(start))
}

impl Family {
    /// The family of a `model_type`.
    pub(super) fn from_model_type(model_type: Option<&str>) -> Result<&'static Self, String> {
        const ALL: [&Family; 4] = [&BERT, &ROBERTA, &DISTILBERT, &MPNET];
        let name = model_type.ok_or("it has no `model_type`")?;
        let has_name = |family: &&Self| family.model_types.contains(&name);
        let supported = "bert, roberta, xlm-roberta, distilbert and mpnet";
        let problem = || format!("`model_type` is `{name}`; supported are {supported}");
        ALL.into_iter().find(has_name).ok_or_else(problem)
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}
