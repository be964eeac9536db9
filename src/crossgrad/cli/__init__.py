"""The command line: parse and call. What loads torch is imported inside the commands.

Exit codes: 0, done; 1, some run failed or a worker was lost; 2, what was asked for cannot be done (bad data, bad
settings, an occupied output folder); 130, interrupted.
"""

from crossgrad.cli.app import app, main

__all__ = ["app", "main"]
