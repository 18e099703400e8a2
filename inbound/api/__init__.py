"""The HTTP API: who a subject is, whether it may be texted, what became of a request."""
