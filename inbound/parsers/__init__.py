"""Texts and numbers as they arrive, turned into commands and canonical forms.

Pure: no IO, no clock.
"""
