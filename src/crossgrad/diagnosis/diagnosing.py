"""diagnose(): is training across domains for this data? Counts, and a few short trainings of plain nets."""

from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.data.dataset import check_opened
from crossgrad.diagnosis.carrying_out import Diagnosis, Watch, carry_out_diagnosis, watch_nothing
from crossgrad.diagnosis.planning import plan_diagnosis
from crossgrad.global_state import cpu_by_default


@cpu_by_default()
def diagnose(
    dataset: DomainDataset,
    *,
    max_steps: int | None = None,
    seed: int = 0,
    net: str | None = None,
    watch: Watch = watch_nothing,
    **settings: Any,
) -> Diagnosis:
    """Tell whether training across domains may help on this data, from counts and a few short trainings.

    A label net is trained by ERM without some domains, several times over, and what it loses on them is measured: each
    domain's accuracy where it was trained on, minus its accuracy where it was held out. A domain net is trained on all
    domains and measured on examples it has not seen. Test domains of a benchmark's own split are counted, and neither
    trained nor measured on.

    Args:
        dataset: any; what cannot be told of it is said.
        max_steps: of each training; by default 500, fewer where the benchmark is trained for fewer.
        seed: of everything random.
        net: as `compare` takes it.
        watch: follows the trainings.
        **settings: by the names of `Settings`.

    Raises:
        SettingsError: a setting is unknown or out of range.
        TypeError: what is to be looked at is no dataset, such as the path of one.

    Example:
        >>> from crossgrad.data import open_dataset
        >>> diagnosis = diagnose(open_dataset("digits"), max_steps=5)
        >>> len(diagnosis.findings.gap.by_domain)
        6
    """
    check_opened(dataset)
    plan = plan_diagnosis(dataset, max_steps=max_steps, seed=seed, net=net, **settings)
    return carry_out_diagnosis(plan, watch=watch)
