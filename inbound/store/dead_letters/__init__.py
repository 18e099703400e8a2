"""Dead letters: messages that can't be processed, until an operator retries or discards them."""
