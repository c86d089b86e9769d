"""Measures the training speed of PyTorch or `transformers` on the training rows of Ressenti.

    python3 baseline.py lstm --tokens TRAIN.ARROW --batch 64 --device cuda --seconds 10
    python3 baseline.py encoder --encoder FOLDER --tokens TRAIN.ARROW --batch 32 --device cuda --compile

Measures optimizer steps (copy to the device, forward, backward, clipping, AdamW) after a warm-up. Batches are
prepared and pinned before, so that the speed of Python does not count. Prints one line of JSON.
"""

import argparse
import itertools
import json
import os
import random
import resource
import time

import pyarrow
import torch

POOL = 40  # batches whose rows are sorted by length together, as in Ressenti


class Lstm(torch.nn.Module):
    """A bidirectional LSTM layer on packed sequences, max pooling over tokens, and a linear layer."""

    def __init__(self, vocabulary, width, hidden):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, width, padding_idx=0)
        self.lstm = torch.nn.LSTM(width, hidden, bidirectional=True, batch_first=True)
        self.output = torch.nn.Linear(2 * hidden, 2)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, ids, lengths):
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = torch.nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, padding_value=float("-inf")
        )
        return self.output(self.dropout(states.amax(1)))


def make_batches(arguments, pad):
    with pyarrow.memory_map(arguments.tokens) as source:
        table = pyarrow.ipc.open_file(source).read_all()
    table = table.slice(0, arguments.rows) if arguments.rows else table
    rows, labels = table["ids"].to_pylist(), table["label"].to_pylist()
    order = list(range(len(rows)))
    generator = random.Random(1)
    generator.shuffle(order)
    batches = []
    for start in range(0, len(order), POOL * arguments.batch):
        pool = sorted(order[start : start + POOL * arguments.batch], key=lambda row: len(rows[row]))
        for at in range(0, len(pool) - arguments.batch + 1, arguments.batch):
            chosen = pool[at : at + arguments.batch]
            lengths = torch.tensor([len(rows[row]) for row in chosen])
            ids = torch.full((len(chosen), int(lengths.max())), pad)
            for line, row in enumerate(chosen):
                ids[line, : len(rows[row])] = torch.tensor(rows[row])
            batches.append((ids, lengths, torch.tensor([labels[row] for row in chosen])))
    generator.shuffle(batches)
    if arguments.device == "cuda":
        batches = [tuple(tensor.pin_memory() for tensor in batch) for batch in batches]
    return len(rows), batches


def encoder_model(arguments):
    import transformers

    folder, kwargs = arguments.encoder, dict(num_labels=2, dtype=torch.float32)
    load = transformers.AutoModelForSequenceClassification.from_pretrained
    for attention in ("sdpa", "eager"):
        try:
            return load(folder, attn_implementation=attention, **kwargs), attention, transformers.__version__
        except ValueError as error:  # this model family does not support this attention
            last = error
    raise last


def make_loss(arguments):
    """The loss function, the model, the padding id, and a description of the libraries."""
    device = arguments.device
    if arguments.what == "lstm":
        model = Lstm(arguments.vocabulary, arguments.width, arguments.hidden).to(device).train()
        used = {"library": f"PyTorch {torch.__version__}, packed sequences", "precision": "f32"}
        if device == "cuda":
            used["cudnn"] = torch.backends.cudnn.version()

        def loss_of(ids, lengths, labels):
            return torch.nn.functional.cross_entropy(model(ids.to(device, non_blocking=True), lengths), labels)

        return loss_of, model, 0, used
    model, attention, version = encoder_model(arguments)
    model = model.to(device).train()
    called = torch.compile(model) if arguments.compile else model
    used = {
        "library": f"transformers {version} on PyTorch {torch.__version__}",
        "precision": "bf16 by autocast",
        "attention": attention,
        "compiled": arguments.compile,
    }

    def loss_of(ids, lengths, labels):
        mask = None
        if int(lengths.min()) < ids.shape[1]:
            mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long().to(device)
        with torch.autocast(device, dtype=torch.bfloat16):
            answer = called(input_ids=ids.to(device, non_blocking=True), attention_mask=mask)
        return torch.nn.functional.cross_entropy(answer.logits.float(), labels)

    return loss_of, model, model.config.pad_token_id or 0, used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["lstm", "encoder"])
    parser.add_argument("--tokens", required=True, help="train.arrow of a tokenize artifact")
    parser.add_argument("--rows", type=int, default=0, help="use only the first rows; 0 uses all")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of the measurement")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--vocabulary", type=int, default=0)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--encoder", help="folder of the encoder")
    parser.add_argument("--compile", action="store_true", help="compile the model with torch.compile")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)

    device = arguments.device
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    loss_of, model, pad, used = make_loss(arguments)
    rows, batches = make_batches(arguments, pad)
    rate = 1e-3 if arguments.what == "lstm" else 5e-5
    adam = torch.optim.AdamW(model.parameters(), lr=rate, fused=device == "cuda")

    def step(batch):
        ids, lengths, labels = batch
        loss = loss_of(ids, lengths, labels.to(device, non_blocking=True))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        return loss.detach()

    warming = time.perf_counter()
    # With --compile every length is used once before the measurement, because each length is compiled.
    warm_up = min(len(batches), 40 if arguments.compile else 10 if device == "cuda" else 2)
    for batch in batches[:warm_up]:
        step(batch)
    synchronize()
    started, wall = time.perf_counter(), time.time()
    warming = started - warming
    reviews = tokens = steps = 0
    for batch in itertools.chain.from_iterable(itertools.repeat(batches)):
        loss = step(batch)
        reviews += len(batch[1])
        tokens += int(batch[1].sum())
        steps += 1
        if steps % 10 == 0 or device == "cpu":
            synchronize()
            if time.perf_counter() - started > arguments.seconds:
                break
    synchronize()
    seconds = time.perf_counter() - started
    result = {
        **used,
        "rows": rows,
        "steps": steps,
        "warm_up_seconds": round(warming, 1),
        "reviews_per_second": reviews / seconds,
        "tokens_per_second": tokens / seconds,
        "last_loss": float(loss),
        "window": [wall, wall + seconds],
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    if device == "cuda":
        result["peak_allocated_bytes"] = torch.cuda.max_memory_allocated()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
