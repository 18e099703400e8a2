"""The gateway process: binds to the SMS centres.

`process` wires it: `binds` runs the binds that `bind_factory` builds. `arrivals` publishes MOs and
delivery receipts (`receipts`); the outbox stream submits MTs through `sending_binds`.
`bind_reporter` reports status, and shares an account's rate with other gateways (`rate_sharing`).
"""
