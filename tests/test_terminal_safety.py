"""Names that come from data and from the disk steer no terminal, in what is said as in errors."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from crossgrad.cli import console, main
from crossgrad.printing import printable, printable_lines
from small import save_arrays, vectors

NASTY = "\x1b[31mred\x07\n\u202ename\x9b2J"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    sys.argv = ["crossgrad", *arguments]
    with warnings.catch_warnings(), pytest.raises(SystemExit):
        main()
    captured = capsys.readouterr()
    return captured.out + captured.err


def is_harmless(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [])


def test_names_are_written_out_letter_by_letter() -> None:
    assert printable(NASTY) == "\\x1b[31mred\\x07\\n\\u202ename\\x9b2J"
    assert printable_lines(NASTY) == "\\x1b[31mred\\x07\n\\u202ename\\x9b2J"


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", NASTY, "--output", "out"),
        ("train", "v.npz", "--output", "out", "--domain", NASTY),
        ("train", "v.npz", "--output", "out", "--set", NASTY),
        ("compare", "v.npz", "--methods", NASTY),
        ("compare", "v.npz", "--hold-out", NASTY),
        ("predict", NASTY, "a.png"),
        ("report", NASTY),
        ("data", "list", NASTY),
        ("data", "show", "v.npz", "--output", f"{NASTY}.gif"),
        ("train", f"--{NASTY}"),
        (f"--{NASTY}",),
        (NASTY,),
        ("predict", "model", "a.png", "--format", NASTY),
    ],
)
def test_errors_about_nasty_names_are_harmless(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    save_arrays(vectors(), Path("v.npz"))
    text = run(capsys, *arguments)
    assert "red" in text
    assert is_harmless(text)


def test_a_dataset_with_nasty_names_is_trained_on_and_labels_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.RandomState(0)
    labels = np.array([NASTY, "[red]", "[/]"])[np.arange(48) % 3]
    file = Path(f"{NASTY}.npz")
    np.savez(file, inputs=random.randn(48, 3), labels=labels, domains=np.array([NASTY, "b"])[np.arange(48) // 24])
    trained = run(capsys, "train", f"./{file}", "--output", NASTY, "--max-steps", "1")
    assert "48 examples" in trained
    assert is_harmless(trained)
    predicted = run(capsys, "predict", NASTY, f"./{file}")
    assert "[red]" in predicted
    assert is_harmless(predicted)


def test_json_and_csv_are_harmless_on_a_terminal_and_exact_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console.show_json({"name": NASTY})
    assert "\u202e" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    console.show_json({"name": NASTY})
    assert is_harmless(capsys.readouterr().out)
