"""The event log as a whole: its integrity, export and import.

`checker` is pure; `verification` reads PostgreSQL, `published_heads` compares with Kafka;
`archive` is the file format of `exporter` and `importer`.
"""
