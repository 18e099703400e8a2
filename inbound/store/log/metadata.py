"""The metadata of events: the trace in which they were decided."""

from pydantic_core import to_json


def trace_metadata(traceparent: str | None) -> bytes:
    """Return the metadata of an event: always the same bytes, because its digest covers them."""
    return to_json({"traceparent": traceparent} if traceparent else {})
