"""What to run: one training each, named by everything that determines it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crossgrad.building import build_method, method_fields, source_digest
from crossgrad.data import DomainDataset, Split, random_split, split
from crossgrad.experiments.chosen import Chosen
from crossgrad.experiments.settings import Settings
from crossgrad.methods import METHODS, Method
from crossgrad.records import run_key

CONTROLS = ("random", "repeat")
"""Methods that say what a part of CrossGrad is worth, so that they are trained as it is, with its fields."""


@dataclass(frozen=True, eq=False)
class Run:
    """One training: which domains are held out, what is trained, with which settings and seed."""

    held_out: tuple[str, ...]
    method: str
    net: str
    seed: int
    settings: Settings
    left_out: tuple[str, ...] = ()
    """Domains that neither train nor are measured on: those that a benchmark keeps for choosing settings."""
    select: str = "none"
    """How settings were chosen that were not asked for: "none" for defaults, and for those of CrossGrad that a control
    takes (but "oracle" where test labels chose them), else a key of `selection.WAYS`."""

    def split(self, dataset: DomainDataset) -> Split:
        """Which examples train, and which are measured on."""
        fraction, seed = self.settings.in_domain_fraction, self.seed
        if not self.held_out:
            return random_split(dataset, in_domain_fraction=fraction, seed=seed, left_out=self.left_out)
        return split(dataset, self.held_out, in_domain_fraction=fraction, seed=seed, left_out=self.left_out)

    def build(self, dataset: DomainDataset) -> Method:
        """The method, freshly built for this dataset's training domains."""
        return build_method(
            self.method,
            net=self.net,
            input_shape=dataset.inputs.shape[1:],
            n_labels=len(dataset.label_names),
            n_domains=len(dataset.domain_names) - len(self.held_out) - len(self.left_out),
            fields=self.settings.fields,
            domain_net=self.settings.domain_net,
            dropout=self.settings.dropout,
        )

    @property
    def n_steps(self) -> int:
        """Optimiser steps of all the method's phases."""
        return self.settings.max_steps * METHODS[self.method].N_PHASES

    def identity(self, dataset: DomainDataset) -> dict[str, Any]:
        """What determines the run, as its record has it."""
        identity = {
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "held_out": list(self.held_out),
            "method": self.method,
            "net": self.net,
            "seed": self.seed,
            "select": self.select,
            "settings": self.settings.to_json(),
        }
        if self.left_out:
            identity["left_out"] = list(self.left_out)
        if digest := source_digest(self.net):
            identity["net_source"] = digest
        if digest := source_digest(self.settings.domain_net or ""):
            identity["domain_net_source"] = digest
        return identity

    def key(self, dataset: DomainDataset) -> str:
        """Sixteen hex digits; the name of the run's artefact folder."""
        return run_key(self.identity(dataset))


def plan_runs(
    *,
    folds: Sequence[tuple[str, ...]],
    methods: Sequence[str],
    seeds: Sequence[int],
    net: str,
    settings: Settings,
    fields: Mapping[str, Mapping[str, Any]],
    chosen: Mapping[str, Mapping[str, Mapping[str, Any]]],
    left_out: tuple[str, ...] = (),
    swept: Mapping[str, Chosen] | None = None,
) -> list[Run]:
    """Every method on every fold of held-out domains with every seed; seeds outermost, so that a stop in between
    leaves whole comparisons.

    Args:
        folds: of domains, each held out together.
        methods: names in METHODS.
        seeds: each at least 0.
        net: name in NETS or an import path.
        settings: of all runs.
        fields: asked for, by method; they go before chosen ones.
        chosen: settings chosen on validation domains, as a `Benchmark` has them. Controls take the settings and fields
            of CrossGrad where it is among the methods, unless they have their own.
        left_out: domains that neither train nor are measured on.
        swept: what sweeps chose, by method; it goes before what a benchmark has.

    Raises:
        SettingsError: a sweep chose nothing for one of the folds.
    """

    def run_of(method: str, fold: tuple[str, ...], seed: int) -> Run:
        if swept and method in swept:
            choice, select = swept[method].choice_for(fold), swept[method].select
            selected, selected_fields = choice.settings, choice.fields
        else:
            selected = dict(chosen.get(fold[0], {}).get(method, {})) if len(fold) == 1 else {}
            select = "held-out" if selected else "none"
            selected_fields = selected.pop("fields", {})
        given = {**selected_fields, **fields.get(method, {})}
        base = settings
        if method in CONTROLS and "crossgrad" in methods:
            controlled = run_of("crossgrad", fold, seed)
            own = controlled.settings.fields
            given = {name: own[name] for name in method_fields(method) if name in own} | given
            if select == "none":
                base = controlled.settings
                select = "oracle" if controlled.select == "oracle" else "none"
        return Run(
            held_out=fold,
            method=method,
            net=net,
            seed=seed,
            settings=replace(base, **selected).for_method(method, given),
            left_out=left_out,
            select=select,
        )

    return [run_of(method, fold, seed) for seed in seeds for fold in folds for method in methods]
