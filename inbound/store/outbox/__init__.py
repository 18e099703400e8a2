"""Rows to publish, and how far each relay has published them."""
