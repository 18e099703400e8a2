"""Searching, and the page of one person."""
