"""Settings are chosen by validation domains alone."""

import copy
import json

import pytest

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.selection import choose, validation_accuracies, validation_pairs

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
