"""Every committed table of the reproduction is what its committed records give, to the letter."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

from crossgrad.cli.paper_tables import as_markdown
from crossgrad.experiments.matching import MATCHED
from crossgrad.records import read_records
from crossgrad.report.differences import cells_of
from crossgrad.report.names import display_name
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.reproduction import SCALES, Made, make
from crossgrad.reproduction.ablations import ABLATIONS, BASE
from crossgrad.reproduction.found import Found, accuracies_by_seed, found_in, pooled
from crossgrad.reproduction.paper_table import Cell
from crossgrad.reproduction.published import MNIST, SPEECH_GAINS
from crossgrad.reproduction.sizes import SIZES
from crossgrad.reproduction.studies import (
    BY_TRAINING_DOMAINS,
    FONTS,
    FONTS_RESNET,
    HANDWRITING,
    HANDWRITING_RESNET,
    OTHER_ALPHABETS,
    ROTATED_MNIST,
    SPEECH_LITHUANIAN,
    Study,
    fonts_of,
    synthetic_speakers,
)
from crossgrad.reproduction.trial_results import Results
from crossgrad.significance import SIGNIFICANCE_LEVEL, holm, paired_t

RESULTS = Path(__file__).parents[2] / "results" / "reproduction"
TABLES = sorted(path for path in RESULTS.glob("*/*.json") if path.stem != "table3")


@cache
def made_anew(path: Path) -> Made:
    """Once, whoever asks."""
    made = make(path.stem, SCALES[path.parent.name], path.parent)
    assert made is not None
    return made


SPEAKERS = (40, 100, 200, 1000)
FEW = 3
"""Of these numbers LabelGrad gains with so many, the smallest."""


def rows_of(name: str) -> tuple[Mapping[str, Cell], ...]:
    """Of a table at the scale cpu, made anew."""
    return tuple(made_anew(RESULTS / "cpu" / f"{name}.json").table.rows)


@cache
def fonts_by_number() -> Mapping[int, Found]:
    return {n: found_in(study, RESULTS / "cpu") for n, study in BY_TRAINING_DOMAINS["fonts"].items()}


def gain_and_p(found: Found, method: str, other: str = "erm") -> tuple[float, str]:
    """In points, and p as tables give it."""
    against, p = found.against(method, other), found.larger_p(method, other)
    assert against is not None
    assert p is not None
    return against.comparison.mean, p_value(p)


def test_the_paper_s_own_data_is_among_them() -> None:
    assert RESULTS / "cpu" / "table9.json" in TABLES


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_table_comes_from_its_records(path: Path) -> None:
    table = made_anew(path).table
    assert json.loads(json.dumps(asdict(table))) == json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == as_markdown(table)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_drawings_come_from_their_records(path: Path) -> None:
    drawings = {name: drawn for name, drawn in made_anew(path).pictures.items() if name.endswith(".svg")}
    assert len(drawings) == (path.stem in ("figure6", "figure7", "sizes", "table8"))
    for name, drawn in drawings.items():
        assert (path.parent / name).read_bytes() == drawn
        if path.parent.name == "cpu":
            assert (RESULTS.parents[1] / "docs" / "images" / name).read_bytes() == drawn


def test_the_picture_of_table_8_shows_its_gains() -> None:
    made = made_anew(RESULTS / "cpu" / "table8.json")
    gains = {
        f"{row['method']}: {str(row['gain']).lstrip('+')} at {str(row['column']).split()[0]}"
        for row in made.table.rows
        if row["gain"]
    }
    assert set(re.findall("<title>([^<]* at [^<]*)</title>", made.pictures["table8.svg"].decode())) == gains
    assert len(gains) == 45


@pytest.mark.parametrize(
    ("study", "shown"),
    [
        ("fonts", "fonts"),
        ("handwriting", "handwriting"),
        ("rotated_mnist", "rotated MNIST"),
        ("speech_lithuanian", "speech (Lithuanian)"),
    ],
)
def test_the_page_says_how_much_harder_moved_inputs_were(study: str, shown: str) -> None:
    page = (RESULTS.parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8")
    records = read_records(RESULTS / "cpu" / study / "comparison")
    for method in ("label_grad", "crossgrad", "random"):
        runs = [record for record in records if record["method"] == method and record["error"] is None]
        length = fmean(100 * run["perturbation"]["l2"] / run["perturbation"]["input_l2"] for run in runs)
        unmoved, moved = (
            fmean(run["losses"]["last"][name] for run in runs) for name in ("label_loss", "perturbed_label_loss")
        )
        assert f"| {shown} | {display_name(method)} | {length:.1f} | {unmoved:.4f} | {moved:.4f} |" in page


def words_of(page: str) -> str:
    return " ".join((RESULTS.parents[1] / page).read_text(encoding="utf-8").split())


def test_the_page_says_in_short_what_the_records_say() -> None:
    page = words_of("docs/reproduction.md")
    studies = (FONTS, HANDWRITING, ROTATED_MNIST, SPEECH_LITHUANIAN)
    tasks = {study.name: found_in(study, RESULTS / "cpu") for study in studies}

    def is_above(found: Found, method: str, other: str) -> bool:
        gain, p = found.against(method, other), found.larger_p(method, other)
        assert gain is not None
        assert p is not None
        return gain.comparison.mean > 0 and p < SIGNIFICANCE_LEVEL

    assert "**CrossGrad is above ERM on none of the four tasks**, nor above a random direction as long" in page
    for found in tasks.values():
        assert not is_above(found, "crossgrad", "erm")
        assert not is_above(found, "crossgrad", "random")
    ten = fonts_by_number()[10]
    assert is_above(ten, "crossgrad", "erm")
    assert is_above(ten, MATCHED, "erm")
    assert (
        "on rotated MNIST, with a residual net on the handwriting, and on fonts wherever 5 to 40 of them train" in page
    )
    of_residual_net = found_in(HANDWRITING_RESNET, RESULTS / "cpu")
    for found in (tasks[ROTATED_MNIST.name], of_residual_net, *(fonts_by_number()[n] for n in (5, 10, 20, 40))):
        assert is_above(found, "label_grad", "erm")
    assert "The hybrid of both is above ERM on all fonts and on rotated MNIST, CCSA on rotated MNIST." in page
    for study, method in ((FONTS, "hybrid"), (ROTATED_MNIST, "hybrid"), (ROTATED_MNIST, "ccsa")):
        assert is_above(tasks[study.name], method, "erm")
    of_many = found_in(synthetic_speakers(1000), RESULTS / "cpu")
    longer = [tasks[FONTS.name], tasks[ROTATED_MNIST.name], of_many]
    fonts, mnist, speakers = (gain_and_p(found, MATCHED)[0] for found in longer)
    assert f"with as many passes it gains {fonts:.1f} points, {mnist:.1f} and {speakers:.1f}." in page
    assert all(is_above(found, MATCHED, "crossgrad") for found in longer)
    (lost, _), (other, _) = gain_of("crossgrad", FONTS_RESNET), gain_of("crossgrad", HANDWRITING_RESNET)
    assert f"CrossGrad loses**: {-lost:.1f} points on the fonts, where without the domain" in page
    assert f"and {-other:.1f} on the handwriting, where the cause is not sure" in page


def test_the_page_says_which_differences_stay_when_corrected_for_the_methods_compared() -> None:
    page = words_of("docs/reproduction.md")
    studies = (
        *(FONTS, HANDWRITING, ROTATED_MNIST, SPEECH_LITHUANIAN, FONTS_RESNET, HANDWRITING_RESNET),
        *map(fonts_of, (5, 10, 20, 40)),
        *map(synthetic_speakers, SPEAKERS),
    )
    stay: dict[str, set[str]] = {}
    for study in studies:
        found = found_in(study, RESULTS / "cpu")
        others = [method for method in found.cells if method not in ("erm", "repeat")]  # without dropout Repeat is ERM
        ps = holm([p_of(found, method, "erm") for method in others])
        for method, p in zip(others, ps, strict=True):
            if p < SIGNIFICANCE_LEVEL:
                against = found.against(method, "erm")
                assert against is not None
                stay.setdefault(f"{method} {'+' if against.comparison.mean > 0 else '-'}", set()).add(study.name)
    speakers = {f"synthetic_speakers-{n}" for n in (40, 100)}
    assert stay == {
        "label_grad +": {"fonts-5", "fonts-10", "fonts-20", "fonts-40", "handwriting-resnet", *speakers},
        f"{MATCHED} +": {
            *("fonts", "fonts-10", "rotated_mnist"),
            *("synthetic_speakers-200", "synthetic_speakers-1000"),
        },
        "crossgrad -": {"fonts-resnet"},
        "mtae -": {"rotated_mnist"},
    }
    assert (
        "these gains stay below 0.05: LabelGrad's with 5 to 40 fonts, with 40 and 100 speakers and with the residual "
        "net on the handwriting; those of ERM with as many passes on all fonts, on ten, with 200 speakers and 1,000 "
        "and on rotated MNIST (at its 15 degrees alone CCSA's too). So do two losses: CrossGrad's with the residual "
        "net on the fonts, D-MTAE's on rotated MNIST." in page
    )
    assert (
        "LabelGrad's gains with few fonts and with up to 100 speakers stay, and those of ERM with CrossGrad's compute "
        "on all fonts, on ten, with 200 speakers and 1,000 and on MNIST over all angles; LabelGrad's, CCSA's and the "
        "hybrid's over all angles, the hybrid's on all fonts and CrossGrad's on ten [do not]" in words_of("README.md")
    )
    assert "(At 15 degrees alone CCSA's does.)" in words_of("README.md")
    at_15 = {
        method: [100 * (cells["15", seed].accuracy - found.cells["erm"]["15", seed].accuracy) for seed in range(5)]
        for found in [found_in(ROTATED_MNIST, RESULTS / "cpu")]
        for method, cells in found.cells.items()
        if method not in ("erm", "repeat")
    }
    ps = holm([paired_t(points).p_value or 0.0 for points in at_15.values()])
    sure = {method for method, p in zip(at_15, ps, strict=True) if p < SIGNIFICANCE_LEVEL}
    assert sure == {MATCHED, "ccsa", "mtae"}


def test_the_page_says_whose_moved_inputs_are_hard() -> None:
    page = words_of("docs/reproduction.md")

    def losses(study: str, method: str) -> list[tuple[float, float]]:
        last = [
            record["losses"]["last"]
            for record in read_records(RESULTS / "cpu" / study / "comparison")
            if record["method"] == method and record["error"] is None
        ]
        return [(each["label_loss"], each["perturbed_label_loss"]) for each in last]

    def ratio(study: str, method: str) -> float:
        unmoved, moved = (fmean(values) for values in zip(*losses(study, method), strict=True))
        return moved / unmoved

    assert f"raises its loss by {100 * (ratio('fonts', 'crossgrad') - 1):.1f} %, a random one of the same" in page
    assert f"of the same length by {100 * (ratio('fonts', 'random') - 1):.1f} %" in page
    assert ratio("speech_lithuanian", "crossgrad") < 1
    assert "they are a third harder than unmoved ones, but those that random directions give three quarters" in page
    assert ratio("rotated_mnist", "crossgrad") == pytest.approx(4 / 3, abs=0.05)
    assert ratio("rotated_mnist", "random") == pytest.approx(7 / 4, abs=0.05)
    of_handwriting = losses("handwriting", "crossgrad")
    in_the_median = median(moved / unmoved for unmoved, moved in of_handwriting)
    assert f"in the median they are as easy ({in_the_median:.2f} times the loss)" in page
    most = max(moved - unmoved for unmoved, moved in of_handwriting)
    assert most > 0.8 * sum(
        moved - unmoved for unmoved, moved in of_handwriting
    )  # "one training of five makes the mean"


def test_the_page_tells_the_longer_trainings_that_are_on_record() -> None:
    page = words_of("docs/reproduction.md")
    records = read_records(RESULTS / "cpu" / "conditions" / "rotated_mnist")
    rows = rows_of("conditions")
    short, longer, *_ = (row for row in rows if row["task"] == "rotated_mnist")
    at_15, averaged = (row for row in rows if row["task"] == "rotated_mnist-15")
    told = (
        "ERM has {ERM} %, LabelGrad {LabelGrad}, CrossGrad {CrossGrad}, without g {CrossGrad without g} and the random "
        "direction {Random};"
    )
    assert f"At 15 degrees, five trainings each, {told.format(**at_15)}" in page
    all_of_15 = read_records(RESULTS / "cpu" / "conditions" / "rotated_mnist-15")
    of_15 = [record for record in all_of_15 if record["settings"].get("average") is None]
    assert len(all_of_15) == 2 * len(of_15)
    of_averaged = told.format(**averaged).removeprefix("ERM has ").removesuffix(";")
    assert f"(`average`, 0.99), have: ERM {of_averaged}. **Averaged," in page
    assert str(averaged["CrossGrad"]).split()[0] == str(averaged["ERM"]).split()[0] == "98.6"
    assert "**Averaged, CrossGrad has 98.6 %, what the paper has, and ERM has as much**" in page
    assert MNIST["crossgrad"] == 98.6
    of_label_grad, p = str(averaged["LabelGrad"]).split()[0], str(averaged["LabelGrad"]).rstrip(")").rpartition("p ")[2]
    assert (
        f"with averaged weights CrossGrad has the paper's 98.6 %, ERM 98.6 and LabelGrad {of_label_grad} (p {p}):"
        in words_of("README.md")
    )
    assert float(str(averaged["CrossGrad"]).rstrip(")").rpartition("p ")[2]) > SIGNIFICANCE_LEVEL
    known = {
        method: [100 * each["training"]["accuracy"] for each in of_15 if each["method"] == method]
        for method in ("erm", "crossgrad")
    }
    assert f"know between {min(known['crossgrad']):.1f} and {max(known['crossgrad']):.0f} % of their training" in page
    assert min(known["erm"]) == 100
    with_g = [record for record in of_15 if record["settings"]["fields"].get("condition")]
    assert len(with_g) == 5
    assert len(of_15) == 25
    first = next(record for record in with_g if record["seed"] == 0)
    assert f"With the first seed alone CrossGrad has {100 * first['out_of_domain']['accuracy']:.1f} %" in page
    of_seeds = {
        method: {each["seed"]: 100 * each["out_of_domain"]["accuracy"] for each in of_15 if each["method"] == method}
        for method in ("erm", "label_grad")
    }
    gains = sorted(of_seeds["label_grad"][seed] - accuracy for seed, accuracy in of_seeds["erm"].items())
    assert f"above ERM in all five trainings, by {gains[0]:.1f} to {gains[-1]:.1f} points" in page
    assert gains[0] > 0
    means = {heading: str(cell).split()[0] for heading, cell in at_15.items() if cell}
    ps = {heading: str(at_15[heading]).rstrip(")").rpartition("p ")[2] for heading in ("CrossGrad", "LabelGrad")}
    assert (
        f"CrossGrad has at 15 degrees (five trainings) {means['CrossGrad']} % ({means['CrossGrad without g']} without "
        f"g), not told apart from ERM's "
        f"{means['ERM']} (p {ps['CrossGrad']}), and LabelGrad {means['LabelGrad']} (p {ps['LabelGrad']})"
        in words_of("README.md")
    )
    assert (
        f"With 4,000 steps, one training for each angle, ERM has {longer['ERM']} % over the angles where it had" in page
    )
    assert f"where it had {short['ERM']}, and its loss" in page
    for method, sign, words in (
        ("LabelGrad", "+", "LabelGrad is {} points above it as before (p {}),"),
        ("CrossGrad", "-", "CrossGrad {} below (p {}),"),
        ("Random", "-", "a random direction {} below (p {})."),
    ):
        gain, p = str(longer[method]).rstrip(")").split(" (")[1].split(", p ")
        assert gain.startswith(sign)
        assert words.format(gain[1:], p) in page
    shorter = next(row for row in rows if row["condition"] == "a quarter of the steps")
    assert f"one training for each angle, ERM has {shorter['ERM']} %, LabelGrad" in page
    by_rmsprop = next(row for row in rows if str(row["condition"]).startswith("the paper's optimiser"))
    assert f"in the place of Adam ERM has {by_rmsprop['ERM']} %, LabelGrad" in page
    for row in (shorter, by_rmsprop):
        more_or_less = []
        for method in ("LabelGrad", "CrossGrad", "Random"):
            gain, p = str(row[method]).rstrip(")").split(" (")[1].split(", p ")
            more_or_less.append((gain[1:], "more" if gain.startswith("+") else "less", p))
        (label_grad, _, of_it), own, random = more_or_less
        assert (
            f"LabelGrad {label_grad} points more (p {of_it}), CrossGrad {own[0]} {own[1]} (p {own[2]}) and the random "
            f"direction {random[0]} {random[1]} (p {random[2]})" in page
        )
    of_erm = [record for record in records if (record["method"], record["max_steps"]) == ("erm", 4000)]
    assert "its loss is zero to three decimals" in page
    assert max(record["losses"]["last"]["label_loss"] for record in of_erm) < 0.0005


def test_the_page_tells_the_sizes_that_are_on_record() -> None:
    page = words_of("docs/reproduction.md")
    rows = {(row["method"], row["size"]): row for row in rows_of("sizes") if row["task"] == "fonts"}

    def between(values: Iterable[str]) -> str:
        ordered = sorted(values, key=float)
        return f"{ordered[0]} to {ordered[-1]}"

    def gains_and_ps(cells: Iterable[Cell]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        gains, ps = zip(*(str(cell).strip("+)").split(" (") for cell in cells), strict=True)
        return gains, ps

    of_label_grad = [rows["LabelGrad", size] for size in ("0.05", "0.1", "0.25")]
    gains, ps = gains_and_ps(row["gain"] for row in of_label_grad)
    assert f"from size 0.05 to 0.25, {of_label_grad[0]['moved']} to {of_label_grad[-1]['moved']} % of the" in page
    assert f"it gains {between(gains)} points (p {between(ps)}), most at 0.05" in page
    assert gains[0] == max(gains, key=float)
    assert float(max(ps, key=float)) < SIGNIFICANCE_LEVEL
    of_erm = [*map(seeds_and_accuracies, ("sizes/fonts", "ablations/fonts"))]
    here, anew = (fmean(each.values()) for each in of_erm)
    assert f"the same three trainings of ERM, {here:.1f} % in the mean" in page
    assert f"and have {anew:.1f}: by these all gains would be {anew - here:.1f} less." in page
    assert list(of_erm[0].items())[:2] == list(seeds_and_accuracies("fonts/comparison").items())[:2]  # "to the bit"
    gain, p = gain_and_p(found_in(FONTS, RESULTS / "cpu"), "label_grad")
    assert f"In table 4 it moves by 0.05 too, and five trainings gain {gain:.1f} points, p {p}. The first two" in page
    in_table_4 = [
        record["settings"]["fields"]["label_gradient_step"]
        for record in read_records(RESULTS / "cpu" / "fonts" / "comparison")
        if record["method"] == "label_grad"
    ]
    assert in_table_4 == ["calibrated:0.05"] * 5

    up_to_one = [row for (method, _), row in rows.items() if method == "CrossGrad" and row["size"] != "2"]
    assert len(up_to_one) == 6
    gains, ps = gains_and_ps(row["gain"] for row in up_to_one)
    assert f"From {up_to_one[0]['moved']} to {up_to_one[-1]['moved']} % of the input's length" in page
    assert (
        f"it gains {between(gains)} points at every size, most at size 1, none of it surely (p {between(ps)})" in page
    )
    assert gains[-1] == max(gains, key=float)
    assert float(min(ps, key=float)) > SIGNIFICANCE_LEVEL
    assert f"At {rows['CrossGrad', '2']['moved']} % nothing is left" in page
    gains, ps = gains_and_ps(row["on_random"] for row in rows.values() if row["on_random"])
    assert f"CrossGrad is {between(gains)} points above it at every size, by none of them told apart" in page
    assert f"told apart (p {between(ps)})." in page
    assert len(gains) == 7

    least, most = rows["LabelGrad", "0.05"], rows["CrossGrad", "1"]
    assert (
        f"moved by {least['moved']} % of its length along the label's gradient, an input has {least['harder']}" in page
    )
    assert f"along the domain's it takes {most['moved']} % for {most['harder']} times" in page


def seeds_and_accuracies(place: str) -> dict[int, float]:
    """ERM's on unseen domains in per cent by seed."""
    by_seed = {
        record["seed"]: 100 * record["out_of_domain"]["accuracy"]
        for record in read_records(RESULTS / "cpu" / place)
        if record["method"] == "erm"
    }
    return dict(sorted(by_seed.items()))


