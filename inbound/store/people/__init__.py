"""Subjects and their numbers, and the erasure of a person."""
