"""The loops of the scheduler."""
