#!/usr/bin/env python3
"""Writes `fuzz/seeds`: small valid files of every format from which fuzzing starts. Without them the fuzzer would first
have to guess, for example, that Parquet files start with PAR1.

    pip install pyarrow tokenizers
    python3 xtask/scripts/fuzz_seeds.py
"""

import datetime
import gzip
import io
import json
import pathlib
import random
import struct
import tarfile
import zipfile

import pyarrow
import pyarrow.parquet
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = ROOT / "fuzz" / "seeds"

CSV = 'review,sentiment,stars,date\n"Good, ""really"" good",positive,9,2020-02-29\nDull.,negative,2,1999-12-31T23:59:59+01:00\n'
JSON = '{"id":1,"review":{"text":"Good \\u00e9 film"},"stars":5,"ok":true,"when":1580000000}\n{"id":2,"review":{"text":"Bad"},"stars":1,"ok":false,"when":null}\n'
TEXTS = ["A good film.", "A dull film, too long.", "Lovely!", "Awful <br /> plot"]


def keep(target, name, content):
    content = content.encode() if isinstance(content, str) else content
    path = SEEDS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def rows_of_text():
    for choice, name, text in [
        (0, "comma", CSV),
        (0, "semicolon", CSV.replace(",", ";")),
        (0, "pipe", CSV.replace(",", "|")),
        (3, "crlf", CSV.replace("\n", "\r\n")),
        (6, "tabs", CSV.replace(",", "\t")),
        (2, "headerless", "1\tA good film.\n0\tDull.\n"),
        (0, "ragged", "text,label\na,1,2\nb\n\nc,0\n"),
        (0, "open-quote", 'text,label\n"a,1\nb,0\n'),
    ]:
        keep("delimited", name, bytes([choice]) + text.encode())
    text = "text,label\nCafé “noir” naïve,1\nÜbel – schlecht,0\n"
    encodings = ["utf-16-le", "utf-16-be", "cp1252", "utf-8"]
    for choice, encoding in enumerate(encodings):
        keep("encodings", f"set-{encoding}", bytes([choice]) + text.encode(encoding))
        marked = "\ufeff" + text if encoding != "cp1252" else text
        keep("encodings", f"found-{encoding}", bytes([7]) + marked.encode(encoding))
    for choice, encoding in [(4, "shift_jis"), (5, "iso2022_jp"), (6, "gb18030")]:
        keep("encodings", f"set-{encoding}", bytes([choice]) + "text,label\n映画,1\nbad,0\n".encode(encoding))
    keep("json", "lines", JSON)
    keep("json", "array", "[" + JSON.strip().replace("\n", ",") + "]")
    keep("json", "strings", '{"text":"\\ud83d\\ude00 \\n \\u0085","label":"pos"}\n{"text":"\\ud83d","label":1e3}\n')
    keep("json", "deep", '{"text":"a","label":0,"x":[[[[{"y":[1,2,{"z":null}]}]]]]}\n')


def parquet_of(table, **options):
    output = io.BytesIO()
    pyarrow.parquet.write_table(table, output, **options)
    return output.getvalue()


def tables():
    when = [datetime.datetime(2020, 1, day + 1) for day in range(4)]
    table = pyarrow.table({"text": TEXTS, "label": [1, 0, 1, 0], "stars": [4.5, 1.0, None, 2.0], "when": when})
    keep("parquet", "plain", parquet_of(table, compression="none", use_dictionary=False))
    keep("parquet", "dictionary", parquet_of(table, compression="none"))
    keep("parquet", "snappy", parquet_of(table, compression="snappy"))
    keep("parquet", "zstd", parquet_of(table, compression="zstd", data_page_version="2.0"))
    nested = pyarrow.table({"text": TEXTS, "label": ["pos", "neg"] * 2, "more": [[1], [], None, [2, 3]]})
    keep("parquet", "nested", parquet_of(nested, compression="none", row_group_size=2))
    large = pyarrow.table({"text": pyarrow.array(TEXTS, pyarrow.large_string()), "label": [True, False] * 2})
    keep("parquet", "delta", parquet_of(large, compression="none", use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}))
    columns = [
        ("row_id", pyarrow.uint64(), [0, 1, 2, 3]),
        ("text", pyarrow.string(), TEXTS),
        ("label", pyarrow.uint8(), [1, 0, 1, None]),
        ("split", pyarrow.string(), ["train", "test", None, None]),
        ("rating", pyarrow.float32(), [9.0, None, None, None]),
        ("group", pyarrow.string(), ["tt1", None, None, None]),
        ("topic", pyarrow.string(), [None] * 4),
        ("timestamp", pyarrow.timestamp("ms", "UTC"), when),
        ("source", pyarrow.string(), ["x:1", "x:2", "x:3", "x:4"]),
    ]
    reviews = pyarrow.table({name: pyarrow.array(values, kind) for name, kind, values in columns})
    keep("table", "plain", parquet_of(reviews, compression="none", use_dictionary=False, store_schema=False))
    keep("table", "zstd", parquet_of(reviews, compression="zstd"))


