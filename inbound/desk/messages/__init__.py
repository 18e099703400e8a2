"""Sending to one person, and templates."""
