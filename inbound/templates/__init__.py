"""The texts of the replies, from a TOML file that an operator can change."""
