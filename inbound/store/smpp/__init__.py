"""Messages that programs submitted over SMPP, their parts, and what is delivered to programs."""
