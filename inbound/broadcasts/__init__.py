"""Broadcasts: one text to many people, from a table or the directory of clients."""
