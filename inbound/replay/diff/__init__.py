"""Deciding the past again with a candidate, and telling what would have been different.

Nothing here sends, publishes or writes: there is no import of Kafka, of an SMPP session or
of what writes into the store, and the database session is read-only.
"""
