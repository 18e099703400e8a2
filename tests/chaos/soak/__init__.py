"""Hours under mixed load with a fault a minute, to find what grows and should not."""
