"""The options that several commands share: one meaning each, and how what was given is read."""

import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossgrad.cli import completion
from crossgrad.errors import SettingsError

if TYPE_CHECKING:
    from crossgrad.data import Benchmark, DomainDataset
    from crossgrad.experiments.chosen import Chosen

DATA_HELP = (
    "A benchmark's name (digits), a folder domain/label/file of images or of audio, a manifest with the columns path, "
    "label and domain (.csv, .jsonl, .parquet), or arrays (.npz with inputs or signals, labels and domains)."
)
Data = Annotated[
    str, typer.Argument(metavar="DATA", help=DATA_HELP, show_default=False, autocompletion=completion.data)
]
ImageSize = Annotated[int | None, typer.Option(help="Of image files: height and width in pixels.  [default: 32]")]
Channels = Annotated[
    int | None, typer.Option(help="Of image files: 1 (grey) or 3 (colour).  [default: 3 if any has colour]")
]
Features = Annotated[str | None, typer.Option(help="Of audio files: mfcc or log_mel.  [default: mfcc]")]
Seconds = Annotated[float | None, typer.Option(help="Of audio files, around the word.  [default: 1]")]
PathColumn = Annotated[str, typer.Option(help="Of a manifest: the column of files.")]
LabelColumn = Annotated[str, typer.Option(help="Of a manifest: the column of labels.")]
DomainColumn = Annotated[str, typer.Option(help="Of a manifest: the column of domains.")]
SkipUnreadable = Annotated[bool, typer.Option("--skip-unreadable", help="Leave out files that cannot be read.")]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Such as 2G: files whose inputs take more are read when they are needed.  [default: a quarter of what is "
        "free]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes of a run that read such files ahead.  [default: cores that no run's threads take]"),
]
Net = Annotated[
    str | None,
    typer.Option(
        help="lenet, resnet, conv2, keyword, conv1d, mlp, lenet/2 for half its channels, or your own trunk "
        "package.module:factory.  [default: by the inputs' shape]",
        autocompletion=completion.net,
    ),
]
DomainNet = Annotated[
    str | None,
    typer.Option(
        help="Trunk of the domain net, such as lenet/4.  [default: as the label net's]", autocompletion=completion.net
    ),
]
MaxSteps = Annotated[int | None, typer.Option(help="Training steps of a run.  [default: 1000]")]
BatchSize = Annotated[int | None, typer.Option(help="Examples a step.  [default: 64]")]
LearningRate = Annotated[float | None, typer.Option(help="Of the optimiser.  [default: 0.001]")]
Optimisation = Annotated[
    str | None,
    typer.Option(help="All of it at once: paper, paper-speech, authors-code or dassl; other options go before it."),
]
Optimizer = Annotated[str | None, typer.Option(help="adam, sgd, sgd_momentum, rmsprop or rmsprop_tf.  [default: adam]")]
Schedule = Annotated[
    str | None, typer.Option(help="Of the learning rate: constant, cosine or step.  [default: constant]")
]
WarmupSteps = Annotated[int | None, typer.Option(help="Over which the learning rate first grows.  [default: 0]")]
Decay = Annotated[float | None, typer.Option(help="Of the schedule step: the factor, such as 0.94.")]
DecayEpochs = Annotated[
    float | None, typer.Option(help="Of the schedule step: after so many passes over the training examples, each time.")
]
ClipValue = Annotated[float | None, typer.Option(help="Bound on each value of a parameter's gradient.")]
ClipNorm = Annotated[float | None, typer.Option(help="Bound on the L2 norm of all parameters' gradients.")]
Patience = Annotated[
    int | None,
    typer.Option(
        help="Stop early: after so many measurements of in-domain accuracy without a better one, with the best weights."
    ),
]
ScoreEvery = Annotated[int | None, typer.Option(help="With --patience: steps from one to the next.  [default: 100]")]
Average = Annotated[
    float | None, typer.Option(help="Decay of a moving average of the weights, such as 0.999, that is kept instead.")
]
WeightDecay = Annotated[float | None, typer.Option(help="The optimiser's L2 penalty.  [default: 0]")]
Dropout = Annotated[float | None, typer.Option(help="Of the last hidden layer, in [0, 1).  [default: 0]")]
Scaling = Annotated[str | None, typer.Option(help="Of inputs: auto, none or standardise.  [default: auto]")]
Precision = Annotated[str | None, typer.Option(help="Of training: float32 or bf16.  [default: float32]")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or auto.  [default: cpu]")]
Threads = Annotated[int | None, typer.Option(help="Of one run; part of its settings.  [default: 1]")]
Balanced = Annotated[
    bool | None,
    typer.Option(
        "--balanced", help="Batches take the training domains in turn, whatever their sizes.", show_default=False
    ),
]
Engine = Annotated[
    str, typer.Option(help="Where runs run: local, processes on this machine, or ray, a Ray cluster (the extra ray).")
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Of a Ray cluster; auto is the one of this machine.  [default: one is started here]"
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="METHOD.FIELD=VALUE", help="A method's field, or crossgrad.preset=paper. Repeatable."
    ),
]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="NAME=VALUE", help="Of a benchmark; `crossgrad data list NAME` shows them. Repeatable."
    ),
]
CheckpointEvery = Annotated[
    int | None,
    typer.Option(metavar="STEPS", help="From one checkpoint to the next, to go on from.  [default: one a minute]"),
]
TensorBoard = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="FOLDER",
        help="Write curves and pictures for TensorBoard there, outside the output folder (the extra tracking).",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run left in the output folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print results as JSON instead of tables.")]


