"""pydantic models of every message and event, their versions and upcasters."""