def test_the_page_tells_what_all_sizes_say_together() -> None:
    page = words_of("docs/reproduction.md")
    (trials,) = (each for each in SIZES if each.study == FONTS)
    results = Results(trials, SCALES["cpu"], RESULTS / "cpu")
    assert {len(results.records(variant)) for variant in trials.variants} == {3}

    def accuracies(method: str) -> dict[int, float]:
        """By seed, the mean over sizes up to 1 and over fonts."""
        found: dict[int, list[float]] = {}
        for variant in trials.variants:
            if variant.method == method and variant.question != "size 2":
                for record in results.records(variant):
                    points = 100 * fmean(record["out_of_domain"]["by_domain"].values())
                    found.setdefault(record["seed"], []).append(points)
        return {seed: fmean(values) for seed, values in found.items()}

    own = accuracies("crossgrad")
    above = [paired_t([own[seed] - of_other[seed] for seed in own]) for of_other in map(accuracies, ("erm", "random"))]
    of_erm, of_random = ((found.mean, p_value(found.p_value)) for found in above)
    assert f"1 it is {of_erm[0]:.1f} points above ERM (p {of_erm[1]} over the three trainings) and" in page
    assert f"and {of_random[0]:.1f} above the random direction (p {of_random[1]}); this was" in page
    at_chance = [
        record["out_of_domain"]["accuracy"] < 0.05
        for variant in trials.variants
        if (variant.method, variant.question) == ("label_grad", "size 1")
        for record in results.records(variant)
    ]
    assert sorted(at_chance) == [False, False, True]


