"""Embedded PostgreSQL and Apache Kafka, from Python packages, for `scserv up` and tests."""
