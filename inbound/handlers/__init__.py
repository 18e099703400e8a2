"""Decisions: what a command or a submit result means for one subject.

Pure: no IO, no clock, no randomness. Times and ids come with the input, so that a
decision of the past can be taken again and compared.
"""
