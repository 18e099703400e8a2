"""Templates of orders: what they hold, how they are rendered, and what they may cost."""
