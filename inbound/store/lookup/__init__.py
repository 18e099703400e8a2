"""Reads what is known of one person's texts, requests and orders.

Each function is one bounded, read-only statement on a connection of the caller. This package
finds rows; `inbound.timeline` explains them.
"""
