"""All that is fuzzed, by what is read."""

from fuzzing.commands import COMMAND_LINES, altered_command, run_command
from fuzzing.mutation import Choices
from fuzzing.readers import arrays, audio, checkpoints, images, kept, manifests, models, raw_files, records, sweeps
from fuzzing.target import Target

TARGETS: dict[str, Target] = {
    **arrays.TARGETS,
    **manifests.TARGETS,
    **images.TARGETS,
    **audio.TARGETS,
    **models.TARGETS,
    **records.TARGETS,
    **sweeps.TARGETS,
    **checkpoints.TARGETS,
    **kept.TARGETS,
    **raw_files.TARGETS,
    "command": Target(lambda: COMMAND_LINES, altered_command, run_command, 150),
}


def altered(name: str, decisions: bytes) -> bytes:
    """One hostile input of a target."""
    target, choices = TARGETS[name], Choices(decisions)
    return target.alter(choices.of(target.seeds()), choices)
