"""Projections: tables built from the event log alone, for look-ups by people.

There are four: `requests`, `subscriptions`, `daily_counts` and `order_counts`. Each has a name,
a version of its rules, one table and its progress in the log (`projections.progress`).

Invariants:

* Rows are a function of the events up to the position: no clock, no randomness, and batches
  of any size give the same rows.
* Rows and progress are written in one transaction: a kill at any moment loses nothing and
  counts nothing twice.
* Readers always find a complete table, also during a rebuild.
"""
