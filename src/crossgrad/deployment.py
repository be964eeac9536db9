"""train(): one model on all domains (or those named), to be saved and used on domains never seen."""

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, SupportsIndex

from crossgrad.building import check_takes_unlabelled, known, method_name
from crossgrad.data import DomainDataset, check_dataset, check_split, with_unlabelled
from crossgrad.data.dataset import check_opened
from crossgrad.data.unlabelled import UNLABELLED_DOMAIN
from crossgrad.defaults import default_net, default_settings
from crossgrad.errors import NonFiniteLossError, SettingsError
from crossgrad.experiments.chosen import Chosen
from crossgrad.experiments.run_training import checkpoints_in, train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.experiments.trained_model import trained_model, warning
from crossgrad.experiments.watched import LOG
from crossgrad.folders import lock_folder
from crossgrad.global_state import cpu_by_default, torch_threads
from crossgrad.model import Model
from crossgrad.processes import ALONE, Processes
from crossgrad.training import Watch, watch_nothing
from crossgrad.training.checkpoints import Resumed, nothing_resumed
from crossgrad.training.tensorboard import check_tensorboard


@cpu_by_default()
def train(
    dataset: DomainDataset,
    *,
    method: str = "crossgrad",
    domains: Sequence[str] | None = None,
    unlabelled: Any = None,
    unlabelled_domain: str = UNLABELLED_DOMAIN,
    seed: SupportsIndex = 0,
    net: str | None = None,
    fields: Mapping[str, Any] | None = None,
    chosen: Chosen | None = None,
    folder: Path | str | None = None,
    checkpoint_every: int | None = None,
    tensorboard: Path | str | None = None,
    processes: Processes = ALONE,
    resumed: Resumed = nothing_resumed,
    watch: Watch = watch_nothing,
    **settings: Any,
) -> Model:
    """Train one model on all domains or on those named.

    A fraction of every training domain's examples is kept from training to measure in-domain accuracy; domains that
    are not named are measured on as unseen ones. What the model does on a new domain, `compare` estimates.

    Args:
        dataset: of at least two domains, the unlabelled one counted.
        method: name in METHODS.
        domains: names of the training domains; None for all.
        unlabelled: inputs of a new domain, without labels, as `Model.predict` takes them: they train with the dataset
            as one more domain (`crossgrad.data.with_unlabelled`). For methods with a net that tells domains.
        unlabelled_domain: its name. Labelled examples of a training domain of that name are of the same domain.
        seed: of everything random.
        net: name in NETS or an import path; by default as in `compare`.
        fields: of the method.
        chosen: by a sweep, as `experiments.chosen.read_chosen` reads it: net, settings and fields come from it, but for
            those given here.
        folder: where checkpoints and the log (log.jsonl) are kept; where there are checkpoints, training goes on from
            the last one. They stay until `crossgrad.save` has put the model into the folder around it: give
            MODEL/training here to save to MODEL. None keeps none.
        checkpoint_every: steps from one checkpoint to the next; None for one a minute.
        tensorboard: folder of TensorBoard's event files (the extra `tracking`); None writes none.
        processes: that train together, as `crossgrad.processes.joined` gives them; each calls this alike. The first
            alone writes into the folder, which all must see. All return the same model.
        resumed: called with the step that training goes on from, when its checkpoint has been found good; in the first
            process alone.
        watch: follows the training; called in the first process alone. What is wrong with the training is a
            TrainingWarning besides.
        **settings: by the names of `Settings`.

    Raises:
        TypeError: what is to be trained on is no dataset, such as the path of one.
        CrossGradError: something does not go together; or NonFiniteLossError, in training; or CheckpointError: what
            is in the folder cannot be gone on from, such as a checkpoint of other settings.

    Example:
        >>> from crossgrad.data import open_dataset
        >>> digits = open_dataset("digits")
        >>> model = train(digits, method="erm", max_steps=50)
        >>> model.predict(digits.inputs[:3]).probabilities.shape
        (3, 10)
    """
    check_opened(dataset)
    name = method_name(method)
    if chosen is not None:
        chosen.check_dataset(dataset)  # before it is another by what has no label
    if unlabelled is not None:
        check_takes_unlabelled(name)
        dataset = with_unlabelled(dataset, unlabelled, domain=unlabelled_domain)
    if domains is not None and not domains:
        raise SettingsError("no domains to train on; name at least two, or none for all of them: domains=None")
    for domain in domains or ():
        known("domain", domain, dataset.domain_names)
    held_out = tuple(domain for domain in dataset.domain_names if domains and domain not in domains)
    if chosen is not None:
        if chosen.method != name:
            raise SettingsError(f"the settings were chosen for {chosen.method}, not for {name}")
        choice = chosen.without(settings).choice_for(held_out)
        net, settings = net or chosen.net, {**choice.settings, **settings}
        fields = {**choice.fields, **(fields or {})}
    run = Run(
        held_out=held_out,
        method=name,
        net=net or default_net(dataset),
        seed=operator.index(seed),  # NumPy's are no JSON
        settings=Settings.of(default_settings(dataset) | settings).for_method(name, fields or {}),
        select=chosen.select if chosen is not None else "none",
    )
    parts = run.split(dataset)
    check_dataset(dataset)
    check_split(dataset, parts)
    checkpoints = (
        checkpoints_in(Path(folder), run, dataset, every_steps=checkpoint_every) if folder is not None else None
    )
    board = None if tensorboard is None else Path(tensorboard)
    if board is not None:
        check_tensorboard(board)
    lock = _held(Path(folder)) if folder is not None and processes.is_first else nullcontext()
    with torch_threads(run.settings.threads), lock:
        try:
            trained = train_method(
                dataset,
                parts,
                run,
                warning(watch),
                checkpoints=checkpoints,
                log=Path(folder) / LOG if folder is not None else None,
                tensorboard=board,
                processes=processes,
                resumed=resumed,
            )
        except NonFiniteLossError:
            if checkpoints is not None and processes.is_first:
                checkpoints.remove()  # to go on from there would lead to the same step
            raise
        return trained_model(dataset, parts, run, trained, processes=processes)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep others from training into a folder; where nothing came of it, no empty folder stays."""
    made = [each for each in (folder, folder.parent) if not each.exists()]
    try:
        with lock_folder(folder):
            yield
    finally:
        for each in made:
            with suppress(OSError):
                each.rmdir()
