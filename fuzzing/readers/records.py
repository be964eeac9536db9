"""Records and what runs left beside them, up to the pages made of them."""

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from fuzzing.mutation import Choices, altered_bytes, altered_json, as_json, json_lines
from fuzzing.readers.arrays import altered_zip
from fuzzing.target import Target, altered_json_file, written

_RECORD = {
    "version": 1,
    "dataset": "digits",
    "fingerprint": "5a1d0c44",
    "n_examples": 90,
    "labels": ["0", "1"],
    "domains": ["a", "b", "c"],
    "net": "lenet",
    "select": None,
    "settings": {"batch_size": 64, "learning_rate": 0.02, "fields": {}},
    "max_steps": 600,
    "in_domain": {"accuracy": 0.9, "n": 50, "by_domain": {"a": 0.9}},
    "losses": {"first": {"label_loss": 2.3}, "last": {"label_loss": 0.1}},
    "perturbation": {"l2": 1.0, "linf": 0.1, "input_l2": 6.4},
    "error": None,
    "seconds": 4.2,
    "versions": {"torch": "2"},
    "command": "crossgrad compare x",
}


@cache
def _records() -> tuple[bytes, ...]:
    rows = []
    for method in ("erm", "crossgrad"):
        for index, domain in enumerate("abc"):
            accuracy = {"accuracy": 0.8, "n": 30, "by_domain": {domain: 0.8 + 0.01 * index}}
            rows.append(
                {
                    **_RECORD,
                    "key": f"{method}{domain}",
                    "method": method,
                    "held_out": [domain],
                    "seed": 0,
                    "out_of_domain": accuracy,
                }
            )
    return (json_lines(rows),)


def _altered_records(content: bytes, choices: Choices) -> bytes:
    if choices.below(8) == 7:
        return altered_bytes(content, choices)
    rows = [json.loads(line) for line in content.splitlines()]
    if choices.below(4) == 0:  # all alike: what differs between records is refused before anything is done with it
        changed = altered_json(
            {name: value for name, value in rows[0].items() if name not in ("key", "method", "held_out")}, choices
        )
        return json_lines(
            [
                {**(changed if isinstance(changed, dict) else {}), **{n: row[n] for n in ("key", "method", "held_out")}}
                for row in rows
            ]
        )
    return json_lines(altered_json(rows, choices))


def _read_records(content: bytes, folder: Path) -> object:
    from crossgrad.report import collect

    return collect([written(folder / "records.jsonl", content)]).table


def _write_report(content: bytes, folder: Path) -> object:
    from rich.console import Console

    from crossgrad.report import collect, print_table, write_report

    source = collect([written(folder / "records.jsonl", content)])
    paths = write_report(source, folder)
    printed = io.StringIO()
    print_table(source.table, Console(file=printed))
    for text in (printed.getvalue(), *(path.read_text() for path in paths)):
        _check_is_harmless(text)
    if "<script" in paths.html.read_text() or "<img src=x" in paths.html.read_text():
        raise AssertionError("the page holds markup of the data")
    return paths


def _check_is_harmless(text: str) -> None:
    if steering := {character for character in text if not character.isprintable() and character not in "\n\t\xa0"}:
        raise AssertionError(f"control characters reach people: {steering}")


@cache
def _artefacts() -> tuple[bytes, ...]:
    gallery, predictions = io.BytesIO(), io.BytesIO()
    inputs = np.zeros((2, 1, 4, 4), np.float32)
    np.savez(
        gallery, inputs=inputs, label_perturbed=inputs + 1, labels=np.array(["0", "1"]), domains=np.array(["b", "c"])
    )
    np.savez(
        predictions,
        probabilities=np.array([[0.9, 0.1], [0.2, 0.8]], np.float32),
        example=np.array([0, 1]),
        label=np.array([0, 1]),
        domain=np.array(["a", "a"]),
    )
    history = as_json({"steps": [1, 2], "label_loss": [1.0, 0.5], "domain_loss": [None, 0.5]})
    return gallery.getvalue(), predictions.getvalue(), history


def _altered_artefact(content: bytes, choices: Choices) -> bytes:
    return (altered_zip if content[:2] == b"PK" else altered_json_file)(content, choices)


def _read_artefact(content: bytes, folder: Path) -> object:
    from crossgrad.records import read_records
    from crossgrad.report.artefacts import Artefacts, read_answers
    from crossgrad.report.gallery import galleries
    from crossgrad.report.history import curves

    records = read_records(written(folder / "records.jsonl", _records()[0].splitlines(keepends=True)[3]))
    (run := folder / "runs" / "crossgrada").mkdir(parents=True, exist_ok=True)
    for name in ("gallery.npz", "predictions.npz", "history.json"):
        written(run / name, content)
    artefacts = Artefacts(folder / "runs")
    found: list[object] = []
    for read in (
        lambda: galleries(records, artefacts),
        lambda: read_answers(records, artefacts),
        lambda: curves(records, artefacts, "label_loss"),
    ):
        found.append(_or_ours(read))
    return found


def _or_ours(read: Callable[[], object]) -> object:
    from crossgrad.errors import CrossGradError

    try:
        return read()
    except CrossGradError as error:
        return error


TARGETS = {
    "records": Target(_records, _altered_records, _read_records, 800),
    "report": Target(_records, _altered_records, _write_report, 200),
    "artefacts": Target(_artefacts, _altered_artefact, _read_artefact, 600),
}
