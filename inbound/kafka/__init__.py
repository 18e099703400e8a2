"""Apache Kafka: topics as code, producers, reading topics, records and their decoding."""
