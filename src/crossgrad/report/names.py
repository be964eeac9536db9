"""What methods and folds are called in reports."""

from collections.abc import Sequence

from crossgrad.printing import printable

BASELINE = "erm"
"""The method every other one is compared with."""

CONTROLS = ("random", "repeat", "erm_matched")
"""Methods that do what another one does without its idea: a gain over ERM that they have as well is not the idea's."""

ORACLE = "oracle"
"""The way of choosing settings that reads the held-out domains' own labels."""

DISPLAY_NAMES = {
    "erm": "ERM",
    "label_grad": "LabelGrad",
    "dann": "DANN",
    "ccsa": "CCSA",
    "mtae": "D-MTAE",
    "crossgrad": "CrossGrad",
    "crossgrad_separate": "CrossGrad, separate",
    "hybrid": "Hybrid",
    "random": "Random",
    "repeat": "Repeat",
    "erm_matched": "Matched ERM",
}


def display_name(method: str) -> str:
    """The name a reader knows; a method that is not in the list is shown as it is.

    Example:
        >>> display_name("label_grad"), display_name("mine")
        ('LabelGrad', 'mine')
    """
    return DISPLAY_NAMES.get(method, method)


def method_order(method: str) -> tuple[int, str]:
    """Where a method stands in tables: as listed, ERM first; what is not in the list behind, by its name.

    Example:
        >>> sorted(["mine", "crossgrad", "erm"], key=method_order)
        ['erm', 'crossgrad', 'mine']
    """
    known = list(DISPLAY_NAMES)
    return (known.index(method) if method in known else len(known), method)


def fold_name(held_out: Sequence[str]) -> str:
    """Domains that were held out together, the first three by name.

    Example:
        >>> fold_name(["anna", "bert"]), fold_name([str(n) for n in range(27)])
        ('anna, bert', '0, 1, 2 and 24 more')
    """
    named = ", ".join(printable(name) for name in held_out[:3])
    return named if len(held_out) <= 3 else f"{named} and {len(held_out) - 3} more"
