"""Lets ``python -m grantory`` do what the command ``grantory`` does."""

from grantory.cli.main import main

if __name__ == "__main__":
    main()
