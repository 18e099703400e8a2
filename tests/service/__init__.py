"""The service that tests run: its processes, its clients, what it has stored."""
