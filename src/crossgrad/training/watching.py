"""Following a training: what goes wrong is looked for, the log is kept, and who watches is told."""

from dataclasses import replace

from crossgrad.training.log import Log
from crossgrad.training.stretch import Stretch, Watch
from crossgrad.training.troubles import Baseline, troubles


class Watching:
    """A watch that adds warnings to each stretch, writes the log, and tells other watches.

    A trouble is told once a training, however often it is resumed: the log knows what was told before. A log that
    cannot be written (a full disk, a folder that is read-only) costs a warning, and training goes on.

    Args:
        log: of this training.
        baseline: that it is judged against.
        watches: told of every stretch in turn, warnings included.
    """

    def __init__(self, log: Log, baseline: Baseline, *watches: Watch) -> None:
        self._log, self._baseline, self._watches = log, baseline, watches
        self._has_begun = False
        self._told: set[str] = set()

    def __call__(self, stretch: Stretch) -> None:
        """Take in a stretch of steps."""
        warnings: dict[str, str] = {}
        try:
            if not self._has_begun:
                self._has_begun = True
                self._log.drop_after(stretch.start)
                self._told = {name for each in self._log.stretches for name in each.warnings}
            found = troubles([*self._log.stretches, stretch], self._baseline)
            warnings = {name: sentence for name, sentence in found.items() if name not in self._told}
            self._log.append(replace(stretch, warnings=warnings))
        except OSError as error:
            if "log" not in self._told:
                warnings["log"] = f"cannot write to the log {str(self._log.path)!r}: {error.strerror}; training goes on"
        self._told |= warnings.keys()
        stretch = replace(stretch, warnings=warnings)
        for watch in self._watches:
            watch(stretch)
