"""The event log as a thing of its own: whether it can be trusted, and how it is carried.

`checking` is pure; `verifying` asks PostgreSQL, `witnesses` asks Kafka; `archive` is the file
format, `exporting` and `importing` move a log into a file and out of it.
"""
