"""Every operator, native and composite, under one roof. Not public: `wengert` picks from it."""

from wengert._C import *  # noqa: F403
