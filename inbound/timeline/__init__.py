"""One person's texts and requests as a timeline that a support person can read out.

Building is pure: events, notes of misses, the present moment, a zone and a language go in,
a `Timeline` comes out (`build`). What it takes is read by `looking`. No number, text or
secret is in any of it, but the number that was asked for, masked unless it is revealed.
"""
