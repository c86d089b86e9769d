#!/usr/bin/env python3
"""Compares the speed of fine-tuning an encoder in `transformers` and in Ressenti on the same rows.

Both use the same batch size, batches of rows of similar length, AdamW, gradient clipping, bf16 by autocast with f32
weights, and `sdpa` attention.

    pip install torch==2.11.0 transformers numpy pyarrow
    python3 xtask/scripts/compare_tuning.py --artifacts artifacts --encoder data/encoders/all-minilm-l6-v2 \\
        --model transfer --tokens minilm

Prints a JSON object with reviews per second and peak memory of each, and the ratio.
"""

import argparse
import itertools
import json
import os
import pathlib
import time

import numpy
import torch
import transformers

from compare_gru import batches_of, read_rows, speed_of


def tune_in_python(rows, labels, encoder, size, device, seconds):
    torch.manual_seed(1)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        encoder, num_labels=2, attn_implementation="sdpa", dtype=torch.float32
    )
    model.to(device).train()
    adam = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=device == "cuda")
    epochs = (batches_of(rows, size, seed) for seed in itertools.count(1))
    reviews, tokens, started, now = 0, 0, None, 0.0
    for number, batch in enumerate(itertools.chain.from_iterable(epochs)):
        if number % 10 == 3:  # after the warm-up; a GPU is synchronized only every ten batches
            if device == "cuda":
                torch.cuda.synchronize()
            now = time.perf_counter()
            started = started or now
            if now - started > seconds:
                break
        lengths = torch.tensor([len(rows[row]) for row in batch])
        ids = torch.full((len(batch), int(lengths.max())), model.config.pad_token_id or 0)
        for column, row in enumerate(batch):
            ids[column, : len(rows[row])] = torch.from_numpy(rows[row])
        mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()
        targets = torch.from_numpy(labels[batch].astype(numpy.int64)).to(device)
        with torch.autocast(device, dtype=torch.bfloat16):
            answer = model(input_ids=ids.to(device), attention_mask=mask.to(device), labels=targets)
        adam.zero_grad()
        answer.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        if started is not None:
            reviews += len(batch)
            tokens += int(lengths.sum())
    passed = now - started
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
    return {"reviews_per_second": reviews / passed, "tokens_per_second": tokens / passed, "peak_device_bytes": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=pathlib.Path, required=True)
    parser.add_argument("--encoder", type=pathlib.Path, required=True, help="folder of the pretrained encoder")
    parser.add_argument("--model", default="tuned")
    parser.add_argument("--tokens", default="own", help="the tokenizer's name in the pipeline file")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", default=60.0, type=float)
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    folder = arguments.artifacts / "train" / arguments.model
    ours = speed_of(folder / "metrics.jsonl")
    size = json.loads((folder / "model.json").read_text())["architecture"]["training"]["batch_size"]
    rows, labels = read_rows(arguments.artifacts / "tokenize" / arguments.tokens)
    python = tune_in_python(rows, labels, arguments.encoder, size, arguments.device, arguments.seconds)
    result = {
        "rows": len(rows),
        "device": arguments.device,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "ressenti": ours,
        "python": python,
        "ratio": ours["tokens_per_second"] / python["tokens_per_second"],
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
