"""Orders: the only way for programs and people to have messages sent."""