def test_the_page_tells_the_shapes_that_are_on_record() -> None:
    page = words_of("docs/reproduction.md")
    rows = {row["variant"]: row for row in rows_of("ablations")}
    as_it_is = rows[BASE]["rotated_mnist"]
    shaped = {
        "{} with each example's scaled to one L2 norm": "each example to one L2 norm",
        "{} to one L-infinity norm": "each example to one L-infinity norm",
        "{} by signs alone": "signs alone",
        "{} clipped to 0.1": "clipped to 0.1",
        "ERM has {}": "ERM",
        "LabelGrad {}": "LabelGrad",
    }
    assert f"CrossGrad has {as_it_is} % with gradients as they are" in page
    for words, variant in shaped.items():
        assert words.format(rows[variant]["rotated_mnist"]) in page
    of_shapes = [row for row in rows.values() if row["question"] == "Shaped how?"]
    assert all(str(row["rotated_mnist_minus"]).startswith("+") for row in of_shapes)
    assert len(of_shapes) == 4
    ps = sorted((str(row["rotated_mnist_p"]) for row in of_shapes), key=float)
    assert f"none surely by itself (p {ps[0]} to {ps[-1]})" in page


def test_the_page_tells_the_ablations_that_are_on_record() -> None:
    page = words_of("docs/reproduction.md")
    rows = {str(row["variant"]): row for row in rows_of("ablations")}
    accuracy = {name: str(row["rotated_mnist"]) for name, row in rows.items()}
    ours = sorted(float(of) for name, of in accuracy.items() if name not in (BASE, "ERM", "LabelGrad"))
    assert f"The {len(ours)} variants that move" in page
    assert (
        f"lie between {ours[0]} and {ours[-1]} %; ERM has {accuracy['ERM']}, LabelGrad {accuracy['LabelGrad']}" in page
    )
    ps = [float(str(row["rotated_mnist_p"])) for name, row in rows.items() if name != BASE]
    (sure,) = (p for p in ps if p < SIGNIFICANCE_LEVEL)
    assert f"One of {len(ps)} differences has p below 0.05 ({sure})" in page
    assert sorted(map(float, accuracy.values())).index(float(accuracy[BASE])) == 1  # the second lowest
    assert (
        f"did better, by {max(_minus(row) for name, row in rows.items() if name != 'LabelGrad')} points at most" in page
    )
    for name, words in {
        "LabelGrad": "which is {} above CrossGrad (p {})",
        "without g": "without them {} points more (p {})",
        "the label loss's input gradient through g too": "with the gradient through them {} more (p {})",
        "the domain net first, by itself": "The domain net first and by itself: {} points more (p {})",
        "the domain net's inputs not moved": "Without moving its inputs, {} more (p {})",
    }.items():
        assert words.format(_minus(rows[name]), rows[name]["rotated_mnist_p"]) in page
    of_authors, of_dassl = (
        next(of for name, of in accuracy.items() if other in name) for other in ("authors", "Dassl")
    )
    assert f"has {of_authors} %, Dassl's settings {of_dassl}" in page
    half, quarter = rows["half the channels"], rows["a quarter of the channels"]
    of_both = f"{half['rotated_mnist']} and {quarter['rotated_mnist']} %, where the full one has {accuracy[BASE]}"
    assert f"{of_both} (p {half['rotated_mnist_p']} and {quarter['rotated_mnist_p']})" in page


