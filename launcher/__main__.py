"""`python -m launcher`, what the `anban` script runs."""

from launcher.commands import main

if __name__ == "__main__":
    main()
