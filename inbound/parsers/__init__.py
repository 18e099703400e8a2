"""Parses texts into commands and phone numbers into E.164.

Pure: no IO, no clock.
"""
