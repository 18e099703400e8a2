"""Rows written with the events, and the relay that publishes them to Kafka."""
