"""What operators look at: health, telemetry, supervision of child processes."""
