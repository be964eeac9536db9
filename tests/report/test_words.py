import pytest
from scipy.stats import ttest_1samp

from crossgrad.records import Record
from crossgrad.report import caveats, headline, sentences, summarise
from crossgrad.report.grids import caption

from .conftest import make_record

NO_CONTROL = " No control was run (Random, Repeat, Matched ERM)."
ERM = (0.80, 0.70, 0.90, 0.60, 0.75, 0.85)


def compared(*differences: float, method: str = "crossgrad", seeds: int = 2, erm: bool = True) -> list[Record]:
    domains = [f"writer {n}" for n in range(len(differences))]
    return [
        make_record(name, domain, seed, ERM[n] + gain, domains=domains)
        for n, (domain, difference) in enumerate(zip(domains, differences, strict=True))
        for seed in range(seeds)
        for name, gain in ([("erm", 0.0)] if erm else []) + [(method, difference)]
    ]


def test_a_significant_gain_is_called_better_with_its_interval():
    table = summarise(compared(0.03, 0.04, 0.03, 0.02, 0.03, 0.036, method="label_grad"))
    assert sentences(table) == (
        f"LabelGrad is 3.1 points better than ERM on unseen domains (95 % interval 2.4 to 3.8, p < 0.001).{NO_CONTROL}",
    )
    assert headline(table) == "LabelGrad is better than ERM on unseen domains. No control was run."


def test_a_significant_loss_is_called_worse():
    table = summarise(compared(-0.03, -0.04, -0.03, -0.02, -0.03, -0.036))
    assert sentences(table)[0].startswith(
        "CrossGrad is 3.1 points worse than ERM on unseen domains (95 % interval -3.8"
    )
    assert headline(table) == "CrossGrad is worse than ERM on unseen domains."


def test_what_chance_would_give_is_called_not_distinguishable():
    table = summarise(compared(0.03, -0.02, 0.01, -0.01, 0.02, -0.006))
    assert sentences(table) == ("CrossGrad is not distinguishable from ERM here (+0.4 points, -1.6 to 2.4, p = 0.63).",)
    assert headline(table) == "CrossGrad is not distinguishable from ERM on unseen domains."


def test_one_held_out_domain_is_said_to_give_no_interval():
    table = summarise(compared(0.03))
    assert sentences(table) == (
        "CrossGrad is 3.0 points better than ERM on writer 0; one held-out domain: no interval can be given."
        f"{NO_CONTROL}",
    )
    assert headline(table) == "For CrossGrad no interval can be given."


def test_equal_accuracies_everywhere_are_said_to_be_equal():
    assert sentences(summarise(compared(0.0, 0.0, 0.0))) == (
        "CrossGrad has the same accuracy as ERM on each of 3 held-out domains (p = 1).",
    )
    assert sentences(summarise(compared(0.0))) == (
        "CrossGrad has the same accuracy as ERM on writer 0; one held-out domain: no interval can be given.",
    )


def test_one_difference_on_every_domain_is_not_called_certain():
    assert sentences(summarise(compared(0.01, 0.01, 0.01))) == (
        f"CrossGrad is 1.0 point better than ERM on each of 3 held-out domains: no interval can be given.{NO_CONTROL}",
    )


def test_without_erm_nothing_is_called_better():
    table = summarise(compared(0.03, 0.02, erm=False))
    assert sentences(table) == ()
    assert headline(table) == "ERM is not among the methods, so that no difference can be given."


def test_erm_alone_is_compared_with_nothing():
    table = summarise([record for record in compared(0.03, 0.02) if record["method"] == "erm"])
    assert sentences(table) == ()
    assert headline(table) == "Only ERM was trained, so that there is nothing to compare."


def test_methods_without_a_common_run_are_not_compared():
    records = compared(0.03, 0.02)
    apart = [r for r in records if (r["method"] == "erm") == (r["held_out"] == ["writer 0"])]
    assert "share no finished run" in sentences(summarise(apart))[0]


def test_the_headline_holds_every_verdict():
    better = compared(0.03, 0.04, 0.03, 0.02, 0.03, 0.036, method="label_grad")
    worse = compared(-0.03, -0.04, -0.03, -0.02, -0.03, -0.036, method="dann", erm=False)
    same = compared(0.03, -0.02, 0.01, -0.01, 0.02, -0.006, method="mine", erm=False)
    other = compared(0.02, -0.02, 0.01, -0.01, 0.02, -0.006, method="crossgrad", erm=False)
    assert headline(summarise(better + worse + same + other)) == (
        "LabelGrad is better than ERM on unseen domains; DANN is worse than ERM; CrossGrad and mine are not "
        "distinguishable from ERM. No control was run."
    )


