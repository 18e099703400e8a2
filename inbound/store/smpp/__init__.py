"""Messages that programs submitted over SMPP, their parts, and deliveries to programs."""
