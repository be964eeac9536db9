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


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"features": "log_mel"}, {"takes": 1}, {"speakers": 6}, {"training_speakers": 2}]
)
def test_every_option_changes_something(other):
    assert small(**other).fingerprint != small().fingerprint


def test_parts_share_no_speaker():
    dataset = small()
    split = dataset.domain_split
    training = set(dataset.domain_names) - set(split.validation) - set(split.test)
    assert (len(training), len(split.validation), len(split.test)) == (3, 1, 1)


def test_with_more_training_speakers_those_of_fewer_and_all_who_are_measured_stay_the_same():
    """The paper's table 8 asks for the number of domains alone to differ."""
    few, more, all_of_them = (small(speakers=12, takes=1, training_speakers=n) for n in (2, 5, 8))
    for fewer, larger, n_added in ((few, more, 3), (more, all_of_them, 3)):
        assert larger.domain_split == fewer.domain_split
        assert larger.domain_names[: len(fewer.domain_names)] == fewer.domain_names
        assert len(larger.domain_names) == len(fewer.domain_names) + n_added
        for arrays in ("inputs", "labels", "domains"):
            assert torch.equal(getattr(larger, arrays)[: len(fewer)], getattr(fewer, arrays))
    assert (len(few), len(few.domain_split.validation), len(few.domain_split.test)) == ((2 + 2 + 2) * 12, 2, 2)


def test_those_who_are_measured_do_not_depend_on_whether_the_number_of_training_speakers_is_given():
    every, chosen = small(speakers=12, takes=1), small(speakers=12, takes=1, training_speakers=8)
    assert chosen.domain_split == every.domain_split
    assert sorted(chosen.domain_names) == sorted(every.domain_names)


def test_espeak_has_every_accent_and_variant():
    assert len(list(speak(Utterance("go", f"{accent}+{variant}") for accent in ACCENTS for variant in VARIANTS))) == 208


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("speakers", 4, "speakers must be 5 to 10000, but is 4"),
        ("speakers", 10**9, "speakers must be 5 to 10000, but is 1000000000"),
        ("takes", 0, "takes must be 1 to 100, but is 0"),
        ("takes", 10**9, "takes must be 1 to 100, but is 1000000000"),
        ("training_speakers", 1, "training_speakers must be 2 to 60, .* but is 1"),
        ("training_speakers", 61, "training_speakers must be 2 to 60, .* but is 61"),
    ],
)
def test_a_number_out_of_its_range_is_quoted(option, value, message):
    with pytest.raises(SettingsError, match=message):
        load_synthetic_speakers(**{option: value})
