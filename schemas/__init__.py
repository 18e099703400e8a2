"""The pydantic models of all messages and events, their versions and their contracts."""
