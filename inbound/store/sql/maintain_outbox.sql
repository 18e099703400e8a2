SELECT created, dropped
FROM maintain_outbox(%(retention_days)s::integer, %(days_ahead)s::integer)
