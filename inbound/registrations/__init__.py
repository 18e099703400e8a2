"""Ending holds of registrations and undoing stops: what an operator decides about many people."""
