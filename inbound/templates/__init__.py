"""The texts of the replies, from one TOML file that an operator can change."""
