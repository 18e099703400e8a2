"""Orders: the only way by which programs and people have messages sent."""
