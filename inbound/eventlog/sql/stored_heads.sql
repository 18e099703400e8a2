SELECT positions, digests FROM log_heads
