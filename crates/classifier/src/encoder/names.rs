//! What the families call their tensors in `model.safetensors`.

use super::config::{EncoderConfig, Family};

/// A parameter of ours with the tensors of the file it is made of, laid one after the other along
/// their first dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Names in the file, without the family's prefix.
    pub(super) parts: Vec<String>,
    /// Shape of the whole.
    pub(super) shape: Vec<i64>,
    /// Whether it is a matrix that weight decay applies to.
    pub(super) decays: bool,
}

/// The parameters of one layer. Query, key and value are one matrix `[3 * W, W]`: one large
/// product is faster than three.
#[derive(Clone, Debug)]
pub(super) struct LayerPlan {
    pub(super) attention: [Plan; 2],
    pub(super) attention_output: [Plan; 2],
    pub(super) attention_norm: [Plan; 2],
    pub(super) up: [Plan; 2],
    pub(super) down: [Plan; 2],
    pub(super) norm: [Plan; 2],
}

/// All parameters of an encoder.
#[derive(Clone, Debug)]
pub(super) struct EncoderPlan {
    pub(super) words: Plan,
    pub(super) positions: Plan,
    pub(super) token_types: Option<Plan>,
    pub(super) norm: [Plan; 2],
    pub(super) relative: Option<Plan>,
    /// BERT's layer above the first token, which its classifier continues from.
    pub(super) pooler: [Plan; 2],
    pub(super) layers: Vec<LayerPlan>,
}

/// The word table.
pub(super) const WORDS: &str = "embeddings.word_embeddings.weight";

/// The names inside a layer.
struct Names {
    layer: &'static str,
    query_key_value: [&'static str; 3],
    attention_output: &'static str,
    attention_norm: &'static str,
    up: &'static str,
    down: &'static str,
    norm: &'static str,
}

const BERT: Names = Names {
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
};

const DISTILBERT: Names = Names {
    layer: "transformer.layer",
    query_key_value: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    norm: "output_layer_norm",
};

const MPNET: Names = Names {
    layer: "encoder.layer",
    query_key_value: ["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    attention_output: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    norm: "output.LayerNorm",
};

impl Family {
    fn names(self) -> &'static Names {
        match self {
            Self::Bert | Self::Roberta => &BERT,
            Self::DistilBert => &DISTILBERT,
            Self::Mpnet => &MPNET,
        }
    }

    /// What stands before every name where the encoder was saved as part of a larger model.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::Roberta => "roberta.",
            Self::DistilBert => "distilbert.",
            Self::Mpnet => "mpnet.",
        }
    }

    /// Whether a tensor that we have no use for is one that such files are known to have: heads of
    /// the pretraining task, the pooler, and tables that can be computed.
    pub(super) fn is_known_extra(name: &str) -> bool {
        const BEGINNINGS: [&str; 7] = [
            "cls.",
            "lm_head.",
            "pooler.",
            "qa_outputs.",
            "vocab_",
            "classifier.",
            "pre_classifier.",
        ];
        BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
            || name == "embeddings.position_ids"
            || name == "embeddings.token_type_ids"
    }
}

impl EncoderPlan {
    /// The parameters of an encoder of this shape.
    pub(super) fn of(config: &EncoderConfig) -> Self {
        let width = config.width;
        let table = |name: &str, rows: i64, columns: i64| Plan {
            parts: vec![name.to_owned()],
            shape: vec![rows, columns],
            decays: false,
        };
        let layers = (0..config.layers)
            .map(|number| layer(config, number))
            .collect();
        Self {
            words: table(WORDS, config.vocabulary_size, width),
            positions: table(
                "embeddings.position_embeddings.weight",
                config.positions,
                width,
            ),
            token_types: (config.token_types > 0).then(|| {
                table(
                    "embeddings.token_type_embeddings.weight",
                    config.token_types,
                    width,
                )
            }),
            norm: norm("embeddings.LayerNorm", width),
            relative: (config.relative_buckets > 0).then(|| {
                table(
                    "encoder.relative_attention_bias.weight",
                    config.relative_buckets,
                    config.heads,
                )
            }),
            pooler: dense(&["pooler.dense".to_owned()], width, width),
            layers,
        }
    }
}

fn layer(config: &EncoderConfig, number: usize) -> LayerPlan {
    let names = config.family.names();
    let name = |part: &str| format!("{}.{number}.{part}", names.layer);
    let (width, intermediate) = (config.width, config.intermediate);
    LayerPlan {
        attention: dense(&names.query_key_value.map(name), 3 * width, width),
        attention_output: dense(&[name(names.attention_output)], width, width),
        attention_norm: norm(&name(names.attention_norm), width),
        up: dense(&[name(names.up)], intermediate, width),
        down: dense(&[name(names.down)], width, intermediate),
        norm: norm(&name(names.norm), width),
    }
}

/// Weight `[outputs, inputs]` and bias.
fn dense(names: &[String], outputs: i64, inputs: i64) -> [Plan; 2] {
    let parts = |what: &str| names.iter().map(|name| format!("{name}.{what}")).collect();
    [
        Plan {
            parts: parts("weight"),
            shape: vec![outputs, inputs],
            decays: true,
        },
        Plan {
            parts: parts("bias"),
            shape: vec![outputs],
            decays: false,
        },
    ]
}

/// Scale and shift of a layer normalisation.
fn norm(name: &str, width: i64) -> [Plan; 2] {
    ["weight", "bias"].map(|what| Plan {
        parts: vec![format!("{name}.{what}")],
        shape: vec![width],
        decays: false,
    })
}