def test_the_page_tells_the_ablations_on_fonts_that_are_on_record() -> None:
    page = words_of("docs/reproduction.md")
    rows = {str(row["variant"]): row for row in rows_of("ablations")}
    accuracy = {name: float(str(row["fonts"]).split()[0]) for name, row in rows.items()}
    ours = sorted(of for name, of in accuracy.items() if name not in (BASE, "ERM", "LabelGrad"))
    least = min(float(str(row["fonts_p"])) for name, row in rows.items() if name != BASE)
    assert f"each of the {len(rows) - 1} p is {least:g} or more." in page
    assert least > SIGNIFICANCE_LEVEL
    assert f"The {len(ours)} variants lie between {ours[0]} and {ours[-1]} %; CrossGrad has {accuracy[BASE]}," in page
    assert f"has {accuracy[BASE]}, ERM {accuracy['ERM']}, LabelGrad {accuracy['LabelGrad']}. Three" in page

    def spread(question: str) -> str:
        found = sorted(accuracy[name] for name, row in rows.items() if row["question"] == question)
        return f"{found[0]} to {found[-1]}"

    of_shapes, of_lengths = spread("Shaped how?"), spread("How far?")
    assert f"Neither the shape of the gradient ({of_shapes} %), nor the length of the step ({of_lengths})," in page
    assert f"nor g ({accuracy['without g']} without it) is seen" in page
    first = rows["the domain net first, by itself"]
    assert accuracy[str(first["variant"])] == ours[-1]
    assert f"by itself: {ours[-1]} ({first['fonts_minus']}, p {first['fonts_p']}), " in page
    half, quarter = accuracy["half the channels"], accuracy["a quarter of the channels"]
    assert f"is not seen to do worse here either: {half} and {quarter} %." in page
    (trials,) = (each for each in ABLATIONS if each.study == FONTS)
    results = Results(trials, SCALES["cpu"], RESULTS / "cpu")
    assert {len(results.records(variant)) for variant in trials.variants} == {3}
    by_name = {variant.name: variant for variant in trials.variants}
    gain = results.gain(by_name["the domain net first, by itself"], by_name["ERM"])
    assert gain is not None
    assert f"{gain[0].removeprefix('+')} points above ERM (p {gain[1]}, one of many comparisons)" in page
    to_either_side = [
        over_seeds.high - over_seeds.mean
        for variant in trials.variants[1:]
        if (over_seeds := results.over_seeds(variant, trials.variants[0])) and over_seeds.high is not None
    ]
    assert f"half of the intervals over trainings reach {median(to_either_side):.1f} points or more" in page


def test_the_page_tells_what_came_of_asking_anew_for_the_domain_net_trained_first() -> None:
    page, records = words_of("docs/reproduction.md"), read_records(RESULTS.parent / "domain-net-first")
    by_method = {name: [record for record in records if record["method"] == name] for name in _ASKED_ANEW}
    assert {len(of_method) for of_method in by_method.values()} == {8}
    assert {record["seed"] for record in records} == set(range(3, 11))
    found = Found(
        {name: accuracies_by_seed(of_method) for name, of_method in by_method.items()},
        {name: cells_of(of_method, name, {}) for name, of_method in by_method.items()},
        records[0]["domains"],
        shares_models=True,
    )
    accuracy, over_seeds = found.of("crossgrad_separate"), found.over_seeds("crossgrad_separate", "erm")
    assert accuracy is not None
    assert over_seeds is not None
    assert over_seeds.low is not None
    assert over_seeds.high is not None
    (gain, p), (on_random, of_random) = (gain_and_p(found, "crossgrad_separate", name) for name in ("erm", "random"))
    assert f"it has {accuracy.value:.1f} %, {gain:.1f} points more than ERM ({over_seeds.low:.1f} to" in page
    assert f"to {over_seeds.high:.1f} over trainings, p {p}) and {on_random:.1f} more than a random direction" in page
    gain, p = gain_and_p(found, "random")
    assert f"as long (p {of_random}), which is {gain:.1f} above ERM (p {p}). That does not bear it out" in page
    assert p_of(found, "crossgrad_separate", "erm") > SIGNIFICANCE_LEVEL


_ASKED_ANEW = ("erm", "crossgrad_separate", "random")


def _minus(row: Mapping[str, Cell]) -> float:
    return float(str(row["rotated_mnist_minus"] or 0))


def p_of(found: Found, method: str, other: str) -> float:
    p = found.larger_p(method, other)
    assert p is not None
    return p


@pytest.mark.parametrize(
    ("of", "n"),
    [*(("fonts", n) for n in BY_TRAINING_DOMAINS["fonts"]), *(("speakers", n) for n in SPEAKERS)],
)
def test_the_page_tells_what_is_gained_with_fewer_training_domains(of: str, n: int) -> None:
    found = found_in(BY_TRAINING_DOMAINS[of][n], RESULTS / "cpu")
    accuracy = found.of("erm")
    assert accuracy is not None
    cells = [str(n), f"{accuracy.value:.1f}"]
    for method in ("label_grad", "dann", "crossgrad", "random", MATCHED):
        if method in found.cells:
            gain, p = gain_and_p(found, method)
            cells.append(f"{signed_points(gain)} (p {p})")
        else:
            cells.append("not run")
    assert f"| {' | '.join(cells)} |" in words_of("docs/reproduction.md")


def test_the_page_tells_which_gains_with_fewer_training_fonts_are_sure() -> None:
    page, few = words_of("docs/reproduction.md"), [5, 10, 20, 40]
    of_label_grad = {n: gain_and_p(fonts_by_number()[n], "label_grad") for n in few}
    gains = sorted(gain for gain, _ in of_label_grad.values())
    assert f"{gains[0]:.1f} to {gains[-1]:.1f} points with 5 to 40, surely at each number" in page
    assert f"{gains[0]:.1f} to {gains[-1]:.1f} points with 5 to 40" in words_of("README.md")
    assert all(p_of(fonts_by_number()[n], "label_grad", "erm") < SIGNIFICANCE_LEVEL for n in few)
    ten = fonts_by_number()[10]
    longer = {n: gain_and_p(found, "label_grad", MATCHED) for n, found in fonts_by_number().items()}
    of_longer = [p_of(found, "label_grad", MATCHED) for found in fonts_by_number().values()]
    corrected_by_n = dict(zip(fonts_by_number(), map(p_value, holm(of_longer)), strict=True))
    assert (
        f"by {longer[5][0]:.1f} points at five fonts (p {longer[5][1]}; corrected for the five numbers "
        f"{corrected_by_n[5]}), more than compute gives, and by {longer[10][0]:.1f} at ten (p {longer[10][1]}; "
        f"{corrected_by_n[10]})." in page
    )
    assert min(of_longer[2:]) > SIGNIFICANCE_LEVEL  # "from 20 on the two are not told apart"

    ps = {n: p_of(found, "crossgrad", "erm") for n, found in fonts_by_number().items()}
    assert [n for n, p in ps.items() if p < SIGNIFICANCE_LEVEL] == [10]
    corrected = p_value(dict(zip(ps, holm(list(ps.values())), strict=True))[10])
    gain, p = gain_and_p(ten, "crossgrad")
    assert (
        f"**CrossGrad is above ERM at ten fonts alone, by itself** (+{gain:.1f}, p {p}); corrected for the five "
        f"numbers it is not ({corrected})." in page
    )
    assert f"(corrected for the five numbers of fonts, CrossGrad's p is {corrected})" in page
    assert (
        f"it is {gain:.1f} points above ERM (p {p}; corrected for five numbers of fonts {corrected}), as is ERM with"
        in words_of("README.md")
    )
    of_random, (above, above_p) = gain_and_p(ten, "random")[0], gain_and_p(ten, "crossgrad", "random")
    assert (
        f"gains as much (+{gain_and_p(ten, MATCHED)[0]:.1f}), and a random direction as long {of_random:.1f}, from "
        f"which CrossGrad is not told apart (+{above:.1f}, p {above_p})" in page
    )

    points = sorted(-gain_and_p(found, "crossgrad", "label_grad")[0] for found in fonts_by_number().values())
    below = {n: p_of(found, "crossgrad", "label_grad") for n, found in fonts_by_number().items()}
    of_few = sorted(below[n] for n in few)
    assert f"by {points[0]:.1f} to {points[-1]:.1f} points; at 5 to 40 each p by itself is below 0.05" in page
    assert f"is below 0.05 ({p_value(of_few[0])} to {p_value(of_few[-1])}), corrected for the five numbers at" in page
    assert of_few[-1] < SIGNIFICANCE_LEVEL
    sure = zip(below, holm(list(below.values())), strict=True)
    assert [n for n, p in sure if p < SIGNIFICANCE_LEVEL] == [5]
    for found in fonts_by_number().values():
        assert all(p_of(found, method, "erm") > SIGNIFICANCE_LEVEL for method in ("dann", "random"))
    of_matched = [gain_and_p(found, MATCHED)[0] for found in fonts_by_number().values()]
    least, most = min(of_matched), max(of_matched)
    assert f"**ERM with as many passes is higher at each number, {least:.1f} to {most:.1f} points**" in page
    of_matched = [p_of(found, MATCHED, "erm") for found in fonts_by_number().values()]
    corrected_matched = zip(fonts_by_number(), holm(of_matched), strict=True)
    assert [n for n, p in corrected_matched if p < SIGNIFICANCE_LEVEL] == [10, 71]
    n_drawings = {
        n: max(record["training"]["n"] for record in read_records(RESULTS / "cpu" / study.name / "comparison"))
        for n, study in BY_TRAINING_DOMAINS["fonts"].items()
    }
    assert f"({n_drawings[5]:,} with five, {n_drawings[71]:,} with all)" in page


