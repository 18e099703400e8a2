"""Everything between a text message that arrives and the answers that leave."""
