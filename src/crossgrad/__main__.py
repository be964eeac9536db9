"""python -m crossgrad: the command, for launchers that start a module."""

from crossgrad.cli import main

main()