def arrays():
    ids = pyarrow.list_(pyarrow.field("item", pyarrow.uint16(), nullable=False))
    fields = [("row_id", pyarrow.uint64()), ("label", pyarrow.uint8()), ("length", pyarrow.uint32()), ("ids", ids)]
    schema = pyarrow.schema([pyarrow.field(name, kind, nullable=False) for name, kind in fields])
    values = [[0, 1, 2], [1, 0, 1], [2, 1, 3], [[5, 6], [7], [8, 9, 10]]]
    batch = pyarrow.record_batch([pyarrow.array(column, field.type) for column, field in zip(values, schema)], schema)
    for name, batches in [("one", [batch]), ("two", [batch, batch.slice(1)]), ("none", [])]:
        output = io.BytesIO()
        with pyarrow.ipc.new_file(output, schema) as writer:
            for each in batches:
                writer.write_batch(each)
        keep("arrays", name, output.getvalue())


def packed():
    content = CSV.encode()
    keep("packed", "gzip", gzip.compress(content, mtime=0))
    keep("packed", "gzip-two", gzip.compress(content, mtime=0) + gzip.compress(b"More,positive,7,\n", mtime=0))
    keep("packed", "zstd", pyarrow.Codec("zstd").compress(content, asbytes=True))
    keep("packed", "plain", content)
    for name, method, members in [
        ("zip-stored", zipfile.ZIP_STORED, {"reviews.csv": content}),
        ("zip-deflated", zipfile.ZIP_DEFLATED, {"folder/reviews.csv": content, "__MACOSX/x": b"x"}),
        ("zip-json", zipfile.ZIP_STORED, {"reviews.jsonl": JSON.encode()}),
        ("zip-climbing", zipfile.ZIP_STORED, {"../../reviews.csv": content}),
        ("zip-zip", zipfile.ZIP_STORED, {"a.gz": gzip.compress(content, mtime=0)}),
    ]:
        output = io.BytesIO()
        with zipfile.ZipFile(output, "w", method) as archive:
            for member, data in members.items():
                archive.writestr(zipfile.ZipInfo(member), data, method)
        keep("packed", name, output.getvalue())


def archive():
    review, film = b"A good <br />film.", b"http://www.imdb.com/title/tt0000001/usercomments\n"
    plain = {
        "aclImdb/train/pos/0_9.txt": review,
        "aclImdb/train/unsup/0_0.txt": b"Neither.",
        "aclImdb/test/neg/0_2.txt": b"Dull.",
        "aclImdb/train/urls_pos.txt": film,
    }
    for name, members in [
        ("plain", plain),
        ("repeated", {**plain, "./aclImdb/train/pos/0_9.txt": b"Another."}),
        ("climbing", {"aclImdb/train/pos/../../../0_9.txt": review, "/aclImdb/test/neg/0_1.txt": review}),
        ("long-name", {"aclImdb/train/pos/" + "0" * 120 + "_9.txt": review}),
    ]:
        output = io.BytesIO()
        with tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for member, content in members.items():
                entry = tarfile.TarInfo(member)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            if name == "climbing":
                link = tarfile.TarInfo("aclImdb/train/pos/1_9.txt")
                link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(link)
        # Without the zeros that fill the last record.
        keep("archive", name, output.getvalue().rstrip(b"\0") + b"\0" * 1024)


def manifests():
    digest = "46afb928eb76103c390f89230466e7c541b517c8876550eb19efe2a9592d24ff"
    source = {"stage": "clean", "variant": "reviews", "identity": digest}
    run = {"started": 1, "seconds": 0.5, "peak_memory": 1, "cores": 2, "device": None, "summary": "", "versions": {}}
    counts = {"train": 2, "validation": 1, "test": 1, "unlabelled": 0, "classes": ["negative", "positive"]}
    for name, contract, file in [
        ("reviews", {"kind": "reviews", "rows": 4}, "reviews.parquet"),
        ("clean", {"kind": "clean", **counts}, "clean.parquet"),
        ("climbing", {"kind": "reviews", "rows": 4}, "../manifest.json"),
    ]:
        manifest = {
            "format": 1, "stage": "ingest" if name != "clean" else "clean", "stage_version": 1, "key": digest,
            "settings": {"seed": 1}, "inputs": [source] if name == "clean" else [],
            "sources": [], "contract": contract,
            "files": [{"name": file, "role": "data", "bytes": 4, "rows": 4, "digest": digest}], "run": run,
        }
        keep("manifest", name, json.dumps(manifest, indent=2).removesuffix("\n}") + ",\n")


