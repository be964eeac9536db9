"""Confusions and worst examples are those of the predictions that runs left."""

import numpy as np
import pytest

from crossgrad.errors import RecordError
from crossgrad.report import collect, gallery, write_report
from crossgrad.report.mistakes import MOST_CHARACTERS, WORST, mistakes

from .conftest import MakeFolder

SMALL = {"methods": ["erm", "crossgrad"], "domains": ["0", "15"], "seeds": [0, 1], "artefacts": False}


def found_in(folder):
    source = collect([folder])
    return source, *mistakes(source.table, source.records, source.artefacts)


def arrays_of(folder, source, method, domain):
    keys = [each["key"] for each in source.records if each["method"] == method and each["held_out"] == [domain]]
    return [dict(np.load(folder / "runs" / key / "predictions.npz")) for key in keys]


def test_confusions_count_the_answers_of_all_seeds(make_folder: MakeFolder):
    folder = make_folder(**SMALL, predictions=40)
    source, labels, found = found_in(folder)
    assert len(labels) == 10
    assert [each.domain for each in found] == ["0", "15"]
    for each in found:
        for method, confusion in zip(("erm", "crossgrad"), each.confusions, strict=True):
            expected = np.zeros((10, 10), int)
            for arrays in arrays_of(folder, source, method, each.domain):
                np.add.at(expected, (arrays["label"], arrays["probabilities"].argmax(1)), 1)
            assert [[count for count, _ in row] for row in confusion.cells] == expected.tolist()
            assert confusion.often.startswith(f"{np.trace(expected)} of 80 answers are right")


def test_the_worst_are_those_whose_truth_was_the_least_likely_over_seeds(make_folder: MakeFolder):
    folder = make_folder(**SMALL, predictions=40)
    source, _, found = found_in(folder)
    worst = found[1].confusions[0].worst
    assert len(worst) <= WORST
    assert (worst[0].name, worst[0].label, worst[0].answer) == ("15/0/0.png", "0", "1")
    assert worst[0].picture is not None
    mean = np.mean([arrays["probabilities"] for arrays in arrays_of(folder, source, "erm", "15")], axis=0)
    label = np.arange(40) % 10
    truth = mean[np.arange(40), label][mean.argmax(1) != label]
    expected = (100 * np.sort(truth)[:WORST]).tolist()
    assert [example.truth_percent for example in worst] == pytest.approx(expected)


def test_examples_of_folders_without_file_names_go_by_their_place(make_folder: MakeFolder):
    folder = make_folder(**SMALL, predictions=40)
    for path in folder.glob("runs/*/mistakes.npz"):
        path.unlink()
    *_, found = found_in(folder)
    assert found[1].confusions[0].worst[0].name == "example 40"
    assert found[1].confusions[0].worst[0].picture is None
    assert "example 40" in write_report(folder).html.read_text()


def test_confusions_of_many_labels_are_a_picture_with_words(make_folder: MakeFolder):
    *_, found = found_in(make_folder(**SMALL, predictions=60, labels=30))
    confusion = found[0].confusions[0]
    assert confusion.cells == ()
    assert confusion.picture is not None
    assert confusion.often in confusion.picture.text


@pytest.mark.parametrize("name", ["predictions.npz", "mistakes.npz"])
def test_damaged_artefacts_are_refused_by_name(make_folder: MakeFolder, name: str):
    folder = make_folder(**SMALL, predictions=40)
    path = next(iter(folder.glob(f"runs/*/{name}")))
    np.savez(path, example=np.arange(3), name=np.array(["a"]))
    with pytest.raises(RecordError, match=name.replace(".", r"\.")):
        write_report(folder)


def test_names_of_files_are_escaped(make_folder: MakeFolder):
    folder = make_folder(**SMALL, predictions=40)
    for path in folder.glob("runs/*/mistakes.npz"):
        arrays = dict(np.load(path))
        np.savez(path, **arrays | {"name": np.array(["<script>\x1b[31m</script>"] * len(arrays["example"]))})
    text = write_report(folder).html.read_text()
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "\x1b" not in text


def test_the_largest_comparison_stays_under_five_megabytes(make_folder: MakeFolder):
    methods = ["erm", "label_grad", "crossgrad", "dann"]
    names = [f"speaker {n:04d}" for n in range(40)]
    folder = make_folder(domains=names, methods=methods, seeds=[0], predictions=24, labels=12, sound=True)
    *_, found = found_in(folder)
    assert 10 < len(found) < 40
    text = write_report(folder).html.read_text()
    # Beside this, 600 domains take under 1.5 million characters of tables and figures.
    assert len(text.encode()) < 5_000_000
    assert MOST_CHARACTERS + gallery.MOST_CHARACTERS + gallery.MOST_SOUND_CHARACTERS < 3_500_000
    assert text.index("How it was made") - text.index("Mistakes on each") > MOST_CHARACTERS / 2
    assert "<audio" in text
