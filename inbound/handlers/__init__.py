"""Decisions about one subject: commands, submit results, delivery receipts.

Pure: no IO, no clock, no randomness. Times and ids are part of the input, so a past decision
can be repeated and compared.
"""
