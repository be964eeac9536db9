"""One's own recordings through the real command line: compared, trained on, predicted."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import crossgrad
from commands import Command
from crossgrad.data import AudioDecoding
from crossgrad.records import read_records

SPEAKERS = {"ann": 0.5, "bob": 0.1, "cy": 0.3}
"""And how loud they are."""
WORDS = {"high": 2_000.0, "low": 300.0}
"""And their pitch in Hz."""
SHORT = ("--seconds", "0.3")  # 28 frames, which train in a moment


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tones/speaker/word/file.wav."""
    folder = tmp_path_factory.mktemp("audio")
    random = np.random.RandomState(0)
    for speaker, loudness in SPEAKERS.items():
        for word, pitch in WORDS.items():
            for index in range(5):
                path = folder / "tones" / speaker / word / f"{index}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                time = np.arange(random.randint(3_000, 8_000)) / 16_000
                tone = np.sin(2 * np.pi * random.uniform(0.9, 1.1) * pitch * time)
                soundfile.write(path, loudness * tone + 0.01 * random.standard_normal(len(time)), 16_000)
    return folder


@pytest.fixture
def command(command: Command, tones: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """In the folder above that of the tones."""
    monkeypatch.chdir(tones)
    return command


def test_speakers_are_compared_and_the_report_shows_what_was_heard(command: Command, tones: Path) -> None:
    options = ("--methods", "erm,crossgrad", "--hold-out", "cy", "--seeds", "1", "--max-steps", "3", "--jobs", "1")
    done = command("compare", "tones", *SHORT, *options, "--batch-size", "8", "--net", "conv2")
    assert done.code == 0, done.err
    assert "tones: 30 examples, 2 labels, 3 domains" in done.err
    for record in read_records(tones / "crossgrad-tones"):
        assert record["domains"] == list(SPEAKERS)
        assert record["error"] is None
        assert np.isfinite(record["losses"]["last"]["label_loss"])
        assert record["perturbation"] is None or 0 < record["perturbation"]["input_l2"] < 100  # standardised
    page = (tones / "crossgrad-tones" / "report.html").read_text()
    assert "black and white are the 5th and" in page


def test_a_model_of_recordings_labels_others(command: Command, tones: Path) -> None:
    options = (
        "--method",
        "erm",
        "--max-steps",
        "40",
        "--batch-size",
        "8",
        "--learning-rate",
        "0.003",
        "--net",
        "lenet",
    )
    done = command("train", "tones", *SHORT, "--features", "log_mel", *options, "--output", "model")
    assert done.code == 0, done.err
    assert crossgrad.load(tones / "model").decoding == AudioDecoding("log_mel", seconds=0.3)
    for name, pitch in WORDS.items():
        tone = 0.2 * np.sin(2 * np.pi * pitch * np.arange(44_100) / 44_100)
        soundfile.write(tones / f"{name}.ogg", np.stack([tone, tone], axis=1), 44_100)
    (tones / "broken.wav").write_bytes(b"nonsense")
    files = ["high.ogg", "broken.wav", "low.ogg"]
    refused = command("predict", "model", *files)
    assert (refused.code, len(refused.out.splitlines())) == (1, 2)
    assert "high.ogg" in refused.out
    assert refused.err.startswith("Error: cannot read audio 'broken.wav': ")
    done = command("predict", "model", *files, "--skip-unreadable", "--json")
    assert done.code == 0, done.err
    assert "Warning: cannot read audio 'broken.wav'" in done.err
    predicted = [json.loads(line) for line in done.out.splitlines()]
    assert {line["file"]: line["label"] for line in predicted} == {"high.ogg": "high", "low.ogg": "low"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--features", "mfc"), "no audio features 'mfc'; did you mean 'mfcc'?"),
        (("--seconds", "0"), "seconds must be from 0.03 to 60, but is 0"),
        (("--image-size", "32"), "image size and channels are for image files, and those of 'tones' are audio"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(command: Command, arguments: tuple[str, ...], message: str) -> None:
    done = command("compare", "tones", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"Error: {message}")
