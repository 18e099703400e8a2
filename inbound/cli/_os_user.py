"""The user of the operating system who runs a command."""

import os
import pwd


def os_user() -> str:
    """Return the user of the operating system who runs this command, for the audit."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a container may know only the number of its user
        return f"uid {user}"