def test_the_page_tells_what_all_numbers_of_fonts_say_together() -> None:
    page = words_of("docs/reproduction.md")

    def together(method: str, other: str) -> tuple[float, str]:
        """The mean over numbers of fonts, with p over seeds, numbers averaged, and over numbers, seeds averaged."""
        of_numbers = [by_seed(found, method, other) for found in fonts_by_number().values()]
        assert len(of_numbers) == 5
        over_seeds = paired_t([fmean(each[seed] for each in of_numbers) for seed in range(5)])
        over_numbers = paired_t([fmean(each.values()) for each in of_numbers])
        assert over_seeds.p_value is not None
        assert over_numbers.p_value is not None
        return over_seeds.mean, f"(p {p_value(over_seeds.p_value)}; {p_value(over_numbers.p_value)})"

    (erm, of_erm), (random, of_random) = together("crossgrad", "erm"), together("crossgrad", "random")
    (matched, of_matched), (label, of_label) = (together("crossgrad", name) for name in (MATCHED, "label_grad"))
    assert (
        f"CrossGrad is {erm:.1f} points above ERM {of_erm}, {random:.1f} above a random direction {of_random}," in page
    )
    assert (
        f"{-matched:.1f} below ERM with as many passes {of_matched} and {-label:.1f} below LabelGrad {of_label}" in page
    )
    readme, (of_seeds, of_numbers) = words_of("README.md"), of_erm.strip("()").split("; ")
    assert f"{erm:.1f} points ({of_seeds} over trainings, {of_numbers} over numbers), {random:.1f} more than" in readme
    assert f"a random direction {of_random.replace('p ', '')} and {-matched:.1f} less than ERM with its" in readme
    assert f"its compute {of_matched.replace('p ', '')}." in readme


def by_seed(found: Found, method: str, other: str) -> dict[int, float]:
    """One method minus another in points, domains averaged."""
    own, others = found.cells[method], found.cells[other]
    points: dict[int, list[float]] = {}
    for place in own:
        points.setdefault(place[1], []).append(100 * (own[place].accuracy - others[place].accuracy))
    return {seed: fmean(of_seed) for seed, of_seed in points.items()}


def test_the_page_tells_what_is_gained_with_more_training_speakers() -> None:
    page, readme = words_of("docs/reproduction.md"), words_of("README.md")
    found = {n: found_in(synthetic_speakers(n), RESULTS / "cpu") for n in SPEAKERS}
    of_label_grad = [p_of(of_n, "label_grad", "erm") < SIGNIFICANCE_LEVEL for of_n in found.values()]
    assert of_label_grad == [True, True, True, False]
    for of_n in found.values():
        assert all(p_of(of_n, "crossgrad", other) > SIGNIFICANCE_LEVEL for other in ("erm", "random"))
    of_longer = [p_of(of_n, MATCHED, "erm") < SIGNIFICANCE_LEVEL for of_n in found.values()]
    assert of_longer == [False, False, True, True]
    assert [p_of(of_n, "crossgrad", MATCHED) < SIGNIFICANCE_LEVEL for of_n in found.values()] == of_longer

    def each(method: str, other: str = "erm") -> tuple[tuple[str, ...], tuple[str, ...]]:
        gains, ps = zip(*(gain_and_p(of_n, method, other) for of_n in found.values()), strict=True)
        return tuple(map(signed_points, gains)), ps

    def listed(values: Iterable[str]) -> str:
        *first, last = values
        return f"{', '.join(first)} and {last}"

    published = [SPEECH_GAINS[n]["crossgrad"] for n in SPEAKERS]
    assert (
        f"it gains {published[0]} points with 40, {published[1]} with 100, {published[2]} with 200 and {published[3]} "
        "with 1,000;" in page
    )
    over_seeds = [of_n.over_seeds("crossgrad", "erm") for of_n in found.values()]
    assert all(gain and gain.low is not None and gain.high is not None for gain in over_seeds)
    bounds = [(gain.low or 0, gain.high or 0) for gain in over_seeds if gain]
    between = ", ".join(f"{signed_points(low)} and {signed_points(high)}" for low, high in bounds)
    assert f"here five trainings have its gain between {between} points (95 %" in page
    within = [low <= (of_n or 0) <= high for (low, high), of_n in zip(bounds, published, strict=True)]
    assert within == [True, False, True, True]  # "only with 100 does the interval exclude the paper's gain"
    low, of_low = each("crossgrad", "label_grad")
    below = listed(gain.removeprefix("-") for gain in low[:FEW])
    assert (
        f"It is {below} points below LabelGrad with 40, 100 and 200 (p {listed(of_low[:FEW])}; with 1,000 {low[FEW]}, "
        f"p {of_low[FEW]})," in page
    )
    to_random, to_matched = (
        "; ".join(f"{gain}, p {p}" for gain, p in zip(*each("crossgrad", name), strict=True))
        for name in ("random", MATCHED)
    )
    assert f"from the random direction ({to_random})." in page
    assert f"with as many passes it is with 200 and 1,000 ({to_matched})." in page
    of_label_grads, of_own, of_matched = each("label_grad"), each("crossgrad"), each(MATCHED)
    passes = [gain.removeprefix("+") for gain in of_matched[0]]
    assert (
        f"It gains {listed(gain.removeprefix('+') for gain in of_label_grads[0][:FEW])} points with 40, 100 and 200 of "
        f"a synthesiser's speakers (p {listed(of_label_grads[1][:FEW])}; CrossGrad "
        f"{listed(gain.removeprefix('+') for gain in of_own[0][:FEW])}, p {listed(of_own[1][:FEW])}), and nothing with "
        f"1,000; ERM with CrossGrad's compute gains {passes[2]} with 200 and {passes[3]} with 1,000." in readme
    )
    assert f"nothing with 40 and 100, {passes[2]} points with 200 and {passes[3]} with 1,000." in page
    records = {n: read_records(RESULTS / "cpu" / f"synthetic_speakers-{n}" / "comparison") for n in SPEAKERS}
    known = {
        n: fmean(100 * each["training"]["accuracy"] for each in of_n if each["method"] == "erm")
        for n, of_n in records.items()
    }
    n_recordings = {n: of_n[0]["training"]["n"] for n, of_n in records.items()}
    assert (
        f"Of the {n_recordings[40]} recordings of 40 speakers 500 steps see each forty times, and ERM has all of them "
        f"right; of {n_recordings[200]:,} each eight times, and it has {known[200]:.0f} %; of the "
        f"{n_recordings[1000]:,} of 1,000 speakers each 1.6 times, and it has {known[1000]:.0f} %." in page
    )
    assert [500 * 32 / n_recordings[n] for n in (40, 200, 1000)] == [40, 8, 1.6]
    assert known[40] > 99.9

    def together(other: str) -> tuple[float, str]:
        of_numbers = [by_seed(of_n, "crossgrad", other) for of_n in found.values()]
        over_seeds = paired_t([fmean(of_n[seed] for of_n in of_numbers) for seed in range(5)])
        assert over_seeds.p_value is not None
        return over_seeds.mean, p_value(over_seeds.p_value)

    (erm, of_erm), (random, of_random) = together("erm"), together("random")
    (matched, of_longer_erm), (label, of_label) = together(MATCHED), together("label_grad")
    assert f"it is {erm:.1f} points above ERM (p {of_erm} over trainings), {random:.1f} above the random" in page
    assert f"direction (p {of_random}), {-matched:.1f} below ERM with as many passes (p {of_longer_erm}) and" in page
    assert f"and {-label:.1f} below LabelGrad (p {of_label})." in page


