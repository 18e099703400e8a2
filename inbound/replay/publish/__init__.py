"""Handing events of the past to a new subscriber, on a topic of their own."""