def test_what_is_significant_alone_but_not_among_several_methods_is_a_perhaps():
    # By itself p = 0.018; three methods make it 0.054.
    found = compared(0.08, 0.01, 0.03, 0.05, 0.01, 0.06, method="label_grad")
    alone = summarise(found)
    others = [
        compared(0.03, -0.02, 0.01, -0.01, 0.02, -0.006, method=method, erm=False) for method in ("dann", "crossgrad")
    ]
    among = summarise(found + others[0] + others[1])
    assert headline(alone) == "LabelGrad is better than ERM on unseen domains. No control was run."
    assert headline(among) == (
        "LabelGrad may be better than ERM on unseen domains; DANN and CrossGrad are not distinguishable from ERM. "
        "No control was run."
    )
    p_value = alone.rows[1].difference.comparison.p_value
    assert among.rows[1].difference.corrected_p == 3 * p_value
    assert "but with 3 methods compared that may be chance (corrected for it, p = " in sentences(among)[0]
    assert "may be chance" not in sentences(alone)[0]


def test_several_comparisons_are_said_to_be_uncorrected():
    one = compared(0.03, 0.04, 0.03, 0.02, 0.03, 0.036)
    two = one + compared(0.03, -0.02, 0.01, -0.01, 0.02, -0.006, method="dann", erm=False)
    assert not any("not corrected" in note for note in caveats(summarise(one)))
    assert any(
        "2 methods are compared" in note and "not corrected for that" in note and "(Holm's)" in note
        for note in caveats(summarise(two))
    )


def test_few_domains_and_one_seed_are_noted():
    notes = caveats(summarise(compared(0.03, 0.01, 0.02, seeds=1)))
    assert any("only 3 held-out domains" in note for note in notes)
    assert any(note.startswith("One seed was trained") for note in notes)
    assert caveats(summarise(compared(0.03, 0.01, 0.02, 0.01, 0.02))) == ()


@pytest.mark.parametrize(("l2", "said"), [(6.4, True), (6.3, False)])
def test_a_perturbation_as_large_as_the_input_is_said_in_words(l2, said):
    records = compared(0.03, 0.01, 0.02, 0.01, 0.02)
    for record in records:
        if record["method"] == "crossgrad":
            record["perturbation"] = {"l2": l2, "linf": 1.0, "input_l2": 6.4}
    notes = caveats(summarise(records))
    assert any("CrossGrad moved its inputs by as much as the inputs themselves measure" in n for n in notes) == said


def test_unequal_steps_and_missing_domains_are_noted():
    records = [
        r for r in compared(0.03, 0.01, 0.02, 0.01, 0.02) if (r["method"], r["held_out"]) != ("crossgrad", ["writer 1"])
    ]
    for record in records:
        record["max_steps"] = {"erm": 600, "crossgrad": 900}[record["method"]]
    notes = " ".join(caveats(summarise(records)))
    assert "CrossGrad has results for 4 of 5 held-out domains" in notes
    assert "not all trained with the same number of steps (ERM: 600; CrossGrad: 900)" in notes


def test_domains_held_out_together_are_noted():
    records = compared(0.03, 0.01, 0.02, 0.01, 0.02, 0.03)
    assert caveats(summarise(records)) == ()
    for record in records:
        number = int(record["held_out"][0].removeprefix("writer "))
        record["out_of_domain"]["by_domain"] = (
            {f"writer {n}": ERM[n] + (0.01 * n if record["method"] == "crossgrad" else 0) for n in (number, number + 3)}
            if number < 3
            else {}
        )
        record["held_out"] = [f"writer {number}", f"writer {number + 3}"]
    (note,) = caveats(summarise([record for record in records if record["out_of_domain"]["by_domain"]]))
    assert note.startswith("The 6 held-out domains were held out in 3 folds.")


def test_domains_that_took_no_part_are_noted():
    records = compared(0.03, 0.01, 0.02, 0.01, 0.02)
    for record in records:
        record["left_out"] = ["writer 3"]
    (note,) = caveats(summarise(records))
    assert note.startswith("1 of the 5 domains took no part")


def test_inputs_without_labels_are_told_and_where_their_domain_is_no_unseen_one():
    records = compared(0.03, 0.01, 0.02, 0.01, 0.02)
    for record in records:
        record["unlabelled"] = {"domain": "ward", "n": 70}
    assert caveats(summarise(records)) == ("70 inputs of domain ward trained along without labels.",)
    for record in records:
        record["unlabelled"]["domain"] = "writer 2"
    (note,) = caveats(summarise(records))
    assert note.endswith("without labels; what is given for it is no accuracy on an unseen domain.")


GAIN = (0.03, 0.04, 0.03, 0.02, 0.03, 0.036)


