"""Writes an encoder with random weights: config.json and model.safetensors, beside its tokenizer.

    python3 encoders.py minilm|mpnet FOLDER [--tiny]

The shapes are those of all-MiniLM-L6-v2 and all-mpnet-base-v2. Random weights learn nothing useful:
they are for speed, memory and agreement between devices. `--tiny` is for tests on a CPU.
"""

import argparse
import json
import pathlib

import torch
import transformers

SHAPES = {
    "minilm": dict(num_hidden_layers=6, hidden_size=384, num_attention_heads=12, intermediate_size=1536),
    "mpnet": dict(num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=3072),
}
TINY = dict(num_hidden_layers=2, hidden_size=32, num_attention_heads=4, intermediate_size=64)


def config_of(kind, tiny, vocabulary_size):
    shape = TINY if tiny else SHAPES[kind]
    # Ressenti drops hidden states and no attention weights; the comparison does the same.
    common = dict(vocab_size=vocabulary_size, attention_probs_dropout_prob=0.0, **shape)
    if kind == "minilm":
        return transformers.BertConfig(max_position_embeddings=512, pad_token_id=0, **common)
    return transformers.MPNetConfig(max_position_embeddings=514, pad_token_id=1, **common)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(SHAPES))
    parser.add_argument("folder", type=pathlib.Path, help="the folder that has the tokenizer.json")
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    tokenizer = json.loads((arguments.folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary_size = 1 + max(tokenizer["model"]["vocab"].values())
    torch.manual_seed(20140601)
    model = transformers.AutoModel.from_config(config_of(arguments.kind, arguments.tiny, vocabulary_size))
    model.save_pretrained(arguments.folder)
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{arguments.kind}: {weights:,} random weights")


if __name__ == "__main__":
    main()
