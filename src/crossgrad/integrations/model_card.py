"""A model's card, README.md: what it was made of, how well it does and on whose word, what it is for."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crossgrad.building import is_own
from crossgrad.data import AudioDecoding, ImageDecoding
from crossgrad.errors import RecordError
from crossgrad.experiments.settings import WHERE, untold_defaults
from crossgrad.model import Model
from crossgrad.report import collect, grids
from crossgrad.report.markdown import escape, markdown_table
from crossgrad.report.names import display_name
from crossgrad.report.rows import Table
from crossgrad.report.sources import Source
from crossgrad.report.words import caveats, sentences

MOST_LABELS = 20
"""Named in the card's first sentence."""

_KINDS = {ImageDecoding: ("images", "image-classification"), AudioDecoding: ("recordings", "audio-classification")}


def model_card(model: Model, *, comparison: Path | str | None = None, name: str = "FOLDER") -> str:
    """A model's card in Markdown, with the front matter that the Hub reads.

    Everything in it comes from the model and from records; names are shown letter by letter.

    Args:
        model: whose card it is.
        comparison: folder of a `compare` on the same data, or its records.jsonl: what to expect on new domains, with
            intervals.
        name: to be loaded by: repository or folder.

    Raises:
        RecordError: the comparison is of other data, or not of the model's method.

    Example:
        >>> from crossgrad import open_dataset, train
        >>> card = model_card(train(open_dataset("digits"), method="erm", max_steps=1), name="anna/digits")
        >>> "from_pretrained('anna/digits')" in card, "None of its training's domains was kept apart" in card
        (True, True)
    """
    source = None if comparison is None else _of_same_data(model, collect([Path(comparison)]))
    parts = [_front_matter(model), _purpose(model), _data(model), _accuracy(model, source), _use(model, name)]
    parts += [_training(model)]
    return "\n".join(line for part in parts for line in part) + "\n"


def _of_same_data(model: Model, source: Source) -> Source:
    for field, what in (("fingerprint", "data"), ("method", "method")):
        found = sorted({str(record.get(field)) for record in source.records})
        if str(model.card.get(field)) not in found:
            raise RecordError(
                f"the comparison in {str(source.folder)!r} has {what} {', '.join(found)}; the model's is "
                f"{model.card.get(field)!r}: give the comparison of its own {what}, or none"
            )
    return source


def _front_matter(model: Model) -> Iterator[str]:
    tags = ["domain-generalization", model.building["method"]]
    yield from ("---", "library_name: crossgrad")
    if model.decoding is not None:
        yield f"pipeline_tag: {_KINDS[type(model.decoding)][1]}"
    yield from ("tags:", *(f"- {json.dumps(tag)}" for tag in tags), "---", "")  # JSON's texts are YAML's


def _purpose(model: Model) -> Iterator[str]:
    card, n = model.card, len(model.label_names)
    dataset, method = escape(str(card.get("dataset", "model"))), display_name(model.building["method"])
    named = ", ".join(map(escape, model.label_names[:MOST_LABELS]))
    more = f" and {n - MOST_LABELS} more" if n > MOST_LABELS else ""
    yield from (f"# {dataset}, {method}", "")
    yield f"A classifier of {_inputs(model)} with {n} labels: {named}{more}."
    yield f"Trained by {method} on {len(_domains(model))} domains, to be used on domains that it has not seen."


def _data(model: Model) -> Iterator[str]:
    domains = _domains(model)
    yield from ("", "## Data", "")
    yield f"{escape(str(model.card.get('dataset')))}, fingerprint {escape(str(model.card.get('fingerprint')))}:"
    more: Mapping[str, Any] = model.card.get("unlabelled", {})
    without = f" {escape(str(more['n']))} of them, of {escape(str(more['domain']))}, have no label." if more else ""
    yield from (f"{sum(domains.values())} training examples of {len(domains)} domains.{without}", "")
    yield from markdown_table(["Domain", "Training examples"], [[name, str(n)] for name, n in domains.items()])


def _accuracy(model: Model, source: Source | None) -> Iterator[str]:
    yield from ("## How well it does", "")
    yield from _measured(model.card.get("in_domain"), "unseen examples of its training domains")
    yield from _measured(model.card.get("out_of_domain"), "examples of domains that it was not trained on")
    if not model.card.get("out_of_domain"):
        yield "None of its training's domains was kept apart: how well it does on a new one was not measured on this"
        yield from ("model.", "")
    if source is None:
        yield "No comparison is given with it. `crossgrad compare` holds out domain after domain, and says with an"
        yield from ("interval what to expect on a new one.", "")
    else:
        yield from _compared(model, source)


