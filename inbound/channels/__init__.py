"""Channels that the gateway speaks itself, besides SMPP: adapters behind one small port."""
