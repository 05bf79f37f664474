"""What a bug report should say about the machine; also the command `wengert info`."""

from __future__ import annotations

from wengert import _info

__all__ = ["get_pretty_env_info", "main"]


def get_pretty_env_info() -> str:
    """Versions, processor, libraries and settings as lines of text."""
    return _info.report()


def main() -> None:
    """Prints them."""
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
