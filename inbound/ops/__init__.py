"""Operations: health ports, logs, metrics, traces, and the end of child processes."""
