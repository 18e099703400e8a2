"""Projections: views of the event log for people, built from events and nothing else.

Three of them: `requests`, `subscriptions` and `daily_counts`. Each has a name, a version of
its rules, one table of its name and one place in the log (`projections.progress`).

What always holds:

* Rows are a function of the events up to the place: no clock, no randomness, and it makes
  no difference in how many pieces the log was read.
* Rows and place are written in one transaction, so a kill at any moment loses nothing and
  counts nothing twice.
* Readers find a complete table under the same name, also while it is rebuilt.
"""