def open_data(
    data: str,
    image_size: int | None,
    channels: int | None,
    features: str | None,
    seconds: float | None,
    path_column: str,
    label_column: str,
    domain_column: str,
    option: list[str] | None,
    *,
    skip_unreadable: bool,
    memory: str | None = None,
    workers: int = 0,
    tell: Callable[[str], None],
) -> "DomainDataset":
    from crossgrad.data import open_dataset
    from crossgrad.data.memory import parse_bytes

    return open_dataset(
        data,
        image_size=image_size,
        channels=channels,
        features=features,
        seconds=seconds,
        path_column=path_column,
        label_column=label_column,
        domain_column=domain_column,
        skip_unreadable=skip_unreadable,
        memory=parse_bytes(memory) if memory is not None else None,
        workers=workers,
        tell=tell,
        options=benchmark_options(data, option or []),
    )


def benchmark(name: str) -> "Benchmark":
    """The benchmark of that name."""
    from crossgrad.data import BENCHMARKS
    from crossgrad.data.naming import choices

    if name not in BENCHMARKS:
        raise SettingsError(f"no benchmark {name!r}{choices(name, list(BENCHMARKS))}; `crossgrad data list` tells all")
    return BENCHMARKS[name]


def benchmark_options(data: str, texts: list[str]) -> dict[str, Any]:
    """What a benchmark's --option texts say, each by the type that the benchmark declares for it."""
    from crossgrad.data import BENCHMARKS

    if not texts:
        return {}
    if data not in BENCHMARKS:
        raise SettingsError(f"--option is for benchmarks, and {data!r} is none; there are {', '.join(BENCHMARKS)}")
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"write NAME=VALUE, such as seed=1, not {text!r}")
        found[name.strip()] = value
    return BENCHMARKS[data].parse_options(found)


def runs_at_once(jobs: int | None, *, threads: int, address: str | None) -> int | None:
    """As asked for, else one a core of this machine; None on a running cluster, whose CPUs decide.

    Args:
        jobs: asked for.
        threads: of a run.
        address: of a running cluster.
    """
    if jobs is not None or address is not None:
        return jobs
    return max(1, len(os.sched_getaffinity(0)) // threads)


MOST_WORKERS = 8
"""By default; more read faster than any net here trains."""


def readers(workers: int | None, *, threads: int | None, jobs: int | None = 1) -> int:
    """Reading processes of a run: as asked for, else the cores that runs leave, shared among them.

    Args:
        workers: asked for.
        threads: of a run; None for one.
        jobs: runs at once; None for as many as there are cores, which leaves none.
    """
    if workers is not None:
        return workers
    cores = len(os.sched_getaffinity(0))
    return min(MOST_WORKERS, max(0, cores // (jobs or cores) - (threads or 1)))


def given(**options: Any) -> dict[str, Any]:
    """The options that were given; the others keep their defaults where those are defined."""
    return {name: value for name, value in options.items() if value is not None}


def settings_given(optimisation: str | None, **settings: Any) -> dict[str, Any]:
    """The settings that were given, over those of a named way to optimise; to be asked for before data is opened.

    Raises:
        SettingsError: there is no such way, precision or device here; what depends on the data is judged with it.
    """
    from crossgrad.experiments.optimisations import with_optimisation
    from crossgrad.experiments.settings import Settings

    found = with_optimisation(optimisation, given(**settings))
    Settings.of({name: value for name, value in found.items() if name in ("precision", "device")})
    return found


def look_here() -> None:
    """Look for modules in the working folder too, as `python -m` would: a net of one's own lies there."""
    sys.path.insert(0, os.getcwd())


def look_here_for(*nets: str | None, chosen: Iterable["Chosen"] = ()) -> None:
    """`look_here` if one of these nets, or of those that were chosen, is one's own: others' names are no modules."""
    from crossgrad.building import is_own

    of_choices = [(each.net, *(choice.settings.get("domain_net") for choice in each.choices)) for each in chosen]
    if any(isinstance(net, str) and is_own(net) for some in (nets, *of_choices) for net in some):
        look_here()


def command() -> str:
    """The command that was given, for records."""
    return shlex.join(["crossgrad", *sys.argv[1:]])
