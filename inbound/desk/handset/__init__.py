"""Simulated phones, for people who try the service."""