def test_the_page_tells_the_gap_that_five_fonts_leave() -> None:
    page, study = words_of("docs/reproduction.md"), fonts_of(5)
    of_erm = [
        record for record in read_records(RESULTS / "cpu" / study.name / "comparison") if record["method"] == "erm"
    ]
    known = 100 * fmean(record["in_domain"]["accuracy"] for record in of_erm)
    unseen = 100 * fmean(record["out_of_domain"]["accuracy"] for record in of_erm)
    assert f"{known:.1f} % of unseen drawings of these five right, {unseen:.1f} % of other fonts'" in page
    assert f"a gap of {known - unseen:.0f} points" in page
    found = found_in(study, RESULTS / "cpu")
    against, p = found.against("crossgrad", "label_grad"), found.larger_p("crossgrad", "label_grad")
    assert against is not None
    assert p is not None
    assert f"CrossGrad is {-against.comparison.mean:.1f} points below LabelGrad (p {p_value(p)})" in page
    gains = {
        method: (f"{against.comparison.mean:.1f}", p_value(p))
        for method in ("label_grad", "crossgrad")
        if (against := found.against(method, "erm")) and (p := found.larger_p(method, "erm"))
    }
    (of_label_grad, its_p), (of_crossgrad, other_p) = gains["label_grad"], gains["crossgrad"]
    assert f"{of_label_grad} points (p {its_p}; CrossGrad {of_crossgrad}, p {other_p})" in words_of("README.md")


def test_the_page_tells_what_the_residual_net_gave_before_and_with_an_average() -> None:
    page = words_of("docs/reproduction.md")
    before = read_records(RESULTS.parent / "residual-net-without-average")
    methods = ("erm", "dann", "label_grad", "crossgrad")
    without = {
        method: fmean(100 * each["out_of_domain"]["accuracy"] for each in before if each["method"] == method)
        for method in methods
    }
    found = found_in(HANDWRITING_RESNET, RESULTS / "cpu")
    averaged = {method: estimate.value for method in methods if (estimate := found.of(method))}
    first = "ERM had {erm:.1f} %, DANN {dann:.1f}, LabelGrad {label_grad:.1f} and CrossGrad {crossgrad:.1f},"
    now = "ERM has {erm:.1f} %, DANN {dann:.1f}, LabelGrad {label_grad:.1f} and CrossGrad {crossgrad:.1f}."
    assert first.format(**without) in page
    assert now.format(**averaged) in page
    gain, p = gain_of("label_grad", HANDWRITING_RESNET)
    loss, other_p = gain_of("crossgrad", HANDWRITING_RESNET)
    assert (
        f"LabelGrad gains {gain:.1f} points on ERM (p {p}), more than on any other task or net; "
        f"CrossGrad loses {-loss:.1f} (p {other_p})" in page
    )
    of_fonts = found_in(FONTS_RESNET, RESULTS / "cpu")
    accuracies = {method: estimate.value for method in methods if (estimate := of_fonts.of(method))}
    assert now.format(**accuracies).replace("ERM has", "On the fonts ERM has") in page
    lost, lost_p = gain_of("crossgrad", FONTS_RESNET)
    assert f"CrossGrad loses {-lost:.1f} points (p {lost_p})" in page
    not_gained, its_p = gain_of("label_grad", FONTS_RESNET)
    assert f"LabelGrad gains nothing ({not_gained:.1f}, p {its_p})" in page
    found = found_in(HANDWRITING_RESNET, RESULTS / "cpu")
    corrected = holm([p_of(found, method, "erm") for method in ("crossgrad", "label_grad", "dann")])[0]
    assert (
        f"on the fonts {-lost:.1f} points (p {lost_p}), on the handwriting perhaps {-loss:.1f} (p {other_p}, corrected "
        f"for the methods {p_value(corrected)})." in words_of("README.md")
    )
    of_runs = read_records(RESULTS / "cpu" / FONTS_RESNET.name / "comparison")
    right = {
        (method, examples): fmean(100 * each[examples]["accuracy"] for each in of_runs if each["method"] == method)
        for method in methods
        for examples in ("in_domain", "training")
    }
    assert (
        f"After 1,000 steps ERM has {right['erm', 'training']:.0f} % of its training drawings right, and CrossGrad "
        f"{right['crossgrad', 'training']:.0f}; of unseen drawings of known fonts {right['erm', 'in_domain']:.0f} and "
        f"{right['crossgrad', 'in_domain']:.0f}." in page
    )
    of_crossgrad, of_erm = (
        [each["out_of_domain"]["accuracy"] for each in of_runs if each["method"] == method]
        for method in ("crossgrad", "erm")
    )
    assert len(of_crossgrad) == len(of_erm) == 5
    assert max(of_crossgrad) < min(of_erm)  # "in each of five trainings"
    known = read_records(RESULTS / "cpu" / HANDWRITING_RESNET.name / "comparison")
    inside = {
        method: fmean(100 * each["in_domain"]["accuracy"] for each in known if each["method"] == method)
        for method in methods
    }
    assert (
        f"of known ones LabelGrad has {inside['label_grad']:.1f} %, ERM {inside['erm']:.1f} and CrossGrad "
        f"{inside['crossgrad']:.1f}." in page
    )
    others = (FONTS, FONTS_RESNET, *map(fonts_of, (5, 10, 20, 40)), HANDWRITING, ROTATED_MNIST, SPEECH_LITHUANIAN)
    assert all(gain_of("label_grad", study)[0] < gain for study in others)
    of_lenet = found_in(HANDWRITING, RESULTS / "cpu").of("erm")
    assert of_lenet is not None
    assert f"With LeNet plain ERM has {of_lenet.value:.1f} %, and LabelGrad gains nothing" in page
    assert of_lenet.value > max(averaged.values())
    assert gain_of("label_grad", HANDWRITING)[0] < 0


def test_the_page_tells_what_the_domain_features_cost_the_residual_net() -> None:
    page = words_of("docs/reproduction.md")
    (trials,) = (each for each in ABLATIONS if each.study == HANDWRITING_RESNET)
    results = Results(trials, SCALES["cpu"], RESULTS / "cpu")
    variants = {variant.name: variant for variant in trials.variants}
    rows = {str(row["variant"]): row for row in rows_of("ablations") if row["handwriting-resnet"]}
    assert set(rows) == set(variants)
    assert len(rows) == 11
    accuracy = {name: str(row["handwriting-resnet"]).split()[0] for name, row in rows.items()}
    g_alone = "g, but the label net's inputs not moved"
    gain, p = results.gain(variants[g_alone], variants["ERM"]) or ("", "")
    assert f"it has {accuracy[g_alone]} %, {gain[1:]} points below ERM (p {p})" in page
    assert gain.startswith("-")
    random = accuracy["a random one, as long, without g"]
    assert f"CrossGrad without g has {accuracy['without g']} %, where it has {accuracy[BASE]} with it, ERM" in page
    assert f"ERM {accuracy['ERM']} and a random direction, without g, {random}." in page
    gain, p = rows["without g"]["handwriting-resnet_minus"], str(rows["without g"]["handwriting-resnet_p"])
    assert f"Those {str(gain)[1:]} points are not sure over three trainings (p {p})" in page
    assert f"On the handwriting that is not sure ({str(gain)[1:]} more, p {p})." in words_of("README.md")
    others = ("each example to one L2 norm", "signs alone", "clipped to 0.1", "the domain net's inputs not moved")
    first = rows["the domain net first, by itself"]
    assert (
        f"with its weights kept, CrossGrad has {accuracy[str(first['variant'])]} % on the handwriting "
        f"({first['handwriting-resnet_minus']}, p {first['handwriting-resnet_p']})" in page
    )
    with_g = sorted(float(accuracy[name]) for name in (BASE, g_alone, *others))
    ps = sorted((str(rows[name]["handwriting-resnet_p"]) for name in others), key=float)
    assert f"the variants with g have {with_g[0]} to {with_g[-1]} %, none told apart from CrossGrad as it is" in page
    assert f"CrossGrad as it is (p {ps[0]} to {ps[-1]})" in page
    assert float(ps[0]) > SIGNIFICANCE_LEVEL
    losses = {
        name: f"{fmean(each['losses']['last']['label_loss'] for each in results.records(variant)):.2f}"
        for name, variant in variants.items()
    }
    told = f"is {losses['without g']} without g and {losses[BASE]} with it, {losses[g_alone]} with g and nothing moved,"
    assert f"{told} {losses['ERM']} with ERM" in page
    of_mnist = {str(row["variant"]): row for row in rows_of("ablations")}
    without_g, unmoved, erm = (of_mnist[name] for name in ("without g", g_alone, "ERM"))
    assert f"CrossGrad has {_minus(without_g)} points more without g (p {without_g['rotated_mnist_p']})" in page
    assert f"nothing moved {unmoved['rotated_mnist']} %, where ERM has {erm['rotated_mnist']}." in page


