"""Publishes past events to the topic of a new subscriber."""
