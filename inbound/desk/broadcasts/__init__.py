"""Broadcasts, from the table to the last message."""
