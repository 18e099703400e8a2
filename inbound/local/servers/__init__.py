"""PostgreSQL and Apache Kafka started from Python packages, for trial, tests and benchmark."""
