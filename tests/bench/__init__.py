"""The benchmark: `make bench`. It loads the whole service on loopback and measures."""
