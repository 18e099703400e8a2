"""The process that handles scheduled orders, broadcasts and callbacks when they are due."""
