"""Messages set aside because they can't be processed: stored, inspected, retried."""
