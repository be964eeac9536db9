"""The errors this package raises for what it was given. No torch, so that reports can raise them too."""


class CrossGradError(Exception):
    """Base of this package's errors; the message quotes what came and says what to do."""


class DataError(CrossGradError, ValueError):
    """The data cannot be used as it is."""


class SettingsError(CrossGradError, ValueError):
    """A setting is unknown, out of range, or does not go with another."""


class NonFiniteLossError(CrossGradError, ArithmeticError):
    """A loss became infinite or NaN; training stopped at that step, before the parameters were updated.

    Attributes:
        step: the first is 1.
    """

    def __init__(self, message: str, *, step: int) -> None:
        super().__init__(message)
        self.step = step


class WorkerLostError(CrossGradError, RuntimeError):
    """A worker process died in the middle of a run (killed, or out of memory); finished runs are kept."""


class ProcessesError(CrossGradError, RuntimeError):
    """The processes of one training cannot go on: one of them ended, or did not answer in time."""


class OtherProcessError(CrossGradError, RuntimeError):
    """Another process of this training failed first, and says why."""


class ModelError(CrossGradError, ValueError):
    """A saved model cannot be read: missing, truncated, altered, or written by a newer version."""


class HubError(CrossGradError, RuntimeError):
    """A model could not be sent to the Hub, or fetched from it."""


class CheckpointError(CrossGradError, ValueError):
    """A training's checkpoint cannot be used: truncated, altered, of other settings, or of a newer version."""


class RecordError(CrossGradError, ValueError):
    """A records file cannot be read, or an output folder holds something else."""


class DataWarning(UserWarning):
    """The data can be used, but may not give the result that was hoped for."""


class TrainingWarning(UserWarning):
    """A training goes on, but not as one would wish; says what to try. Said once a training."""


class CheckpointWarning(UserWarning):
    """A training's checkpoint could not be written; training goes on."""
