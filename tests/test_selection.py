"""Settings are chosen by validation domains alone."""

import pytest

from crossgrad.records import Record
from crossgrad.selection import in_words, validation_accuracy, validations

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


def test_a_point_in_words_names_every_value() -> None:
    assert in_words({"clip": None, "norm": "l2", "condition": False}) == "clip null, norm l2, condition false"
