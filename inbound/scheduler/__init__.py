"""The process that does what is due: scheduled orders and broadcasts."""
