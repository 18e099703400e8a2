"""Replaying the event log: what a change would have done, and history for a new subscriber.

The two have nothing in common but the log. `diff` reaches neither Kafka nor an SMS centre,
`publish` no SMS centre and none of the service's own topics; import-linter holds it.
"""
