"""A gateway claims a message before it sends it: port and adapters."""
