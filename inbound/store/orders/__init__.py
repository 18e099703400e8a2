"""Accounts, their limits and usage, and orders with their sealed texts."""
