"""Early stopping of a run: by the examples of its training domains that are kept from training."""

from crossgrad.data import DomainDataset, Split, Standardisation
from crossgrad.errors import SettingsError
from crossgrad.evaluation import accuracies, probabilities
from crossgrad.experiments.settings import Settings
from crossgrad.methods import Method
from crossgrad.processes import ALONE, Processes
from crossgrad.training.stopping import EarlyStopping


def early_stopping(
    settings: Settings,
    dataset: DomainDataset,
    parts: Split,
    scaling: Standardisation,
    *,
    processes: Processes = ALONE,
) -> EarlyStopping | None:
    """The early stopping that settings ask for; None where they ask for none.

    The score is the accuracy on `parts.in_domain`. Held-out domains have no part in it; in-domain accuracy, which other
    runs measure on examples that decided nothing, is then that of the best of several measurements.

    Args:
        settings: of the run.
        dataset: of the run.
        parts: which of its examples are what.
        scaling: of inputs, fitted on training examples.
        processes: that train together; the score is the same in all, so that they stop together.

    Raises:
        SettingsError: as `check_early_stopping`.
    """
    check_early_stopping(settings, parts)
    if settings.patience is None:
        return None
    inside = dataset.subset(parts.in_domain)
    inputs = scaling.apply(inside.inputs)

    def score(method: Method) -> float:
        accuracy: float = accuracies(probabilities(method, inputs, processes=processes), inside)["accuracy"]
        return accuracy

    return EarlyStopping(score, every=settings.score_every, patience=settings.patience)


def check_early_stopping(settings: Settings, parts: Split) -> None:
    """Refuse early stopping where there are no examples to measure on.

    Raises:
        SettingsError: no training domain has an example to spare.
    """
    if settings.patience is not None and len(parts.in_domain) == 0:
        raise SettingsError(
            f"patience needs examples of the training domains to measure on, and an in_domain_fraction of "
            f"{settings.in_domain_fraction:g} leaves none of these domains; give a larger one, or no patience"
        )
