"""Settings are chosen by validation domains alone."""

import copy
import json

import pytest

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.selection import (
    choose,
    validation_accuracies,
    validation_accuracy,
    validation_pairs,
    validations,
)

DOMAINS = ("a", "b", "c", "d")


def record(pair: tuple[str, str], step: float, accuracies: dict[str, float], seed: int = 0) -> Record:
    by_domain = {domain: accuracies[domain] for domain in pair}
    return {
        "held_out": list(pair),
        "method": "crossgrad",
        "seed": seed,
        "settings": {"step": step},
        "out_of_domain": {"by_domain": by_domain},
    }


def records() -> list[Record]:
    """The step of 1 is better on b, c and d, and worse on a."""
    found = []
    for pair in validation_pairs(DOMAINS):
        found.append(record(pair, 0.3, dict.fromkeys(DOMAINS, 0.5)))
        found.append(record(pair, 1.0, {"a": 0.0, "b": 0.6, "c": 0.6, "d": 0.6}))
    return found


def test_every_other_domain_validates_the_settings_of_one() -> None:
    assert len(validation_pairs(DOMAINS)) == 6
    accuracies = validation_accuracies(records(), "b")["crossgrad"]
    assert accuracies[json.dumps({"step": 0.3})] == pytest.approx(0.5)
    assert accuracies[json.dumps({"step": 1.0})] == pytest.approx((0.0 + 0.6 + 0.6) / 3)


def test_the_choice_for_a_domain_never_looks_at_what_was_measured_on_it() -> None:
    before = records()
    after = copy.deepcopy(before)
    for one in after:
        if "a" in one["out_of_domain"]["by_domain"]:
            one["out_of_domain"]["by_domain"]["a"] = float("nan")
    assert choose(before, "a") == choose(after, "a") == {"crossgrad": {"step": 1.0}}
    assert choose(before, "b") == {"crossgrad": {"step": 0.3}}


def test_a_setting_that_failed_counts_as_wrong_everywhere() -> None:
    found = records()
    for one in found:
        if one["settings"]["step"] == 1.0:
            one["out_of_domain"] = None
    assert choose(found, "a") == {"crossgrad": {"step": 0.3}}


def test_settings_measured_on_different_domains_are_not_compared() -> None:
    with pytest.raises(RecordError, match="settings of crossgrad were not all measured on the same domains for 'a'"):
        choose(records()[:-7], "a")


# What is trained, and what of it counts

FOLDS = {
    "each": [("a",), ("b",), ("c",), ("d",), ("e",)],
    "two folds": [("a", "d"), ("b",)],
    "one": [("b", "c")],
}
NAMES = ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("select", ["held-out", "training"])
@pytest.mark.parametrize("folds", FOLDS.values(), ids=FOLDS.keys())
def test_what_counts_in_a_choice_was_measured_on_none_of_its_test_domains_by_nets_that_never_saw_them(
    folds: list[tuple[str, ...]], select: str
) -> None:
    found = validations(NAMES, folds, select, inner_folds=[("a",), ("d", "e")])
    assert {validation.fold for validation in found} == set(folds)
    for validation in found:
        assert not set(validation.fold) & set(validation.domains)
        assert set(validation.fold) <= {*validation.held_out, *validation.left_out}
        assert not set(validation.held_out) & set(validation.left_out)
        if select == "training":
            assert validation.place == "in_domain"
            assert set(validation.fold) <= set(validation.left_out)
            assert not validation.held_out
        else:
            assert validation.place == "out_of_domain"
            assert set(validation.domains) <= set(validation.held_out)


def test_pairs_of_folds_share_a_training() -> None:
    found = validations(NAMES, FOLDS["each"], "held-out")
    assert len(found) == 20
    assert len({validation.held_out for validation in found}) == 10


def test_domains_that_a_benchmark_keeps_for_validation_are_held_out_and_the_test_domains_left_out() -> None:
    (one,) = validations(NAMES, [("d", "e")], "held-out", kept_for_validation=("c",), inner_folds=[("c",)])
    assert (one.held_out, one.left_out, one.domains) == (("c",), ("d", "e"), ("c",))
    (one,) = validations(NAMES, [("d", "e")], "training", kept_for_validation=("c",))
    assert (one.held_out, one.left_out, one.domains) == ((), ("c", "d", "e"), ("a", "b"))
    (one,) = validations(NAMES, [("d", "e")], "oracle", kept_for_validation=("c",))
    assert (one.held_out, one.left_out, one.domains) == (("d", "e"), ("c",), ("d", "e"))


def test_accuracy_is_averaged_over_runs_first_and_its_error_is_over_domains() -> None:
    first, second = validations(("a", "b", "c"), [("a",)], "held-out", inner_folds=[("b",), ("c",)])

    def measured(domain: str, accuracy: float) -> Record:
        return {"out_of_domain": {"by_domain": {domain: accuracy}}}

    found = validation_accuracy(
        [(first, measured("b", 0.2)), (first, measured("b", 0.4)), (second, measured("c", 0.9))]
    )
    assert (found.value, found.n) == (pytest.approx(0.6), 2)
    assert found.standard_error == pytest.approx(0.3)
    of_seeds = validation_accuracy([(first, measured("b", 0.2)), (first, measured("b", 0.4))])
    assert (of_seeds.value, of_seeds.standard_error) == (pytest.approx(0.3), pytest.approx(0.1))
    failed = validation_accuracy([(first, measured("b", 0.2)), (second, {"out_of_domain": None})])
    assert failed.value == pytest.approx(0.1)
