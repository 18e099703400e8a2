"""Decisions: what a command or a submit result means for one subject. Pure: no IO, no clock, no randomness."""
