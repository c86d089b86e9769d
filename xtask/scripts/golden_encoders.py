#!/usr/bin/env python3
"""Writes the golden values of the encoder tests, computed by the reference implementation.

For each model family: a small encoder with random weights, the states of its last layer and the logits of its classifier
for texts of 1 to 512 tokens in one padded batch. With the folder of all-MiniLM-L6-v2: its states for some sentences.

    pip install torch==2.11.0 transformers safetensors numpy
    python3 xtask/scripts/golden_encoders.py crates/classifier/tests/golden [MINILM_FOLDER]
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

LENGTHS = [1, 3, 512, 40, 3]
VOCABULARY = 30
SMALL = dict(vocab_size=VOCABULARY, layer_norm_eps=1e-6, num_labels=2, initializer_range=0.3)
SIZES = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)

CONFIGS = {
    "bert": transformers.BertConfig(**SMALL, **SIZES, max_position_embeddings=512),
    "roberta": transformers.RobertaConfig(
        **SMALL, **SIZES, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1
    ),
    "distilbert": transformers.DistilBertConfig(
        vocab_size=VOCABULARY, dim=8, n_layers=2, n_heads=2, hidden_dim=12,
        max_position_embeddings=512, initializer_range=0.3, num_labels=2,
    ),
    "mpnet": transformers.MPNetConfig(**SMALL, **SIZES, max_position_embeddings=514, pad_token_id=1),
}

SENTENCES = [
    "A film.",
    "I laughed, I cried, and then I asked for my money back.",
    "Not bad at all " * 60,
]


def padded(rows, pad):
    longest = max(len(row) for row in rows)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def small(name, config, folder):
    torch.manual_seed(20141106)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Biases and normalisations start as 0 and 1, which could hide errors.
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    generator = torch.Generator().manual_seed(7)
    rows = [torch.randint(2, VOCABULARY, (length,), generator=generator).tolist() for length in LENGTHS]
    ids, mask = padded(rows, config.pad_token_id or 0)
    with torch.no_grad():
        output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    last = output.hidden_states[-1]
    tensors = {f"states.{n}": last[n, : len(row)].contiguous() for n, row in enumerate(rows)}
    tensors |= {f"ids.{n}": torch.tensor(row) for n, row in enumerate(rows)}
    save_file(tensors | {"logits": output.logits.contiguous()}, folder / "expected.safetensors")


def minilm(source, folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    model = transformers.AutoModel.from_pretrained(source).eval()
    inputs = tokenizer(SENTENCES, padding=True, truncation=True, max_length=512, return_tensors="pt")
    with torch.no_grad():
        states = model(**inputs, output_hidden_states=True).hidden_states
    tensors = {}
    for n, mask in enumerate(inputs["attention_mask"]):
        length = int(mask.sum())
        tensors[f"ids.{n}"] = inputs["input_ids"][n, :length].contiguous()
        for layer in (0, 3, 6):
            mean = states[layer][n, :length].mean(0)
            tensors[f"mean.{layer}.{n}"] = mean.contiguous()
    save_file(tensors, folder / "expected.safetensors")
    (folder / "sentences.json").write_text(json.dumps(SENTENCES, indent=1) + "\n")


def main():
    root = pathlib.Path(sys.argv[1])
    for name, config in CONFIGS.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        small(name, config, folder)
    if len(sys.argv) > 2:
        folder = root / "minilm"
        folder.mkdir(parents=True, exist_ok=True)
        minilm(sys.argv[2], folder)


main()
