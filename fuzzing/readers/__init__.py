"""Readers of what a stranger may have made, a file for each kind."""
