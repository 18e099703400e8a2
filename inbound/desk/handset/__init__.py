"""Simulated phones, for whoever tries the service."""