def test_a_gain_is_shown_against_the_controls_that_were_run_and_says_which_were_not() -> None:
    random = compared(0.029, 0.041, 0.028, 0.022, 0.029, 0.037, method="random", erm=False)
    table = summarise(compared(*GAIN) + random)
    assert sentences(table)[0].endswith(
        "p < 0.001). Against Random 0.0 points (-0.2 to 0.2, p = 1). Not run: Repeat and Matched ERM."
    )
    assert headline(table) == (
        "CrossGrad and Random are better than ERM on unseen domains. CrossGrad is not shown to be better than Random."
    )
    assert "Against" not in sentences(table)[1]  # a control is what others are measured against


def test_a_gain_over_every_control_needs_no_reservation() -> None:
    controls = [
        compared(0.001, -0.002, 0.001, 0.0, 0.002, -0.002, method=method, erm=False)
        for method in ("random", "repeat", "erm_matched")
    ]
    table = summarise(compared(*GAIN) + controls[0] + controls[1] + controls[2])
    assert "Not run" not in sentences(table)[0]
    assert sentences(table)[0].count("points (") == 3
    assert "not shown" not in headline(table)


def test_what_is_left_of_a_gain_against_the_controls_is_corrected_for_how_many_there_are() -> None:
    # Against a control that gains nothing itself, by itself p = 0.018; three controls make it 0.054.
    gains = (0.08, 0.01, 0.03, 0.05, 0.01, 0.06)
    same = (0.0,) * len(gains)
    alone = summarise(compared(*gains) + compared(*same, method="random", erm=False))
    assert "corrected" not in sentences(alone)[0].partition("Against")[2]
    assert "not shown" not in headline(alone)

    three = [compared(*same, method=method, erm=False) for method in ("random", "repeat", "erm_matched")]
    table = summarise(compared(*gains) + three[0] + three[1] + three[2])
    crossgrad = table.rows[1]
    for against in crossgrad.controls.values():
        assert against.comparison.p_value == alone.rows[1].controls["random"].comparison.p_value
        assert against.corrected_p == pytest.approx(3 * against.comparison.p_value)
        assert against.verdict == "perhaps better"
    said = sentences(table)[0].partition("Against")[2]
    assert said.count("p = 0.018, corrected for 3 comparisons with controls p = 0.054") == 3
    assert "CrossGrad is not shown to be better than Random, Repeat and Matched ERM." in headline(table)


def test_comparisons_with_controls_of_all_methods_are_corrected_together() -> None:
    random = compared(0.001, -0.002, 0.001, 0.0, 0.002, -0.002, method="random", erm=False)
    table = summarise(compared(*GAIN) + compared(*GAIN, method="label_grad", erm=False) + random)
    found = [row.controls["random"] for row in table.rows if row.controls]
    assert len(found) == 2
    for against in found:
        assert against.corrected_p == pytest.approx(2 * against.comparison.p_value)


def test_settings_chosen_on_the_test_domains_are_called_oracle_wherever_the_method_stands() -> None:
    records = compared(*GAIN)
    for record in records:
        if record["method"] == "crossgrad":
            record["select"] = "oracle"
    table = summarise(records)
    assert table.rows[1].name == "CrossGrad (oracle)"
    assert headline(table).startswith("CrossGrad (oracle) is better")
    assert sentences(table)[0].startswith("CrossGrad (oracle) is")
    assert any(
        note.startswith("CrossGrad (oracle): settings were chosen by the accuracy on") for note in caveats(table)
    )


def test_with_one_model_for_all_domains_nothing_is_better_without_a_perhaps():
    records = compared(0.05, 0.06, 0.05, 0.06, 0.05)
    assert summarise(records).rows[1].difference.verdict == "better"
    together = []
    for method in ("erm", "crossgrad"):
        for seed in range(2):
            own = [r for r in records if (r["method"], r["seed"]) == (method, seed)]
            accuracies = {r["held_out"][0]: r["out_of_domain"]["by_domain"][r["held_out"][0]] for r in own}
            together.append(own[0] | {"held_out": list(accuracies), "out_of_domain": {"by_domain": accuracies}})
    table = summarise(together)
    assert table.rows[1].difference.verdict == "perhaps better"
    assert "measured with the same models" in sentences(table)[0]


def test_against_a_control_too_one_model_for_all_domains_shows_nothing():
    records = compared(*GAIN) + compared(*(0.0,) * len(GAIN), method="random", erm=False)
    assert "not shown" not in headline(summarise(records))
    together = []
    for method in ("erm", "crossgrad", "random"):
        for seed in range(2):
            own = [r for r in records if (r["method"], r["seed"]) == (method, seed)]
            accuracies = {r["held_out"][0]: r["out_of_domain"]["by_domain"][r["held_out"][0]] for r in own}
            together.append(own[0] | {"held_out": list(accuracies), "out_of_domain": {"by_domain": accuracies}})
    assert "CrossGrad is not shown to be better than Random." in headline(summarise(together))