def _measured(found: Mapping[str, Any] | None, where: str) -> Iterator[str]:
    if found:
        yield from (f"Accuracy on {found['n']} {where}: {100 * found['accuracy']:.1f} %.", "")
        rows = [[name, f"{100 * accuracy:.1f}"] for name, accuracy in found["by_domain"].items()]
        yield from markdown_table(["Domain", "Accuracy in percent"], rows)


def _compared(model: Model, source: Source) -> Iterator[str]:
    table: Table = source.table
    yield from ("### Expected on new domains", "")
    domains, seeds = _count(len(table.held_out), "domain"), _count(len(table.seeds), "seed")
    yield f"A comparison on the same data held out {domains}, {seeds}."
    yield from ("Its models are not this one: each was trained without the domains that it was measured on.", "")
    if different := _different(model, source):
        yield f"Those of its method were not trained as this one; they differ in {', '.join(map(escape, different))}."
        yield ""
    grid = grids.accuracy(table)
    yield from (*markdown_table(grid.header, grid.rows), escape(grid.caption), "")
    yield from (*(f"- {escape(text)}" for text in sentences(table)), "")
    yield from (f"> {escape(text)}\n" for text in caveats(table))


def _different(model: Model, source: Source) -> list[str]:
    """Names of what the comparison's runs of the model's method were given otherwise."""
    runs = [record for record in source.records if record["method"] == model.card["method"]]
    own = dict(_flat({"net": model.card.get("net"), **model.card.get("settings", {})}))
    found = [dict(_flat({"net": record["net"], **record["settings"]})) for record in runs]
    untold = untold_defaults(model.card["method"])

    def value(told: Mapping[str, Any], name: str) -> Any:
        return told.get(name, untold.get(name.removeprefix("fields.")))

    names = dict.fromkeys(name for told in (own, *found) for name in told if name not in WHERE)
    return [name for name in names if any(value(told, name) != value(own, name) for told in found)]


def _use(model: Model, name: str) -> Iterator[str]:
    own = [net for net in (model.building.get("net"), model.building.get("domain_net")) if net and is_own(net)]
    arguments = f"{name!r}{', allow_import=True' if own else ''}"
    given = "inputs" if model.decoding is None else "files"
    yield from ("## What it is for", "")
    yield f"For {_inputs(model)} like those it was trained on, of the labels above, from domains of the same kind."
    yield from ("", "It is limited as its training was:", "")
    yield "- Every input gets one of its labels, also one that none of them fits."
    yield "- Its probabilities were not calibrated. On a new domain it can be wrong and sure."
    yield "- What does not vary between the training domains is nothing that it can have learned to disregard."
    yield "- Measure it on labelled examples of a new domain before you rely on it there."
    yield from ("", "## How to use it", "", "```python", "from crossgrad.integrations.hub import from_pretrained", "")
    yield from (f"model = from_pretrained({arguments})", f"model.predict({given}).labels", "```", "")
    yield "Weights are safetensors, all else is JSON: nothing is unpickled."
    if own:
        yield f"It has a net of its own, {escape(', '.join(own))}: `allow_import=True` imports and runs that code."
    yield ""


def _training(model: Model) -> Iterator[str]:
    card = model.card
    rows = {name: card.get(name) for name in ("method", "net", "seed")} | dict(_flat(card.get("settings", {})))
    yield from ("## How it was trained", "")
    yield from markdown_table(["Setting", "Value"], [[name, json.dumps(value)] for name, value in rows.items()])
    versions = ", ".join(f"{name} {version}" for name, version in card.get("versions", {}).items())
    yield escape(f"Versions: {versions}.")
    yield ""
    yield "Of CrossGrad: Shankar et al., Generalizing Across Domains via Cross-Gradient Training, ICLR 2018."


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _domains(model: Model) -> dict[str, int]:
    found: dict[str, int] = model.card.get("training_domains", {})
    return found


def _inputs(model: Model) -> str:
    if model.decoding is None:
        return f"arrays of shape {escape(str(model.input_shape))}"
    return _KINDS[type(model.decoding)][0]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
