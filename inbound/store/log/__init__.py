"""The event log: events, streams, folded states and digest chains."""
