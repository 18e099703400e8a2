"""One person's texts and requests as a timeline that support reads to the client.

`build` is pure: events, notes of misses, the current time, a time zone and a language go in,
a `Timeline` comes out. `reader` reads the input from the database. A timeline contains no
text, no secret, and no number except the one that was asked for, masked unless revealed.
"""
