"""A model leaves for the Hub only when it is pushed, comes back the same, and its card says what records say."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard, constants
from huggingface_hub.utils import disable_progress_bars

import crossgrad
from crossgrad.comparison import compare
from crossgrad.data import open_dataset
from crossgrad.errors import HubError, ModelError, RecordError, SettingsError
from crossgrad.integrations.hub import CARD, from_pretrained, push_to_hub, save_pretrained
from crossgrad.integrations.model_card import model_card
from crossgrad.model import Model
from crossgrad.model_folder import DESCRIPTION, WEIGHTS, load, save
from crossgrad.records import append_record, read_records
from crossgrad.report import collect
from crossgrad.report.numbers import interval
from hub_server import TOKEN, Hub, hub_server
from small import LABELS, save_pictures, vectors

QUICKLY: dict[str, Any] = {"max_steps": 12, "learning_rate": 0.02}
FIELDS = {"domain_gradient_step": 3.0, "label_weight": 0.75}
disable_progress_bars()


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of huggingface_hub, which would ask the real Hub, whatever the endpoint, for what goes into its user agent."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)


@pytest.fixture(scope="module")
def model() -> Model:
    return crossgrad.train(vectors(), domains=["attic", "barn", "cellar"], fields=FIELDS, **QUICKLY)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "results"
    options: dict[str, Any] = {"methods": ["erm", "crossgrad"], "fields": {"crossgrad": FIELDS}, **QUICKLY}
    crossgrad.compare(vectors(), seeds=[0, 1], output=folder, jobs=1, **options)
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as server:
        yield server
        assert server.unknown == []


def pushed(hub: Hub, name: str = "anna/vectors") -> dict[str, bytes]:
    """The files of a repository's last commit."""
    return list(hub.repositories[name].commits.values())[-1]


def same(found: Model, expected: Model) -> None:
    inputs = vectors(20, seed=4).inputs
    np.testing.assert_array_equal(found.predict(inputs).probabilities, expected.predict(inputs).probabilities)
    assert found.label_names == expected.label_names


# Folders


def test_a_folder_with_a_card_is_a_model_like_any_other(model: Model, tmp_path: Path) -> None:
    folder = save_pretrained(model, tmp_path / "model")
    assert sorted(os.listdir(folder)) == [CARD, DESCRIPTION, WEIGHTS]
    for found in (from_pretrained(folder), from_pretrained(str(folder)), load(folder)):
        same(found, model)
        assert found.card == model.card


def test_a_folder_is_replaced_with_its_card_and_only_if_asked(model: Model, tmp_path: Path) -> None:
    folder = save_pretrained(model, tmp_path / "model")
    before = (folder / CARD).read_bytes()
    other = crossgrad.train(vectors(), method="erm", max_steps=1)
    with pytest.raises(ModelError, match="holds a model already"):
        save_pretrained(other, folder)
    assert (folder / CARD).read_bytes() == before
    same(from_pretrained(folder), model)
    save_pretrained(other, folder, overwrite=True)
    same(from_pretrained(folder), other)
    assert "vectors, ERM" in (folder / CARD).read_text()
    save(model, folder, overwrite=True)
    same(from_pretrained(folder), model)
    assert not (folder / CARD).exists()  # it was another model's


def test_a_readme_of_ones_own_beside_a_model_is_not_lost(model: Model, tmp_path: Path) -> None:
    folder = save(model, tmp_path / "model")
    (folder / CARD).write_text("# Mine")
    with pytest.raises(ModelError, match="holds something other than a model"):
        save(model, folder, overwrite=True)
    with pytest.raises(ModelError, match="holds something other than a model"):
        save_pretrained(model, folder, overwrite=True)
    assert (folder / CARD).read_text() == "# Mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_readme_of_something_else_is_never_replaced(model: Model, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / CARD).write_text("mine")
    with pytest.raises(ModelError, match="holds something other than a model"):
        save_pretrained(model, tmp_path, overwrite=overwrite)
    assert os.listdir(tmp_path) == [CARD]


def test_what_a_killed_save_left_of_a_card_goes_with_the_next(model: Model, tmp_path: Path) -> None:
    (tmp_path / f".{CARD}.12345.tmp").write_text("half")
    save_pretrained(model, tmp_path)
    assert sorted(os.listdir(tmp_path)) == [CARD, DESCRIPTION, WEIGHTS]


