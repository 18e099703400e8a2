"""Accounts, their callbacks, and tokens."""
