"""Text that came from data, made safe to print."""


def printable(text: str) -> str:
    r"""The text with control characters written out, so that a domain's name cannot steer a terminal.

    Line ends, and characters that turn the direction of writing, are among them.

    Example:
        >>> printable("writer \x1b[31m7\n")
        'writer \\x1b[31m7\\n'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def printable_lines(text: str) -> str:
    r"""The same but for line ends, for text that has some of its own.

    Example:
        >>> printable_lines("not here:\n  a\x07b")
        'not here:\n  a\\x07b'
    """
    return "\n".join(map(printable, text.split("\n")))