def test_a_revision_of_a_folder_is_refused(model: Model, tmp_path: Path) -> None:
    folder = save_pretrained(model, tmp_path / "model")
    with pytest.raises(ModelError, match="is a folder here, which has no revision 'v1'; leave revision out"):
        from_pretrained(folder, revision="v1")


# The Hub


def test_a_model_comes_back_from_the_hub_as_it_was_and_says_which_revision_it_is(
    model: Model, hub: Hub, tmp_path: Path
) -> None:
    sent = push_to_hub(model, "anna/vectors", token=TOKEN, endpoint=hub.endpoint)
    assert sorted(pushed(hub)) == [CARD, DESCRIPTION, WEIGHTS]
    assert sent.url == f"{hub.endpoint}/anna/vectors/commit/{sent.revision}"
    found = from_pretrained("anna/vectors", token=TOKEN, endpoint=hub.endpoint, cache=tmp_path)
    same(found, model)
    assert found.card == {**model.card, "hub": {"repository": "anna/vectors", "revision": sent.revision}}


def test_a_revision_stays_what_it_was_whatever_is_pushed_later(model: Model, hub: Hub, tmp_path: Path) -> None:
    other = crossgrad.train(vectors(), method="erm", max_steps=1)
    options: dict[str, Any] = {"token": TOKEN, "endpoint": hub.endpoint}
    first, second = (push_to_hub(each, "anna/vectors", **options).revision for each in (model, other))
    for revision, expected in ((first, model), (second, other), (None, other), ("main", other)):
        found = from_pretrained("anna/vectors", revision=revision, cache=tmp_path, **options)
        same(found, expected)
        assert found.card["hub"]["revision"] == (revision if revision in (first, second) else second)


def test_weights_and_description_are_of_one_commit_even_if_another_comes_between(
    model: Model, hub: Hub, tmp_path: Path
) -> None:
    first = push_to_hub(model, "anna/vectors", token=TOKEN, endpoint=hub.endpoint).revision
    from_pretrained("anna/vectors", token=TOKEN, endpoint=hub.endpoint, cache=tmp_path)
    asked = [url for command, url in hub.requests if command == "GET"]
    assert asked == [f"/anna/vectors/resolve/main/{DESCRIPTION}", f"/anna/vectors/resolve/{first}/{WEIGHTS}"]


