"""Broadcasts, their audiences and their progress."""