def in_folds(records: list[Record], folds: tuple[tuple[int, ...], ...]) -> list[Record]:
    """The same accuracies, measured with one model for each fold of domains."""
    together = []
    for method in dict.fromkeys(record["method"] for record in records):
        for seed in range(2):
            own = {r["held_out"][0]: r for r in records if (r["method"], r["seed"]) == (method, seed)}
            for fold in folds:
                names = [f"writer {n}" for n in fold]
                accuracies = {name: own[name]["out_of_domain"]["by_domain"][name] for name in names}
                together.append(own[names[0]] | {"held_out": names, "out_of_domain": {"by_domain": accuracies}})
    return together


def test_with_folds_of_several_domains_a_gain_has_to_show_over_folds_too():
    lucky = compared(0.01, 0.012, 0.008, 0.03, 0.032, 0.028)  # one fold was luckier than the other
    table = summarise(in_folds(lucky, ((0, 1, 2), (3, 4, 5))))
    difference = table.rows[1].difference
    assert difference.comparison.p_value < 0.05
    assert (difference.n_folds, difference.shares_models) == (2, False)
    assert difference.fold_p == pytest.approx(ttest_1samp([1.0, 3.0], 0).pvalue)
    assert difference.verdict == "perhaps better"
    assert "over the means of the 2 folds it may be chance (p = 0.3)" in sentences(table)[0]
    assert "may be better" in headline(table)

    alike = in_folds(compared(0.03, 0.04, 0.03, 0.02, 0.03, 0.036), ((0, 1), (2, 4), (3, 5)))
    table = summarise(alike)
    assert table.rows[1].difference.fold_p < 0.05
    assert table.rows[1].difference.verdict == "better"
    assert table.rows[1].difference.corrected_p == table.rows[1].difference.larger_p


def test_what_was_measured_on_one_fold_alone_shares_its_models_whatever_others_have():
    records = in_folds(compared(*GAIN), ((0, 1, 2), (3, 4, 5)))
    left = [r for r in records if (r["method"], r["held_out"][0]) != ("crossgrad", "writer 3")]
    assert summarise(left).rows[1].difference.shares_models


def test_runs_that_failed_are_in_no_number_and_take_the_certainty_away():
    records = compared(*GAIN)
    assert headline(summarise(records)).startswith("CrossGrad is better than ERM")
    failed = next(r for r in records if (r["method"], r["seed"]) == ("crossgrad", 1))
    failed |= {"error": {"message": "the loss became NaN", "step": 7}, "out_of_domain": None, "in_domain": None}
    table = summarise(records)
    assert headline(table).startswith("CrossGrad may be better than ERM")
    assert "but of runs that ended alone" in sentences(table)[0]
    (note,) = caveats(table)
    assert note.startswith("1 run of CrossGrad failed and is in no number")
    assert "over 2 seeds, fewer where runs are missing" in caption(table)


def test_a_method_with_fewer_domains_than_were_held_out_is_named():
    records = [r for r in compared(*GAIN) if r["method"] == "erm" or r["held_out"][0] in ("writer 0", "writer 1")]
    notes = caveats(summarise(records))
    assert any(note.startswith("CrossGrad: compared with ERM on 2 of 6 held-out domains") for note in notes)
    assert not any("There are only" in note for note in notes)


def test_folds_are_those_of_either_method_whatever_the_other_has():
    lucky = compared(0.01, 0.012, 0.008, 0.03, 0.032, 0.028)
    erm, own = ([r for r in lucky if r["method"] == method] for method in ("erm", "crossgrad"))
    halves = ((0, 1, 2), (3, 4, 5))
    for records in (in_folds(erm, halves) + own, erm + in_folds(own, halves)):
        difference = summarise(records).rows[1].difference
        assert (difference.n_folds, difference.verdict) == (2, "perhaps better")
    one, other = (
        [r for r in in_folds(lucky, folds) if r["seed"] == seed]
        for seed, folds in enumerate(((tuple(range(6)),), halves))
    )
    assert summarise(one + other).rows[1].difference.shares_models


def test_equal_means_of_folds_are_no_certainty():
    table = summarise(in_folds(compared(0.02, 0.024, 0.016, 0.02, 0.022, 0.018), ((0, 1, 2), (3, 4, 5))))
    assert table.rows[1].difference.fold_p is None
    assert table.rows[1].difference.verdict == "perhaps better"
    assert "over the means of the 2 folds, which are equal, no p-value can be given" in sentences(table)[0]
