from crossgrad.report import provenance

from .conftest import make_record


def test_settings_that_all_methods_share_are_listed_once():
    made = provenance([make_record("erm", "0", 0, 0.8), make_record("crossgrad", "0", 0, 0.8)])
    assert made.common["learning_rate"] == "0.02"
    assert made.by_method["label_gradient_step"] == {"crossgrad": "1.5"}
    assert "label_gradient_step" not in made.common


def test_a_setting_that_varies_between_held_out_domains_shows_its_values():
    records = [make_record("crossgrad", str(15 * n), 0, 0.8, step=0.1 * (n + 1)) for n in range(3)]
    assert provenance(records).common["label_gradient_step"] == "0.1, 0.2, 0.3"
    many = [make_record("crossgrad", str(15 * n), 0, 0.8, step=0.1 * (n + 1)) for n in range(6)]
    assert provenance(many).common["label_gradient_step"] == "6 different values"


def test_commands_come_as_text_or_as_arguments():
    first, second = make_record("erm", "0", 0, 0.8), make_record("erm", "15", 0, 0.8)
    second["command"] = ["crossgrad", "compare", "my data"]
    assert provenance([first, second, first]).commands == (
        "crossgrad compare digits --seeds 3",
        "crossgrad compare 'my data'",
    )


def test_versions_that_differ_between_runs_are_both_named():
    first, second = make_record("erm", "0", 0, 0.8), make_record("erm", "15", 0, 0.8)
    second["versions"] = {"torch": "2.14.0"}
    assert provenance([first, second]).versions["torch"] == "2.13.0, 2.14.0"


def test_a_methods_own_setting_is_not_taken_for_a_common_one_of_that_name():
    record = make_record("crossgrad", "0", 0, 0.8)
    record["settings"]["fields"]["threads"] = 8
    common = provenance([record]).common
    assert (common["threads"], common["fields.threads"], common["domain_weight"]) == ("1", "8", "0.5")
