"""Replays the event log: `diff` tests a change, `publish` feeds a new subscriber.

`diff` reaches neither Kafka nor an SMS centre; `publish` reaches no SMS centre and none of the
service's own topics. import-linter enforces this.
"""
