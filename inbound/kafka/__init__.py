"""Apache Kafka as this service uses it: topics as code, and waiting for a broker."""
