"""Hostile input by the thousand: what is read, how it is altered, and what must not happen meanwhile."""
