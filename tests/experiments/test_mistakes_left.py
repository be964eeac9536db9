"""What a run leaves of its mistakes, and of its inputs as sound."""

import numpy as np
import pytest
import torch

from crossgrad.data import AudioDecoding, DomainDataset
from crossgrad.data.audio_features import log_mel, mfcc
from crossgrad.data.audio_inversion import RATE_HZ, waveform_of
from crossgrad.experiments.mistakes import EACH, MOST_PIXELS, mistakes
from crossgrad.experiments.sounds import SOUNDING, STEPS, sounds


def of_files(n: int, *, side: int = 8) -> DomainDataset:
    inputs = torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))
    labels, domains = torch.arange(n) % 2, torch.arange(n) % 3
    files = tuple(f"{number}.png" for number in range(n))
    return DomainDataset(inputs, labels, domains, ("a", "b"), ("x", "y", "z"), "pictures", files=files)


def test_the_least_likely_truths_of_each_domain_are_left_with_their_files() -> None:
    dataset = of_files(120)
    truth = torch.linspace(0, 1, 120)
    probabilities = torch.where(torch.arange(2) == dataset.labels[:, None], truth[:, None], 1 - truth[:, None])
    left = mistakes(dataset, torch.arange(1000, 1120), probabilities)
    wrong = [number for number in range(120) if truth[number] < 0.5]
    for domain in range(3):
        expected = [1000 + number for number in wrong if number % 3 == domain][:EACH]
        assert [place for place in left["example"].tolist() if (place - 1000) % 3 == domain] == expected
    assert left["name"].tolist() == [f"{place - 1000}.png" for place in left["example"]]
    assert np.array_equal(left["inputs"], dataset.inputs[left["example"] - 1000].numpy())


def test_large_pictures_are_left_small_and_a_faultless_run_leaves_none() -> None:
    dataset = of_files(4, side=200)
    wrong = 1 - torch.nn.functional.one_hot(dataset.labels, 2).float()
    assert mistakes(dataset, torch.arange(4), wrong)["inputs"].shape == (4, 1, MOST_PIXELS, MOST_PIXELS)
    left = mistakes(dataset, torch.arange(4), 1 - wrong)
    assert left["example"].shape == left["name"].shape == (0,)
    assert "inputs" not in left


def test_subsets_keep_the_names_of_their_files() -> None:
    dataset = of_files(6)
    assert dataset.subset([5, 0]).files == ("5.png", "0.png")
    assert dataset.subset(dataset.labels == 1).files == ("1.png", "3.png", "5.png")
    assert dataset.fingerprint == DomainDataset(*list(vars(dataset).values())[:6]).fingerprint


def chirp() -> np.ndarray:
    time = np.arange(16_000) / 16_000
    return (0.3 * np.hanning(16_000) * np.sin(2 * np.pi * (300 + 900 * time) * time)).astype(np.float32)


@pytest.mark.parametrize(("kind", "features_of"), [("log_mel", log_mel), ("mfcc", mfcc)])
def test_sound_made_back_from_features_has_those_features(kind: str, features_of) -> None:
    pytest.importorskip("librosa")
    sound = waveform_of(features_of(chirp()), kind=kind)
    # The same bands at half the rate hold half the samples; frames are one stride apart at the edges.
    again, before = log_mel(sound, sample_rate_hz=RATE_HZ) + np.log(2), log_mel(chirp())
    n = again.shape[1] - 2
    assert np.corrcoef(again[:, :n].ravel(), before[:, 1 : n + 1].ravel())[0, 1] > 0.9


def test_sounds_are_of_audio_alone_and_bounded() -> None:
    pytest.importorskip("librosa")
    features = np.stack([log_mel(chirp())[None]] * 3)
    dataset = of_files(3)
    assert sounds(dataset, features, {}) == {}
    dataset = DomainDataset(
        torch.from_numpy(features),
        dataset.labels,
        dataset.domains,
        dataset.label_names,
        dataset.domain_names,
        "chirps",
        AudioDecoding("log_mel"),
    )
    left = sounds(dataset, features, {"domain_perturbed": features + 0.2})
    assert left["sound/inputs"].shape == (SOUNDING, 7760)
    assert left["sound/domain_perturbed"].shape == (SOUNDING, len(STEPS), 7760)
    assert left["sound/inputs"].dtype == np.int16
    assert np.abs(left["sound/inputs"]).max() == pytest.approx(32767 / 2, abs=1)
    energies = np.square(left["sound/domain_perturbed"].astype(float)).sum(axis=2)
    assert (np.diff(energies, axis=1) > 0).all()  # louder in every band, the longer the step
