"""As much of a session as is looked at by what takes in texts."""


class Line:
    """A link to the centre; `left` once the centre has closed it."""

    left = False

    def is_closed_by_peer(self) -> bool:
        return self.left
