-- For this transaction: events from before the chains may come without digests.
SET LOCAL scserv.importing = 'on'
