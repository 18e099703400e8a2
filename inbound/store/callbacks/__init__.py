"""The URLs of accounts, and the calls to them that wait."""
