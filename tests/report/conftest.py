"""Folders as a compare leaves them: numbers that look real, pictures that are real digits."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from crossgrad.records import Record, run_key

METHODS = ("erm", "label_grad", "dann", "crossgrad")
ANGLES = ("0", "15", "30", "45", "60", "75")
GAINS = {"erm": 0.0, "label_grad": 0.031, "dann": -0.012, "crossgrad": 0.004}
STEPS = list(range(0, 601, 20))

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MakeFolder = Callable[..., Path]


class Seen:
    """What a page did while it was open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", lambda dialog: (self.messages.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))


Open = Callable[..., Seen]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH (Debian's package chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    contexts = []

    def open_page(path: Path, *, width: int = 1280, colours: str = "light") -> Seen:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=colours))
        contexts[-1].set_default_timeout(180_000)  # in milliseconds; a shared machine may have other work
        seen = Seen(contexts[-1].new_page())
        seen.page.goto(path.as_uri())
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """A function that writes a compare's folder and returns its path."""

    def make(
        *,
        name: str = "compared",
        dataset: str = "digits",
        methods: Sequence[str] = METHODS,
        domains: Sequence[str] = ANGLES,
        seeds: Sequence[int] = (0, 1, 2),
        failed: Sequence[tuple[str, str, int]] = (),
        missing: Sequence[tuple[str, str, int]] = (),
        step: float = 1.5,
        artefacts: bool = True,
        channels: int = 1,
        predictions: int = 0,
        labels: int = 10,
        sound: bool = False,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        generator = np.random.default_rng(7)
        hardness = dict(zip(domains, generator.uniform(0, 0.15, len(domains)), strict=True))
        lines: list[str] = []
        for method in methods:
            for domain in domains:
                for seed in seeds:
                    accuracy = 0.92 - hardness[domain] + GAINS.get(method, 0.0) + generator.normal(0, 0.008)
                    if (method, domain, seed) in missing:
                        continue
                    record = make_record(method, domain, seed, float(min(accuracy, 1)), dataset, domains, step, labels)
                    if (method, domain, seed) in failed:
                        record |= {"out_of_domain": None, "in_domain": None, "perturbation": None}
                        record["error"] = {"message": "loss became NaN", "step": 14}
                    lines.append(json.dumps(record) + "\n")
                    if artefacts and record["error"] is None:
                        _write_artefacts(folder / "runs" / record["key"], record, generator, step, channels, sound)
                    if predictions and record["error"] is None:
                        _write_predictions(folder / "runs" / record["key"], record, predictions)
        (folder / "records.jsonl").write_text("".join(lines))
        return folder

    return make


def make_record(
    method: str,
    domain: str,
    seed: int,
    accuracy: float,
    dataset: str = "digits",
    domains: Sequence[str] = ANGLES,
    step: float = 1.5,
    labels: int = 10,
) -> Record:
    own = {"crossgrad": {"domain_gradient_step": step, "label_gradient_step": step, "domain_weight": 0.5}}
    moves = method in ("label_grad", "crossgrad")
    record: Record = {
        "version": 1,
        "dataset": dataset,
        "fingerprint": "5a1d0c44",
        "n_examples": 1797,
        "labels": [str(label) for label in range(labels)],
        "domains": list(domains),
        "held_out": [domain],
        "method": method,
        "net": "lenet",
        "seed": seed,
        "select": None,
        "settings": {
            "batch_size": 64,
            "learning_rate": 0.02,
            "threads": 1,
            "fields": own.get(method, {"domain_gradient_step": step} if method == "label_grad" else {}),
        },
        "max_steps": 600,
        "out_of_domain": {"accuracy": accuracy, "n": 300, "by_domain": {domain: accuracy}},
        "in_domain": {"accuracy": 0.965 + 0.001 * seed, "n": 150, "by_domain": {}},
        "losses": {"first": {"label_loss": 2.31}, "last": {"label_loss": 0.07}},
        "perturbation": {"l2": step, "linf": step / 5, "input_l2": 6.4} if moves else None,
        "error": None,
        "seconds": 4.2,
        "versions": {"crossgrad": "0.1.0", "python": "3.11.2", "torch": "2.13.0"},
        "command": "crossgrad compare digits --seeds 3",
    }
    return {"key": run_key(record), **record}


def _write_artefacts(
    folder: Path, record: Record, generator: np.random.Generator, step: float, channels: int, sound: bool
) -> None:
    folder.mkdir(parents=True)
    steps = np.array(STEPS)
    falling = 2.3 * np.exp(-steps / {"erm": 90, "dann": 150}.get(record["method"], 120))
    history = {"steps": STEPS, "label_loss": _noisy(falling + 0.05, generator)}
    if record["method"] in ("dann", "crossgrad"):
        history["domain_loss"] = _noisy(1.6 * np.exp(-steps / 300) + 0.1, generator)
    (folder / "history.json").write_text(json.dumps(history))
    if record["perturbation"] is None:
        return
    digits = load_digits()
    inputs = np.kron(digits.images[:12] / 16, np.ones((2, 2)))[:, None].repeat(channels, axis=1).astype("f4")
    arrays = {
        "inputs": inputs,
        "label_perturbed": inputs + _moves(inputs, generator, step),
        "labels": digits.target[:12],
        "domains": np.array([name for name in record["domains"] if name not in record["held_out"]] * 12)[:12],
    }
    if record["method"] == "crossgrad":
        arrays["domain_perturbed"] = inputs + _moves(inputs, generator, step)
    if sound:
        for name in ("inputs", "label_perturbed", "domain_perturbed"):
            if name in arrays:
                n_steps = () if name == "inputs" else (5,)
                arrays[f"sound/{name}"] = generator.integers(-9999, 9999, (2, *n_steps, 7760), dtype=np.int16)
        arrays |= {"sound/steps": np.array([0.5, 1.0, 2.0, 4.0, 8.0]), "sound/sample_rate_hz": np.array(8000)}
    np.savez(folder / "gallery.npz", **arrays)


def _write_predictions(folder: Path, record: Record, n: int) -> None:
    """Of n examples, of which 0 (a "0", taken for a "1") is mistaken the worst, whatever the seed."""
    (domain,) = record["held_out"]
    first, n_labels = n * record["domains"].index(domain), len(record["labels"])
    label = np.arange(n) % n_labels
    generator = np.random.default_rng(record["seed"])
    answer = np.where(generator.random(n) < record["out_of_domain"]["accuracy"], label, (label + 1) % n_labels)
    answer[0] = 1
    probabilities = np.full((n, n_labels), 0.2 / n_labels)
    probabilities[np.arange(n), answer] += 0.8
    probabilities[0] = [0.001, 0.999, *[0.0] * (n_labels - 2)]
    folder.mkdir(parents=True, exist_ok=True)
    example = np.arange(first, first + n)
    np.savez(
        folder / "predictions.npz",
        example=example,
        domain=np.array([domain] * n),
        label=label,
        probabilities=probabilities,
    )
    shown = np.flatnonzero(answer != label)[:12].tolist()
    digits = load_digits().images[shown][:, None] / 16
    files = [f"{domain}/{label[place]}/{place}.png" for place in shown]
    np.savez(folder / "mistakes.npz", example=example[shown], name=np.array(files), inputs=digits)


def _moves(inputs: np.ndarray, generator: np.random.Generator, step: float) -> np.ndarray:
    moves = generator.normal(size=inputs.shape) * (0.2 + inputs)
    return (step * moves / np.linalg.norm(moves.reshape(len(moves), -1), axis=1)[:, None, None, None]).astype("f4")


def _noisy(values: np.ndarray, generator: np.random.Generator) -> list[float]:
    return [float(value) for value in values * generator.uniform(0.85, 1.15, values.shape)]
