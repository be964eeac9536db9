"""Sentiment of reviews of a product that none was seen of: embeddings are moved along gradients, words cannot be.

The reviews are made up from a dozen frames, so that the example needs no download; they show how it is done and not how
well it does on people's reviews. Words of praise and blame are partly a product's own, and those of one left out
are met for the first time. Embeddings of words are made from which words stand together, labels unseen.
"""

import itertools

import numpy as np

from crossgrad import train
from crossgrad.data import DomainDataset

WORDS = {  # things, praise, blame
    "books": (["story", "plot", "novel"], ["gripping", "moving", "excellent"], ["dull", "predictable", "awful"]),
    "kitchen": (["blender", "knife", "pan"], ["sturdy", "sharp", "excellent"], ["flimsy", "rusty", "awful"]),
    "phones": (["screen", "battery", "camera"], ["fast", "bright", "excellent"], ["slow", "dim", "awful"]),
    "music": (["album", "chorus", "voice"], ["catchy", "warm", "excellent"], ["noisy", "flat", "awful"]),
}
FRAMES = [
    ("this {} is {} and i {} it", "love", "hate"),
    ("what a {} so {} you will {} it", "enjoy", "return"),
    ("the {} was {} and we {} ours", "keep", "regret"),
]
WIDTH = 16

STEP = "calibrated:0.1"  # in units of the embeddings; a factor on gradients that vanish would move nothing


def reviews() -> list[tuple[list[str], str, str]]:
    found = []
    for product, (things, praise, blame) in WORDS.items():
        for thing, (frame, good, bad) in itertools.product(things, FRAMES):
            found += [(frame.format(thing, word, good).split(), "positive", product) for word in praise]
            found += [(frame.format(thing, word, bad).split(), "negative", product) for word in blame]
    return found


def embeddings(sentences: list[list[str]]) -> dict[str, np.ndarray]:
    """The largest singular vectors of how much more often two words share a sentence than by chance."""
    words = sorted({word for sentence in sentences for word in sentence})
    present = np.array([[word in sentence for word in words] for sentence in sentences], dtype=float)
    together = present.T @ present
    expected = np.outer(present.sum(0), present.sum(0)) / len(sentences)
    surprise = np.log(np.maximum(together / expected, 1.0))
    left, values, _ = np.linalg.svd(surprise)
    return dict(zip(words, left[:, :WIDTH] * np.sqrt(values[:WIDTH]), strict=True))


def dataset() -> DomainDataset:
    sentences, labels, products = zip(*reviews(), strict=True)
    vectors = embeddings(list(sentences))
    length = max(map(len, sentences))
    inputs = np.zeros((len(sentences), length, WIDTH), np.float32)  # short sentences end in zeros
    for row, sentence in zip(inputs, sentences, strict=True):
        row[: len(sentence)] = [vectors[word] for word in sentence]
    return DomainDataset.from_arrays(inputs, list(labels), list(products), name="reviews", signals=True)


if __name__ == "__main__":
    data = dataset()
    for left_out, method in itertools.product(data.domain_names, ("erm", "crossgrad")):
        others = [name for name in data.domain_names if name != left_out]
        fields = {"domain_gradient_step": STEP, "label_gradient_step": STEP} if method == "crossgrad" else {}
        model = train(
            data, method=method, fields=fields, domains=others, net="mlp", scaling="none", max_steps=100, seed=0
        )
        print(f"accuracy on {left_out}, never seen, by {method}: {model.card['out_of_domain']['accuracy']:.3f}")
