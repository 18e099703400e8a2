"""The outbox and the relay that publishes it, and the event log, to Kafka.

`replies` builds the rows that a decision writes with its events. `relay` reads them, `publishing`
publishes them and moves the cursors, `sending` tells refusals from outages, and `chain_heads`
publishes the heads of the digest chains.
"""
