"""Models on the Hugging Face Hub, and as folders with a card for people; nothing is pickled or unpickled."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import crossgrad
from crossgrad.errors import HubError, ModelError, SettingsError
from crossgrad.extras import how_to_get
from crossgrad.integrations.model_card import model_card
from crossgrad.model import Model
from crossgrad.model_folder import CARD, DESCRIPTION, WEIGHTS, load, save


@dataclass(frozen=True)
class Pushed:
    """A model on the Hub.

    Args:
        url: of the commit.
        revision: its hash: `from_pretrained(..., revision=...)` gives this model whatever is pushed later.
    """

    url: str
    revision: str


def save_pretrained(
    model: Model, folder: Path | str, *, comparison: Path | str | None = None, overwrite: bool = False
) -> Path:
    """Save a model as a folder with a card: model.safetensors, model.json and README.md. Nothing is sent.

    Args:
        model: to be saved.
        folder: to be made.
        comparison: folder of a `compare` on the same data, for the card: what to expect on new domains.
        overwrite: put it in the place of a model that is there, its card included.

    Returns:
        The folder.

    Raises:
        ModelError: there is something at `folder` already: without `overwrite`, or something that is no model.
        RecordError: the comparison cannot be read, or is of other data or another method.

    Example:
        >>> import tempfile
        >>> model = crossgrad.train(crossgrad.open_dataset("digits"), method="erm", max_steps=1)
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = save_pretrained(model, Path(place) / "digits")
        ...     sorted(file.name for file in folder.iterdir()), from_pretrained(folder).label_names == model.label_names
        (['README.md', 'model.json', 'model.safetensors'], True)
    """
    card = model_card(model, comparison=comparison, name=Path(folder).name)
    return save(model, folder, overwrite=overwrite, beside={CARD: card.encode()})


def from_pretrained(
    name: Path | str,
    *,
    revision: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    cache: Path | str | None = None,
    allow_import: bool = False,
) -> Model:
    """Load a model from a folder or from the Hub.

    Of a repository two files are asked for, model.json and model.safetensors, both of the same commit, and read as
    `crossgrad.load` reads them. What was fetched before is not fetched again, and is used where there is no network.

    Args:
        name: a folder; where there is none of this name, a repository, "user/name".
        revision: of a repository: branch, tag or commit hash; None for its main branch as it is now. A hash is the
            only one that nobody can change.
        token: for repositories that are not public; None for the one that huggingface_hub has stored, if any.
        endpoint: address of the Hub; None for what HF_ENDPOINT says, else https://huggingface.co.
        cache: folder of what was fetched; None for huggingface_hub's own.
        allow_import: as `crossgrad.load`. It runs code of this machine that the model names, never code of the
            repository.

    Returns:
        The model; of a repository its card says which, as card["hub"]: {"repository", "revision"}, the hash of the
        commit.

    Raises:
        HubError: there is no such repository, revision or file, or no way to it.
        ModelError: what was found is no model, or as `crossgrad.load`; or a revision is asked of a folder.
        SettingsError: the extra `hub` is not installed.
    """
    if Path(name).is_dir():
        if revision is not None:
            raise ModelError(f"{str(name)!r} is a folder here, which has no revision {revision!r}; leave revision out")
        return load(name, allow_import=allow_import)
    hub = _hub()
    options: dict[str, Any] = {"token": token, "endpoint": endpoint, "cache_dir": cache, **_SENDER}
    try:
        description = Path(hub.hf_hub_download(str(name), DESCRIPTION, revision=revision, **options))
        commit = description.parent.name
        hub.hf_hub_download(str(name), WEIGHTS, revision=commit, **options)
    except _failures() as error:
        raise HubError(f"no folder {str(name)!r}, and none from the Hub: {_reason(error)}") from error
    model = load(description.parent, allow_import=allow_import)
    return replace(model, card={**model.card, "hub": {"repository": str(name), "revision": commit}})


def push_to_hub(
    model: Model,
    repository: str,
    *,
    comparison: Path | str | None = None,
    private: bool = True,
    token: str | None = None,
    endpoint: str | None = None,
    message: str = "Model of crossgrad",
) -> Pushed:
    """Send a model to the Hub, with its card, in one commit. The card names the domains that it was trained on.

    Args:
        model: to be sent.
        repository: "user/name"; made where there is none.
        comparison: as in `save_pretrained`.
        private: whether a repository that is made is; one that is there stays as it is.
        token: that may write; None for the one that huggingface_hub has stored.
        endpoint: as in `from_pretrained`.
        message: of the commit.

    Raises:
        HubError: the Hub refused it, or there is no way to it.
        RecordError: as `save_pretrained`.
        SettingsError: the extra `hub` is not installed.
    """
    hub = _hub()
    with tempfile.TemporaryDirectory() as place:
        card = model_card(model, comparison=comparison, name=repository)
        folder = save(model, Path(place) / "model", beside={CARD: card.encode()})
        operations = [hub.CommitOperationAdd(name, folder / name) for name in (CARD, DESCRIPTION, WEIGHTS)]
        try:
            api = hub.HfApi(endpoint=endpoint, token=token, **_SENDER)
            api.create_repo(repository, private=private, exist_ok=True)
            commit = api.create_commit(repository, operations, commit_message=message)
        except _failures() as error:
            raise HubError(f"could not push to {repository!r}: {_reason(error)}") from error
    return Pushed(url=commit.commit_url, revision=commit.oid)


_SENDER = {"library_name": "crossgrad", "library_version": crossgrad.__version__}


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise SettingsError(f"huggingface_hub is not installed: {how_to_get('hub')}") from error
    return huggingface_hub


def _failures() -> tuple[type[Exception], ...]:
    """What huggingface_hub raises for names, answers, connections and uploads; HTTPError is its HTTP library's."""
    return _hub().errors.HTTPError, OSError, RuntimeError, ValueError


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