def test_the_page_tells_that_domain_features_cost_the_residual_net_what_crossgrad_loses_on_fonts() -> None:
    page = words_of("docs/reproduction.md")
    (trials,) = (each for each in ABLATIONS if each.study == FONTS_RESNET)
    results = Results(trials, SCALES["cpu"], RESULTS / "cpu")
    variants = {variant.name: variant for variant in trials.variants}
    accuracy = {
        name: estimate.value for name, variant in variants.items() if (estimate := results.of(variant)) is not None
    }
    without, g_alone = variants["without g"], variants["g, but the label net's inputs not moved"]
    gain, p = results.gain(without, variants[BASE]) or ("", "")
    assert (
        f"Without g CrossGrad has {accuracy['without g']:.1f} %, where it has {accuracy[BASE]:.1f} with it "
        f"({gain[1:]} more, p {p}) and ERM {accuracy['ERM']:.1f}." in page
    )
    assert f"without them CrossGrad has {gain[1:]} points more (p {p}), as much as ERM." in words_of("README.md")
    lost, lost_p = results.gain(g_alone, variants["ERM"]) or ("", "")
    assert (
        f"it has {accuracy[g_alone.name]:.1f} %, {lost[1:]} points below ERM (p {lost_p}): g alone loses what" in page
    )
    assert max(float(p), float(lost_p)) < SIGNIFICANCE_LEVEL
    assert accuracy["without g"] > accuracy["ERM"]  # "without the domain features g it does not"


def test_the_page_tells_how_loud_domain_features_are_and_what_it_costs() -> None:
    page = words_of("docs/reproduction.md")

    def runs(record: str, net: str, factor: float | None, *, begins_without: bool = False) -> list[dict[str, Any]]:
        file = RESULTS.parent / "benchmarks" / f"{record}.json"
        results = json.loads(file.read_text(encoding="utf-8"))["results"]
        asked = (net, factor, begins_without)
        return [row for row in results if (row["net"], row["factor"], row["begins_without"]) == asked]

    def mean(found: list[dict[str, Any]], given: str = "own") -> str:
        return f"{fmean(row[given] for row in found):.1f}"

    def gain(found: list[dict[str, Any]], on: list[dict[str, Any]]) -> tuple[float, str]:
        assert [row["seed"] for row in found] == [row["seed"] for row in on]
        gain = paired_t([a["own"] - b["own"] for a, b in zip(found, on, strict=True)])
        assert gain.p_value is not None
        return gain.mean, p_value(gain.p_value)

    def on_silence(record: str, net: str, factor: float) -> str:
        points, p = gain(runs(record, net, factor), runs(record, net, 0.0))
        return f"({signed_points(points)}, p {p})"

    def loudness(found: list[dict[str, Any]]) -> str:
        return f"{fmean(row['length']['g'] / row['length']['trunk'] for row in found):.1f}"

    fonts, writers = "domain_features-fonts", "domain_features"
    silent, quiet, loud = (runs(fonts, "resnet/2", factor) for factor in (0.0, 1 / 16, 1.0))
    assert len(loud) == 3
    of_writers = loudness(runs(writers, "resnet/2", 1.0))
    assert f"g is {loudness(loud)} times as long as what the residual net's own trunk gives there, and" in page
    assert f"and {of_writers} times on the handwriting; with LeNet" in page
    assert f"with LeNet {loudness(runs(writers, 'lenet/2', 1.0))} times, on the handwriting" in page
    of_quiet, of_loud = (on_silence(fonts, "resnet/2", factor) for factor in (1 / 16, 1.0))
    assert (
        f"has {mean(silent)} % with g times 0, {mean(quiet)} with g times 1/16, about as loud as LeNet has it "
        f"{of_quiet}, and {mean(loud)} with g as it is {of_loud}." in page
    )
    other = "another's"
    assert f"with another drawing's it has {mean(loud, other)} %, where with its own it has {mean(loud)}." in page
    silent, as_it_is, loud = (runs(writers, "lenet/2", factor) for factor in (0.0, 1.0, 16.0))
    assert len(loud) == 5
    of_own, of_loud = (on_silence(writers, "lenet/2", factor) for factor in (1.0, 16.0))
    assert (
        f"it has {mean(silent)} % with g times 0, {mean(as_it_is)} with g as it is {of_own} and {mean(loud)} with g "
        f"times 16, {loudness(loud)} times as long as its trunk's {of_loud}." in page
    )
    silent, quiet, as_it_is = (runs(writers, "resnet/2", factor) for factor in (0.0, 1 / 16, 1.0))
    of_quiet, of_own = (on_silence(writers, "resnet/2", factor) for factor in (1 / 16, 1.0))
    assert (
        f"{mean(silent)} % with g times 0, {mean(quiet)} with g times 1/16 {of_quiet}, {mean(as_it_is)} with g as it "
        f"is {of_own}." in page
    )
    without, silenced, as_it_is = (runs(fonts, "resnet/2", factor) for factor in (None, 0.0, 1.0))
    from_zero, quiet = (runs(fonts, "resnet/2", factor, begins_without=True) for factor in (1.0, 1 / 16))
    less, p = gain(silenced, without)
    assert f"without g the net has {mean(without)} %, with g times 0 {-less:.1f} points less (p {p})." in page
    (more, more_p), (less, less_p) = gain(from_zero, as_it_is), gain(from_zero, without)
    assert (
        f"has {mean(from_zero)} % with g as it is, {more:.1f} points more than with weights drawn as usual (p {more_p})"
        f" and {-less:.1f} less than without g (p {less_p}); with g times 1/16 it has {mean(quiet)}," in page
    )
    points, p = gain(quiet, without)
    assert f"as much as without g ({signed_points(points)}, p {p})." in page
    rows = {row["variant"]: str(row["fonts-resnet"]).split()[0] for row in rows_of("ablations")}
    unmoved = rows["g, but the label net's inputs not moved"]
    assert (
        f"ERM has {rows['ERM']} % there and without g {mean(without)} here, g as it is {unmoved} there and "
        f"{mean(as_it_is)} here;" in page
    )


def gain_of(method: str, study: Study) -> tuple[float, str]:
    """On ERM in points, and p as tables give it."""
    return gain_and_p(found_in(study, RESULTS / "cpu"), method)


def test_the_page_tells_how_far_batch_statistics_lag_behind() -> None:
    page = words_of("docs/reproduction.md")
    record = json.loads((RESULTS.parent / "benchmarks" / "batch_statistics.json").read_text(encoding="utf-8"))

    def spread(name: str, average: float | None) -> str:
        found = [run[name] for run in record["results"] if run["average"] == average]
        assert len(found) == 3
        return f"{min(found):.1f} {{}} {max(found):.1f} %"

    assert f"between {spread('running', None).format('and')} on unseen writers" in page
    assert f"trained on {spread('running_on_training', None).format('to')}." in page
    assert f"{spread('anew', None).format('to')}, and {spread('anew_on_training', None).format('to')} of the" in page
    assert f"{spread('running', 0.99).format('to')} as it is, {spread('anew', 0.99).format('to')} with stat" in page


