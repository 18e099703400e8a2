"""Decides past requests again with a candidate and reports the differences.

Nothing here sends, publishes or writes: import-linter forbids importing Kafka, SMPP sessions
and writers of the store, and the database session is read-only.
"""
