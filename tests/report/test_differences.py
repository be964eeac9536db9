"""One method against another where single examples are looked at."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crossgrad.errors import RecordError
from crossgrad.report.artefacts import Answers
from crossgrad.report.differences import Cell, over_examples


def test_domains_that_show_the_same_objects_are_tested_object_by_object() -> None:
    """The same answers on six domains are the evidence of one."""
    right = np.random.default_rng(0).random(200) < 0.2
    names = ["0", "15", "30", "45", "60", "75"]

    def cells(answers: NDArray[np.bool_]) -> dict[tuple[str, int], Cell]:
        return {
            (name, 0): Cell(
                float(answers.mean()), Answers(np.arange(200) + 200 * place, np.full(200, name), answers, None)
            )
            for place, name in enumerate(names)
        }

    own, other = cells(right), cells(np.zeros(200, dtype=bool))
    one = over_examples(*({("0", 0): each["0", 0]} for each in (own, other)), names)
    repeated, apart = (over_examples(own, other, names, repeats=repeats) for repeats in (True, False))
    assert one is not None
    assert repeated is not None
    assert apart is not None
    assert (repeated.mean, repeated.low, repeated.n) == (pytest.approx(one.mean), pytest.approx(one.low), 200)
    assert apart.n == 1200
    assert apart.p_value < repeated.p_value  # type: ignore[operator]
    other["75", 0] = own["75", 0] = Cell(0.5, Answers(np.arange(3), np.full(3, "75"), np.ones(3, dtype=bool), None))
    with pytest.raises(RecordError, match="unequally many examples"):
        over_examples(own, other, names, repeats=True)