def test_what_was_fetched_is_not_fetched_again_and_serves_without_a_network(
    model: Model, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = push_to_hub(model, "anna/vectors", token=TOKEN, endpoint=hub.endpoint).revision
    options: dict[str, Any] = {"token": TOKEN, "endpoint": hub.endpoint, "cache": tmp_path}
    from_pretrained("anna/vectors", **options)
    n_requests = len(hub.requests)
    same(from_pretrained("anna/vectors", revision=revision, **options), model)
    assert len(hub.requests) == n_requests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    same(from_pretrained("anna/vectors", **options), model)


def test_a_repository_that_is_made_is_private_unless_told_otherwise(model: Model, hub: Hub) -> None:
    push_to_hub(model, "anna/closed", token=TOKEN, endpoint=hub.endpoint)
    push_to_hub(model, "anna/open", private=False, token=TOKEN, endpoint=hub.endpoint)
    assert {name: each.private for name, each in hub.repositories.items()} == {"anna/closed": True, "anna/open": False}


def test_nothing_is_sent_but_by_a_push(model: Model, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    folder = save_pretrained(model, tmp_path / "model")
    from_pretrained(folder)
    assert hub.requests == []


def test_by_the_environment_a_model_goes_to_the_hub_named_there_large_weights_by_themselves(
    model: Model, tmp_path: Path
) -> None:
    save(model, tmp_path / "model")
    script = (
        "import crossgrad\nfrom crossgrad.integrations.hub import from_pretrained, push_to_hub\n"
        "model = crossgrad.load('model')\nprint(push_to_hub(model, 'anna/vectors').revision)\n"
        "print(from_pretrained('anna/vectors').card['hub']['revision'])\n"
    )
    with hub_server(large=True) as hub:
        told = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path)}
        told |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(set(done.stdout.split())) == 1
        assert list(hub.objects.values()) == [pushed(hub)[WEIGHTS]] == [(tmp_path / "model" / WEIGHTS).read_bytes()]
        assert hub.unknown == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "anna/absent"}, "no folder 'anna/absent', and none from the Hub: .*401"),
        ({"name": "anna/vectors", "token": None}, "no folder 'anna/vectors'.* make sure you are authenticated"),
        ({"name": "anna/vectors", "revision": "v7"}, "Revision Not Found"),
        ({"name": "anna/empty"}, "404.*Entry Not Found"),
        ({"name": "no/such/name"}, "Repo id must be in the form"),
    ],
)
def test_what_is_not_on_the_hub_is_told(
    model: Model, hub: Hub, tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    push_to_hub(model, "anna/vectors", token=TOKEN, endpoint=hub.endpoint)
    push_to_hub(model, "anna/empty", token=TOKEN, endpoint=hub.endpoint)
    pushed(hub, "anna/empty").clear()
    with pytest.raises(HubError, match=message):
        from_pretrained(**{"token": TOKEN, "endpoint": hub.endpoint, "cache": tmp_path, **asked})


def test_a_push_that_is_refused_is_told_without_the_token(model: Model, hub: Hub) -> None:
    with pytest.raises(HubError, match=r"could not push to 'anna/vectors': .*401") as told:
        push_to_hub(model, "anna/vectors", token="hf_wrong", endpoint=hub.endpoint)
    assert "hf_wrong" not in str(told.value)
    assert hub.repositories == {}


def test_a_missing_package_is_told_with_its_extra(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for act in (lambda: push_to_hub(model, "anna/vectors"), lambda: from_pretrained("anna/vectors")):
        with pytest.raises(SettingsError, match=r"huggingface_hub is not installed: .*pip install .*\[hub\]'"):
            act()


# What is fetched is not trusted


class Harmful:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize("name", [WEIGHTS, DESCRIPTION])
def test_a_pickle_in_the_place_of_a_models_file_is_refused_and_not_unpickled(
    name: str, model: Model, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_to_hub(model, "anna/vectors", token=TOKEN, endpoint=hub.endpoint)
    monkeypatch.chdir(tmp_path)
    torch.save(Harmful(), tmp_path / "pickle")
    for content in (pickle.dumps(Harmful()), (tmp_path / "pickle").read_bytes()):
        hub.repositories["anna/vectors"].commit({name: content, "pytorch_model.bin": content})
        with pytest.raises(ModelError, match="truncated or"):
            from_pretrained("anna/vectors", token=TOKEN, endpoint=hub.endpoint, cache=tmp_path / "cache")
    assert not (tmp_path / "harmed").exists()
    assert not any(url.endswith("pytorch_model.bin") for _, url in hub.requests)


def test_code_that_a_fetched_model_names_runs_only_if_allowed(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub_trunk.py").write_text("from torch import nn\ndef trunk(input_shape):\n    return nn.Flatten()\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = crossgrad.train(vectors(), method="erm", net="hub_trunk:trunk", max_steps=1)
    push_to_hub(made, "anna/own", token=TOKEN, endpoint=hub.endpoint)
    options: dict[str, Any] = {"token": TOKEN, "endpoint": hub.endpoint, "cache": tmp_path / "cache"}
    with pytest.raises(ModelError, match="a net of its own, 'hub_trunk:trunk'"):
        from_pretrained("anna/own", **options)
    same(from_pretrained("anna/own", allow_import=True, **options), made)
    card = pushed(hub, "anna/own")[CARD].decode()
    assert "from_pretrained('anna/own', allow_import=True)" in card
    assert "It has a net of its own, hub\\_trunk:trunk" in card


# The card


def test_a_card_has_the_models_data_domains_accuracies_and_settings(model: Model) -> None:
    card = model_card(model, name="anna/vectors")
    assert card.count("\n## ") == 5
    for domain, n in model.card["training_domains"].items():
        assert f"| {domain} | {n} |" in card
    for place, where in (
        ("in_domain", "unseen examples of its training domains"),
        ("out_of_domain", "examples of domains that it was not trained on"),
    ):
        measured = model.card[place]
        assert f"Accuracy on {measured['n']} {where}: {100 * measured['accuracy']:.1f} %." in card
        for domain, accuracy in measured["by_domain"].items():
            assert f"| {domain} | {100 * accuracy:.1f} |" in card
    assert '| net | "mlp" |' in card
    assert "| max\\_steps | 12 |" in card
    assert f"torch {torch.__version__}" in card
    assert "from_pretrained('anna/vectors')" in card
    assert "No comparison is given with it." in card


def test_a_model_of_all_domains_says_that_nothing_is_known_of_new_ones() -> None:
    card = model_card(crossgrad.train(vectors(), method="erm", max_steps=1))
    assert "None of its training's domains was kept apart" in card
    assert "examples of domains that it was not trained on" not in card


def test_a_card_with_a_comparison_has_its_intervals_and_says_what_was_otherwise(model: Model, comparison: Path) -> None:
    card = model_card(model, comparison=comparison)
    table = collect([comparison]).table
    (row,) = (row for row in table.rows if row.method == "crossgrad")
    assert row.difference is not None
    assert f"({interval(row.difference.comparison)})" in card
    assert f"held out {len(table.held_out)} domains, 2 seeds." in card
    assert "not trained as this one" not in card
    other = crossgrad.train(vectors(), max_steps=4, learning_rate=0.02)
    assert "they differ in max\\_steps, fields.domain\\_gradient\\_step, fields.label\\_weight." in model_card(
        other, comparison=comparison
    )


def test_a_card_says_what_the_comparison_was_given_where_the_model_has_a_default(tmp_path: Path) -> None:
    given = {"max_steps": 2, "device": "cpu"}
    fields = {"crossgrad": {"mixing": "examples"}}
    compare(vectors(), output=tmp_path, methods=["crossgrad"], seeds=[0], average=0.9, fields=fields, **given)
    card = model_card(crossgrad.train(vectors(), **given), comparison=tmp_path)
    assert "they differ in average, fields.mixing." in card


def test_a_comparison_of_other_data_or_without_the_method_is_refused(
    model: Model, comparison: Path, tmp_path: Path
) -> None:
    other = crossgrad.train(vectors(60), max_steps=1)
    with pytest.raises(RecordError, match=r"has data .*; the model's is .*give the comparison of its own data"):
        save_pretrained(other, tmp_path / "model", comparison=comparison)
    dann = crossgrad.train(vectors(), method="dann", max_steps=1)
    with pytest.raises(RecordError, match="has method crossgrad, erm; the model's is 'dann'"):
        save_pretrained(dann, tmp_path / "model", comparison=comparison)
    assert os.listdir(tmp_path) == []
    assert len(read_records(comparison)) == 16
    append_record(tmp_path / "records.jsonl", {"version": 1, "key": "../x"})
    with pytest.raises(RecordError, match="not the name of a folder"):
        save_pretrained(model, tmp_path / "model", comparison=tmp_path)


def test_names_in_a_card_are_text_and_its_head_is_what_the_hub_reads(model: Model) -> None:
    names = ("---\nlicense: mit", "<script>", "![x](http://x)")
    odd = Model(**{**vars(model), "label_names": names, "card": {**model.card, "dataset": "a: [b]\n# c"}})
    card = model_card(odd)
    head = ModelCard(card).data.to_dict()
    assert head == {"library_name": "crossgrad", "tags": ["domain-generalization", "crossgrad"]}
    assert "<script>" not in card
    assert "\n# c" not in card
    assert r"!\[x\](http://x)" in card


def test_a_card_says_whether_files_are_images(tmp_path: Path) -> None:
    save_pictures(tmp_path)
    model = crossgrad.train(open_dataset(tmp_path, image_size=8), method="erm", net="mlp", max_steps=1)
    card = model_card(model)
    assert ModelCard(card).data.to_dict()["pipeline_tag"] == "image-classification"
    assert "A classifier of images with 2 labels: cat, dog." in card
    assert "model.predict(files)" in card


def test_a_model_without_a_record_has_a_card_all_the_same(model: Model) -> None:
    bare = Model(**{**vars(model), "card": {}})
    assert f"A classifier of arrays of shape (5,) with 3 labels: {', '.join(LABELS)}." in model_card(bare)
