import re
from functools import cache

import pytest
import torch

from crossgrad.data.benchmarks import BENCHMARKS
from crossgrad.data.benchmarks.synthetic_speakers import ACCENTS, KEYWORDS, VARIANTS, load_synthetic_speakers
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.espeak import Utterance, speak
from crossgrad.errors import SettingsError


@cache
def small(**options) -> DomainDataset:
    return load_synthetic_speakers(**{"speakers": 5, "takes": 2, **options})


def test_it_is_called_synthetic_wherever_it_is_named():
    benchmark = BENCHMARKS["synthetic_speakers"]
    assert benchmark.description.startswith("synthetic")
    assert all(name.startswith("synthetic") for name in (small().name, *small().domain_names))


def test_every_speaker_says_every_label_once_a_take():
    dataset = small()
    assert set(dataset.label_names) == {*KEYWORDS, "silence", "unknown"}
    counts = torch.zeros(5, 12).index_put_((dataset.domains, dataset.labels), torch.ones(120), accumulate=True)
    assert (counts == 2).all()


def test_a_speaker_is_the_same_however_many_there_are():
    more, fewer = small(speakers=6), small()
    torch.testing.assert_close(more.inputs[: len(fewer)], fewer.inputs, rtol=0, atol=0)


def test_takes_differ_around_their_speaker():
    dataset = small()
    for label in range(12):
        first, second = dataset.inputs[(dataset.domains == 0) & (dataset.labels == label)]
        assert not torch.equal(first, second)


@pytest.mark.parametrize("other", [{"seed": 1}, {"features": "log_mel"}, {"takes": 1}, {"speakers": 6}])
def test_every_option_changes_something(other):
    assert small(**other).fingerprint != small().fingerprint


def test_parts_share_no_speaker():
    split = small().domain_split
    assert len(split.test) == len(split.validation) == 1
    assert not set(split.test) & set(split.validation)


def test_espeak_has_every_accent_and_variant():
    assert len(list(speak(Utterance("go", f"{accent}+{variant}") for accent in ACCENTS for variant in VARIANTS))) == 208


@pytest.mark.parametrize(("option", "value"), [("speakers", 4), ("takes", 0)])
def test_a_number_too_small_is_quoted(option, value):
    with pytest.raises(SettingsError, match=re.escape(f"{option} must be at least")):
        load_synthetic_speakers(**{option: value})
