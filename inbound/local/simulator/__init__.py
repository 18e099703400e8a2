"""The simulator: a built-in SMSC for development and tests, on the session of `inbound.smpp`.

Start with `server.Simulator`. An MO goes from a `phone.Phone` through `router` into an account's
`delivery_queue`; an MT goes through `message_tracker`, which writes its receipt. `script`, `rules`
and `magic` say which faults to inject, `fault_injector` injects them, and `ledger` records PDUs.
"""
