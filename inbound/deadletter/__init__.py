"""Dead letters: messages set aside because they can't be processed.

`isolation` finds them in a batch, `letters` builds them, `writing` stores them, `viewing` shows
them to operators, and `retrying` publishes them again. SQL and quota: `inbound.store.dead_letters`.
"""
