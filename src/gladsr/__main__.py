"""`python -m gladsr`, and the command `gladsr`."""

import sys


def run() -> int:
    """Run the command, and end silently on Ctrl-C even during imports."""
    try:
        from gladsr.cli import main  # noqa: PLC0415 - inside the try

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
