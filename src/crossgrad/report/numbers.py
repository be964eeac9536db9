"""How numbers are written, the same in every kind of report. Accuracies come as fractions."""

from crossgrad.significance import Comparison, Estimate

ABSENT = "—"


def percent(value: Estimate | None) -> str:
    """An accuracy in percent with its standard error, if it has one.

    Example:
        >>> percent(Estimate(0.8731, 0.0082, 3)), percent(Estimate(0.8731, None, 1)), percent(None)
        ('87.3 ± 0.8', '87.3', '—')
    """
    if value is None:
        return ABSENT
    if value.standard_error is None:
        return f"{100 * value.value:.1f}"
    return f"{100 * value.value:.1f} ± {100 * value.standard_error:.1f}"


def points(value: float) -> str:
    """Percentage points with one decimal, two where one would hide a difference.

    Example:
        >>> points(3.14), points(-0.04), points(0.0), points(-1e-9)
        ('3.1', '-0.04', '0.0', '0.0')
    """
    for decimals in (1, 2):
        text = f"{value:.{decimals}f}"
        if float(text) != 0:
            return text
    return "0.0"


def signed_points(value: float) -> str:
    """Percentage points with their sign.

    Example:
        >>> signed_points(3.14), signed_points(-3.14), signed_points(0)
        ('+3.1', '-3.1', '0.0')
    """
    text = points(value)
    return f"+{text}" if float(text) > 0 else text


def p_value(value: float | None) -> str:
    """Two significant digits.

    Example:
        >>> p_value(0.0123), p_value(0.0001), p_value(None)
        ('0.012', '<0.001', '—')
    """
    if value is None:
        return ABSENT
    return "<0.001" if value < 0.001 else f"{value:.2g}"


def p_statement(value: float) -> str:
    """The p-value in a sentence.

    Example:
        >>> p_statement(0.0123), p_statement(0.0001)
        ('p = 0.012', 'p < 0.001')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def interval(comparison: Comparison) -> str:
    """The 95 % interval in percentage points.

    Example:
        >>> interval(Comparison(3.1, 1.0, 5.2, 0.01, 6))
        '1.0 to 5.2'
    """
    if comparison.low is None or comparison.high is None:
        return ABSENT
    return f"{points(comparison.low)} to {points(comparison.high)}"


def difference(comparison: Comparison | None) -> str:
    """A difference in percentage points with its interval in brackets, if it has one.

    Example:
        >>> difference(Comparison(3.1, 1.0, 5.2, 0.01, 6)), difference(Comparison(3.1, None, None, None, 1))
        ('+3.1 (1.0 to 5.2)', '+3.1')
    """
    if comparison is None:
        return ABSENT
    mean = signed_points(comparison.mean)
    return mean if comparison.low is None else f"{mean} ({interval(comparison)})"
