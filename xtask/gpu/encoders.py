"""Writes an encoder with random weights beside its config.json and tokenizer.json.

    python3 encoders.py FOLDER [--tiny]

The configurations in the pack are those of all-MiniLM-L6-v2 and all-mpnet-base-v2. Random weights are enough for
speed, memory and comparisons between devices. Attention weights have no dropout, because Ressenti only drops hidden
states. `--tiny` makes a small encoder for tests on a CPU.
"""

import argparse
import pathlib

import torch
import transformers

TINY = dict(num_hidden_layers=2, hidden_size=32, num_attention_heads=4, intermediate_size=64)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    config = transformers.AutoConfig.from_pretrained(arguments.folder)
    for name, value in TINY.items() if arguments.tiny else ():
        setattr(config, name, value)
    torch.manual_seed(20140601)
    model = transformers.AutoModel.from_config(config)
    model.save_pretrained(arguments.folder)
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{config.model_type}: {weights:,} random weights")


if __name__ == "__main__":
    main()