def tokenizers():
    kinds = [
        ("word", models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer),
        ("bpe", models.BPE(unk_token="[UNK]"), trainers.BpeTrainer),
        ("wordpiece", models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer),
        ("unigram", models.Unigram(), trainers.UnigramTrainer),
    ]
    for name, model, trainer in kinds:
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        more = {"unk_token": "[UNK]"} if name == "unigram" else {}
        special = ["[PAD]", "[UNK]", "[CLS]"]
        trained = trainer(vocab_size=30, special_tokens=special, show_progress=False, **more)
        tokenizer.train_from_iterator(TEXTS, trained)
        if name == "bpe":
            tokenizer.enable_truncation(8)
            tokenizer.enable_padding()
        # A vocabulary is an unordered map; sort it, so that the file is always the same.
        keep("tokenizer", name, json.dumps(json.loads(tokenizer.to_str()), sort_keys=name != "unigram"))


def vectors():
    keep("vectors", "glove", "the 0.1 0.2 -3\n. . . 1 2 3e-2\nof 0.5 0.5 0.5\nnan NaN 1 2\n")
    keep("vectors", "word2vec", "2 3\nthe 0.1 0.2 -3\nof 0.5 0.5 0.5\n")
    keep("vectors", "cut", "3 3\r\nthe\t0.1 0.2 -3 \r\nof 0.5 0.")
    keep("vectors", "gzip", gzip.compress(b"the 0.1 0.2\nof 1 2\n", mtime=0))


def safetensors(tensors):
    header, data = {}, b""
    for name, shape in sorted(tensors.items()):
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += random.Random(name).randbytes(size)
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


def bundles():
    digest = "46afb928eb76103c390f89230466e7c541b517c8876550eb19efe2a9592d24ff"
    training = {
        "epochs": 1, "batch_size": 2, "accumulation": 1, "learning_rate": 0.1, "schedule": "linear", "warm_up": 0.0,
        "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.9, "clip_norm": 1.0, "patience": 0, "label_smoothing": 0.0,
        "precision": "auto", "log_every": 1,
    }
    gates = lambda count: {
        f"layer0.forward.{name}": shape
        for name, shape in {"input": [count * 2, 3], "input_bias": [count * 2], "state": [count * 2, 2],
                            "state_bias": [count * 2]}.items()
    }
    common = {"embedding.weight": [4, 3], "output.bias": [2]}
    networks = {
        "naive": {**common, "hidden0.bias": [2], "hidden0.weight": [2, 3], "output.weight": [2, 2]},
        "gru": {**common, **gates(3), "output.weight": [2, 2]},
        "lstm": {**common, **gates(4), "output.weight": [2, 2]},
        "cnn": {**common, "kernel3.0.weight": [2, 3, 3], "kernel3.0.bias": [2], "output.weight": [2, 2]},
    }
    for kind, tensors in networks.items():
        architecture = {
            "kind": kind, "hidden": 2, "layers": 1, "bidirectional": False, "pooling": "last", "dropout": 0.0,
            "embedding_dropout": 0.0, "word_dropout": 0.0, "train_embedding": kind != "lstm", "filters": 2,
            "kernel_widths": [3], "frozen_layers": 0, "layer_decay": 1.0, "seed": 1, "training": training,
        }
        model = json.dumps({
            "format": 1, "architecture": architecture, "sizes": {"vocabulary_size": 4, "width": 3, "classes": 2},
            "tokenizer": {"fingerprint": "FINGERPRINT", "pad_id": 0, "max_length": 4, "truncation": "head"},
            "labels": ["negative", "positive"], "calibration": {"temperature": 1.0}, "parameters": 1, "epochs": 1,
            "best_epoch": 1, "validation": {"rows": 1, "loss": 0.5, "accuracy": 0.5},
            "provenance": {"tokens": digest, "embedding": digest},
        }, separators=(",", ":")).encode()
        keep("bundle", kind, struct.pack("<H", len(model)) + model + struct.pack("<H", 0) + safetensors(tensors))
    golden = ROOT / "crates/classifier/tests/golden/bert"
    config = (golden / "config.json").read_bytes()
    sizes = json.loads(config)
    text = json.loads(model)
    text["architecture"]["kind"] = "transformer"
    text["sizes"] = {"vocabulary_size": sizes["vocab_size"], "width": sizes["hidden_size"], "classes": 2}
    model = json.dumps(text, separators=(",", ":")).encode()
    weights = (golden / "model.safetensors").read_bytes()
    keep("bundle", "bert", struct.pack("<H", len(model)) + model + struct.pack("<H", len(config)) + config + weights)


def pipelines():
    keep("pipeline", "default", (ROOT / "pipeline.toml").read_bytes())
    keep("pipeline", "small", '[pipeline]\nname = "x"\n[ingest]\nsource = "a.csv"\ncolumns = { text = "review", label = 2 }\n'
         '[tokenizer.w]\nkind = "bpe"\n[embedding.e]\nkind = "random"\ntokenizer = "w"\n[model.m]\nkind = "gru"\nembedding = "e"\n')


def main():
    for write in [rows_of_text, tables, arrays, packed, archive, manifests, tokenizers, vectors, bundles, pipelines]:
        write()
    sizes = [path.stat().st_size for path in SEEDS.rglob("*") if path.is_file()]
    print(f"{len(sizes)} seeds, {sum(sizes):,} bytes")


if __name__ == "__main__":
    main()
