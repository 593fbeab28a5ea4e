"""Who runs a command at the machine itself."""

import os
import pwd


def host_user() -> str:
    """The name of the system account that runs this command; behind sudo, of whoever called it."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    caller = os.environ.get("SUDO_USER")
    return f"{caller} as {name}" if caller and caller != name and os.getuid() == 0 else name
