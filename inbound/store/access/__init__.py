"""Who may look, who looked and why, and whether the keys fit."""
