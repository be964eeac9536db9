"""A trunk with fewer channels: the same architecture, cheaper."""

from collections.abc import Sequence

from crossgrad.errors import SettingsError


def divided(channels: Sequence[int], divisor: int) -> tuple[int, ...]:
    """Numbers of channels, each divided and rounded down.

    Raises:
        SettingsError: one of them would be none.

    Example:
        >>> divided((32, 64, 128), 4)
        (8, 16, 32)
    """
    if not 1 <= divisor <= min(channels):
        raise SettingsError(f"{min(channels)} channels are divided by 1 to {min(channels)}, not by {divisor}")
    return tuple(n // divisor for n in channels)
