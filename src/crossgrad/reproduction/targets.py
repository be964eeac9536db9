"""The paper's tables of accuracies: which studies they are made of, and what was published beside them."""

from dataclasses import dataclass

from crossgrad.experiments.matching import MATCHED
from crossgrad.reproduction import published, studies
from crossgrad.reproduction.published import Published
from crossgrad.reproduction.studies import Study


@dataclass(frozen=True)
class Column:
    """One column of a table: accuracies by method.

    Args:
        heading: as the paper has it, or what ours is of.
        studies: where ours come from, all of the same methods. Several are pooled: an accuracy is the mean over them,
            a difference is paired over the test domains of all.
        published: accuracies in per cent; empty where nothing was published.
        gains: published changes against the baseline in points, where no accuracies were published or those that were
            are of other labels.
        held_out: the domains that count, of a study that holds out several in turn; None: all, averaged.
        shown: of the studies' methods; None: all.
    """

    heading: str
    studies: tuple[Study, ...]
    published: Published
    gains: Published | None = None
    held_out: tuple[str, ...] | None = None
    shown: tuple[str, ...] | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """That are shown."""
        return self.shown or (*self.studies[0].methods, *([MATCHED] if self.studies[0].matched else []))

    @property
    def shares_models(self) -> bool:
        """Whether a study's test domains are held out together, and so measured with the same models."""
        return any(study.hold_out is None for study in self.studies)


@dataclass(frozen=True)
class Target:
    """A table of accuracies.

    Args:
        title: as a sentence without an end.
        columns: in their order.
        notes: what a reader has to know beside the numbers.
    """

    title: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()

    @property
    def studies(self) -> tuple[Study, ...]:
        """Without repetition."""
        return tuple({study.name: study for column in self.columns for study in column.studies}.values())


def _gains(accuracies: Published) -> Published:
    """What was gained on the baseline; of other labels an accuracy says nothing."""
    erm = accuracies["erm"]
    return {
        method: None if erm is None or value is None else round(value - erm, 1)
        for method, value in accuracies.items()
        if method != "erm"
    }


def _angle(place: int) -> Column:
    angle = published.ANGLES[place]
    numbers: Published = {method: of_method[place] for method, of_method in published.ROTATIONS.items()}
    return Column(f"M{angle}", (studies.ROTATED_MNIST,), numbers, held_out=(angle,))


_HARD_TO_READ = (
    "The last digit of ERM's published accuracy on handwriting is hard to read in our copy of the paper: published "
    "gains over it may be off by some tenths."
)

TARGETS = {
    "table4": Target(
        "Table 4: accuracy on four tasks",
        (
            Column("Fonts", (studies.FONTS,), published.FONTS),
            Column("Fonts (authors' arrays)", (studies.FONTS_AUTHORS,), published.FONTS),
            Column("Handwriting", (studies.HANDWRITING,), {}, gains=_gains(published.HANDWRITING)),
            Column("Handwriting, 4 other alphabets", studies.OTHER_ALPHABETS, {}, gains=_gains(published.HANDWRITING)),
            Column("Handwriting (LipiTk)", (studies.LIPITK,), published.HANDWRITING),
            Column("MNIST (M15)", (studies.ROTATED_MNIST,), published.MNIST, held_out=("15",)),
            Column("Speech", (studies.SPEECH_LITHUANIAN,), {}, gains=_gains(published.SPEECH)),
            Column("Speech (Google's)", (studies.SPEECH,), published.SPEECH),
        ),
        (_HARD_TO_READ,),
    ),
    "table5": Target(
        "Table 5: accuracy by net",
        (
            Column("Fonts, LeNet", (studies.FONTS,), published.FONTS),
            Column("Fonts, ResNet", (studies.FONTS_RESNET,), published.FONTS_RESNET),
            Column("Handwriting, LeNet", (studies.HANDWRITING,), {}, gains=_gains(published.HANDWRITING)),
            Column(
                "Handwriting, ResNet",
                (studies.HANDWRITING_RESNET,),
                {},
                gains=_gains(published.HANDWRITING_RESNET),
            ),
        ),
        (_HARD_TO_READ,),
    ),
    "table8": Target(
        "Table 8: accuracy by the number of training domains",
        tuple(
            # The study of all fonts is of more methods.
            Column(
                f"{n} {domains}",
                (study,),
                {},
                gains=published.SPEECH_GAINS[n] if domains == "speakers" else None,
                shown=(*studies.FEWER_DOMAINS_METHODS, MATCHED),
            )
            for domains, by_number in studies.BY_TRAINING_DOMAINS.items()
            for n, study in by_number.items()
        ),
        ("The published numbers are of Google's speakers, ours of a synthesiser's voices and of fonts.",),
    ),
    "table9": Target(
        "Table 9: accuracy on rotated MNIST",
        (*(_angle(place) for place in range(6)), Column("All", (studies.ROTATED_MNIST,), published.ROTATIONS_MEAN)),
    ),
}
"""By the names that `crossgrad reproduce` takes."""
