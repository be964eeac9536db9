"""What a table is made of: studies, each a data set with a net on which methods' settings are chosen and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crossgrad.data import BENCHMARKS, DomainDataset, held_out_folds, with_training_domains
from crossgrad.errors import DataError
from crossgrad.reproduction.published import SPEECH_GAINS

PAPER_METHODS = ("erm", "dann", "label_grad", "crossgrad")
"""Those of tables 4, 5 and 8; the paper calls ERM the baseline."""

ALL_METHODS = (*PAPER_METHODS, "hybrid", "random", "repeat")
"""With the paper's future work and the controls that it lacks; ERM at equal compute joins them."""

FEWER_DOMAINS_METHODS = (*PAPER_METHODS, "random")
"""With the controls that say what a gain on ERM is worth: a random direction, and ERM at equal compute. The same batch
twice is left out, since without dropout it is ERM."""


@dataclass(frozen=True)
class Study:
    """One data set and net, on which settings are chosen for each method, and the methods compared.

    Args:
        name: of its folder.
        benchmark: in BENCHMARKS.
        what: the data is, in words: the paper's own, or what stands in for it.
        options: of the benchmark.
        net: in NETS; None: the benchmark's own.
        hold_out: "each" domain in turn, a number of folds, or one domain; None: the benchmark's own split.
        methods: compared.
        matched: whether ERM with as many passes as the costliest method is compared too.
        training_domains: train on so many of the training domains; None: on all.
        repeats: whether every domain shows the same objects in the same order, so that their answers are not
            independent.
    """

    name: str
    benchmark: str
    what: str
    options: Mapping[str, Any] = field(default_factory=dict)
    net: str | None = None
    hold_out: str | None = None
    methods: tuple[str, ...] = ALL_METHODS
    matched: bool = True
    training_domains: int | None = None
    repeats: bool = False

    @property
    def trunk(self) -> str:
        """The net's name: its own, or the benchmark's."""
        return self.net or BENCHMARKS[self.benchmark].net

    def n_folds(self, domains: Sequence[str]) -> int:
        """How many trainings a method with one seed is, each without other ones of the data's domains."""
        return 1 if self.hold_out is None else len(held_out_folds(domains, self.hold_out))

    def open(self) -> DomainDataset:
        """The data.

        Raises:
            DataError: it is not here; says how it can be had.
        """
        benchmark = BENCHMARKS[self.benchmark]
        if not benchmark.is_here:
            raise DataError(f"{self.benchmark} is not here. {benchmark.instructions}")
        dataset = benchmark.open(**self.options)
        return dataset if self.training_domains is None else with_training_domains(dataset, self.training_domains)


FONTS = Study("fonts", "fonts", "drawn anew in 109 handwriting families of Google Fonts")
FONTS_AUTHORS = Study("fonts_authors", "fonts_authors", "the arrays that the authors published")
HANDWRITING = Study("handwriting", "handwriting", "a stand-in for LipiTk: Omniglot's Sanskrit, 20 writers")
OTHER_ALPHABETS = tuple(
    Study(
        f"handwriting-{name}",
        "handwriting",
        f"a stand-in for LipiTk: Omniglot's {alphabet}, 20 writers of its own",
        options={"alphabet": alphabet},
    )
    for name, alphabet in (
        ("greek", "Greek"),
        ("katakana", "Japanese_(katakana)"),
        ("latin", "Latin"),
        ("tagalog", "Tagalog"),
    )
)
"""To be pooled by their results. One data set of all their characters would confound label and domain: who wrote tells
which alphabet it is, and so rules out most labels."""
LIPITK = Study("lipitk", "lipitk", "the paper's own: LipiTk's Devanagari")
ROTATED_MNIST = Study(
    "rotated_mnist",
    "rotated_mnist",
    "the paper's own: the file of Ghifary et al.",
    hold_out="each",
    methods=("erm", "ccsa", "mtae", *ALL_METHODS[1:]),
    repeats=True,
)
MNIST_ANGLES = Study(
    "mnist_angles",
    "mnist_angles",
    "other digits of MNIST, turned here: a domain differs by its angle alone, which in the paper's file it does not",
    hold_out="each",
)
SPEECH = Study("speech", "speech", "the paper's own: Google Speech Commands, 100 training speakers")
SPEECH_LITHUANIAN = Study("speech_lithuanian", "speech_lithuanian", "a stand-in: Lithuanian commands, 28 speakers")

FONTS_RESNET = Study("fonts-resnet", "fonts", FONTS.what, net="resnet", methods=PAPER_METHODS, matched=False)
HANDWRITING_RESNET = Study(
    "handwriting-resnet", "handwriting", HANDWRITING.what, net="resnet", methods=PAPER_METHODS, matched=False
)


def synthetic_speakers(n: int) -> Study:
    """Table 8 on a synthesiser's voices: so many train, the same 334 validate and the same 334 test."""
    return Study(
        f"synthetic_speakers-{n}",
        "synthetic_speakers",
        "a stand-in: a synthesiser's voices",
        options={"speakers": 1670, "takes": 1},
        methods=FEWER_DOMAINS_METHODS,
        training_domains=n,
    )


def fonts_of(n: int) -> Study:
    """Table 8's question on fonts: so many train, the same fonts validate and test."""
    return Study(f"fonts-{n}", "fonts", FONTS.what, methods=FEWER_DOMAINS_METHODS, training_domains=n)


BY_TRAINING_DOMAINS: Mapping[str, Mapping[int, Study]] = {
    "speakers": {n: synthetic_speakers(n) for n in SPEECH_GAINS},
    "fonts": {n: fonts_of(n) for n in (5, 10, 20, 40)} | {71: FONTS},
}
"""Table 8: what the domains are, and the study of each number that train. All 71 fonts are table 4's trainings."""
