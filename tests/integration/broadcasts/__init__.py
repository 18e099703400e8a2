"""Broadcasts on real PostgreSQL."""
