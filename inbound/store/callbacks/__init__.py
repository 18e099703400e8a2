"""The calls to URLs of accounts that wait, and those URLs."""
