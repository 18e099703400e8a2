"""Templates of orders: content, rendering, and the SMS parts that they may need."""