@pytest.mark.parametrize(
    ("study", "shown"),
    [
        (FONTS, "fonts"),
        (HANDWRITING, "handwriting (Sanskrit)"),
        (ROTATED_MNIST, "rotated MNIST"),
        (SPEECH_LITHUANIAN, "speech (Lithuanian)"),
    ],
    ids=lambda given: getattr(given, "name", None),
)
def test_the_page_answers_by_the_records_whether_the_domain_s_gradient_helps(study: Study, shown: str) -> None:
    found = found_in(study, RESULTS / "cpu")
    cells = []
    for control in ("random", MATCHED):
        against, over_seeds = found.against("crossgrad", control), found.over_seeds("crossgrad", control)
        assert against is not None
        assert over_seeds is not None
        assert against.comparison.p_value is not None
        assert over_seeds.p_value is not None
        p = max(against.comparison.p_value, over_seeds.p_value)
        gain = against.comparison.mean
        answer = "not shown" if p >= SIGNIFICANCE_LEVEL else "yes" if gain > 0 else "no"
        cells.append(f"{answer}: {signed_points(gain)} points (p {p_value(p)})")
    if study == FONTS:
        rows = {(row["method"], row["size"]): row["on_random"] for row in rows_of("sizes") if row["task"] == "fonts"}
        without_g = str(rows["CrossGrad", "0.1"])
    else:
        first = next(row for row in rows_of("conditions") if row["task"] == study.name)
        assert first["condition"] == "as benchmarked"
        without_g = str(first["direction"])
    gained, bracketed = without_g.strip(")").split(" (")
    assert float(bracketed) > SIGNIFICANCE_LEVEL
    cells.insert(1, f"not shown: {gained} points (p {bracketed})")
    page = (RESULTS.parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert f"| {shown} | {' | '.join(cells)} |" in page


def test_the_page_tells_what_the_ablations_say_of_the_direction_alone() -> None:
    found = []
    for trials in ABLATIONS[:2]:
        results, variants = (
            Results(trials, SCALES["cpu"], RESULTS / "cpu"),
            {each.name: each for each in trials.variants},
        )
        gain, p = results.gain(variants["without g"], variants["a random one, as long, without g"]) or ("", "")
        assert float(str(p)) > SIGNIFICANCE_LEVEL
        found.append((gain.removeprefix("+"), p))
    (mnist, of_mnist), (fonts, of_fonts) = found
    assert (
        f"are {mnist} points above the random direction (p {of_mnist}), and on the fonts three are {fonts} above it "
        f"(p {of_fonts})." in words_of("docs/reproduction.md")
    )


ALPHABETS = {study.name.removeprefix("handwriting-").capitalize(): (study,) for study in OTHER_ALPHABETS}


@pytest.mark.parametrize("alphabet", [*ALPHABETS, "all four"])
def test_the_page_tells_what_other_alphabets_gained(alphabet: str) -> None:
    found = pooled({study.name: found_in(study, RESULTS / "cpu") for study in ALPHABETS.get(alphabet, OTHER_ALPHABETS)})
    accuracy = found.of("erm")
    assert accuracy is not None
    cells = [alphabet, f"{accuracy.value:.1f}"]
    for method in ("label_grad", "dann", "crossgrad", "hybrid", "random", MATCHED):
        gain, p = gain_and_p(found, method)
        cells.append(f"{signed_points(gain)} (p {p})")
    assert f"| {' | '.join(cells)} |" in words_of("docs/reproduction.md")


def test_the_page_tells_why_nothing_is_gained_on_other_alphabets() -> None:
    page, readme = words_of("docs/reproduction.md"), words_of("README.md")
    studies = [found_in(study, RESULTS / "cpu") for study in OTHER_ALPHABETS]
    for found in (*studies, pooled({study.name: found for study, found in zip(OTHER_ALPHABETS, studies, strict=True)})):
        assert all(p_of(found, method, "erm") > SIGNIFICANCE_LEVEL for method in found.cells if method != "erm")
    of_erm = [
        [record for record in read_records(RESULTS / "cpu" / study.name / "comparison") if record["method"] == "erm"]
        for study in OTHER_ALPHABETS
    ]
    new, known = (
        fmean(fmean(100 * record[of]["accuracy"] for record in records) for records in of_erm)
        for of in ("out_of_domain", "in_domain")
    )
    assert f"as well as unseen drawings of known ones ({new:.1f} % and {known:.1f})" in page
    assert known < new
    tagalog = studies[-1].accuracies
    (_, least), *others = sorted(tagalog["crossgrad"].items(), key=lambda item: item[1])
    own, erm = fmean(value for _, value in others), fmean(tagalog["erm"][each] for each, _ in others)
    assert f"when it ended ({least:.1f} %); the other four have {own:.1f}, and ERM's of their seeds {erm:.1f}." in page
    found = pooled({study.name: found for study, found in zip(OTHER_ALPHABETS, studies, strict=True)})
    gain, p = gain_and_p(found, "crossgrad")
    assert f"nor on four more alphabets (CrossGrad {gain:.1f}, p {p})" in readme


def test_the_page_tells_what_rotated_mnist_gained() -> None:
    page, found = words_of("docs/reproduction.md"), found_in(ROTATED_MNIST, RESULTS / "cpu")

    def against(method: str, other: str) -> tuple[str, str]:
        gain, p = gain_and_p(found, method, other)
        return f"{abs(gain):.1f}", p

    def at(angle: str, method: str, other: str) -> float:
        own, others = found.cells[method], found.cells[other]
        return fmean(100 * (own[angle, seed].accuracy - others[angle, seed].accuracy) for seed in range(5))

    angles = sorted({angle for angle, _ in found.cells["erm"]}, key=int)
    gain, p = against("label_grad", "dann")
    assert f"LabelGrad is above DANN over the angles (+{gain} points, p {p}), and higher at every angle;" in page
    assert all(at(angle, "label_grad", "dann") > 0 for angle in angles)
    gain, p = against("label_grad", "erm")
    at_0 = at("0", "label_grad", "erm")
    assert f"LabelGrad gains over ERM: {gain} points over the angles (p {p}), {at_0:.1f} at 0 degrees." in page
    gain, p = against("crossgrad", "label_grad")
    assert f"**CrossGrad is not above LabelGrad but below it**, by {gain} points over the angles (p {p})," in page
    gain, p = against("crossgrad", "random")
    assert f"Over the angles CrossGrad is {gain} points below it (p {p})." in page
    longer = [at(angle, MATCHED, "crossgrad") for angle in angles]
    assert f"is higher than CrossGrad at every angle**, by {min(longer):.1f} to {max(longer):.1f} points;" in page
    gain, p = against("ccsa", MATCHED)
    assert f"it is not told apart from ERM with more passes ({gain} points, p {p})" in page
    assert f"on MNIST it and CCSA do, not told apart (p {p})." in words_of("README.md")


def test_the_page_tells_what_speech_gained() -> None:
    page = words_of("docs/reproduction.md")
    found = found_in(SPEECH_LITHUANIAN, RESULTS / "cpu")

    def against(method: str, other: str = "erm") -> tuple[str, str]:
        difference, p = found.against(method, other), found.larger_p(method, other)
        assert difference is not None
        assert p is not None
        return f"{abs(difference.comparison.mean):.1f}", p_value(p)

    over_seeds = [found.over_seeds(method, "erm") for method in ("label_grad", "hybrid")]
    of_seeds = [p_value(each.p_value) for each in over_seeds if each is not None and each.p_value is not None]
    (label_grad, sure), (hybrid, surer) = against("label_grad"), against("hybrid")
    assert f"LabelGrad gains {label_grad} points and the hybrid {hybrid}," in page
    assert f"(p {of_seeds[0]} and {of_seeds[1]} over seeds)" in page
    assert f"(p {sure} and {surer} over domains)" in page
    gain, p = against("crossgrad")
    assert f"CrossGrad is where ERM is (+{gain} points, p {p})" in page
    (below, p), (above, of_above) = against("crossgrad", "label_grad"), against("crossgrad", "random")
    assert (
        f"{below} points below LabelGrad (p {p}). It is {above} points above the random direction (p {of_above})"
        in page
    )
    assert f"noise as long costs {against('random')[0]} points here" in page


def test_the_main_table_of_the_readme_is_the_committed_one() -> None:
    rows = [line for line in (RESULTS / "cpu" / "summary.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    readme = (RESULTS.parents[1] / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 5
    assert not set(rows) - set(readme)
