"""Axes: from values to percent of a figure's width, with ticks at round numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A linear axis from `low` to `high`."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Where a value lies on the axis, 0 to 100.

        Example:
            >>> Scale(-2, 6).percent(0)
            25.0
        """
        return round(100 * (value - self.low) / (self.high - self.low), 3)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """Positions in percent and labels of at most `most` ticks at multiples of 1, 2 or 5.

        Example:
            >>> Scale(0, 2.4).ticks()
            [(0.0, '0'), (20.833, '0.5'), (41.667, '1.0'), (62.5, '1.5'), (83.333, '2.0')]
        """
        power = math.floor(math.log10((self.high - self.low) / most))
        for size in (10**power, 2 * 10**power, 5 * 10**power, 10 ** (power + 1)):
            first, last = math.ceil(self.low / size - 1e-9), math.floor(self.high / size + 1e-9)
            if last - first < most:
                break
        decimals = max(0, -math.floor(math.log10(size) + 1e-9))
        return [(self.percent(n * size), f"{n * size:.{decimals}f}" if n else "0") for n in range(first, last + 1)]


def scale_around(values: Sequence[float], *, room: float = 0.05) -> Scale:
    """An axis that holds zero and every value, with some room at both ends.

    Example:
        >>> scale_around([1.0, 2.0], room=0.5)
        Scale(low=-1.0, high=3.0)
    """
    low, high = min([0.0, *values]), max([0.0, *values])
    width = high - low or 1.0
    return Scale(low - room * width, high + room * width)
