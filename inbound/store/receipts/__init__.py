"""Sent parts, their delivery receipts, and receipts that came early."""
