"""The Faust app, its agents, and the gateway: where adapters and decisions are wired together."""
