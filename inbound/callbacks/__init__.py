"""Calls to the URLs of accounts: signed, in order, repeated with back-off."""
