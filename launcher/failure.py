"""The one exception that the command line shows as a single line."""


class LaunchError(Exception):
    """Something the user can act on; its text is one clear line (exit code 2)."""
