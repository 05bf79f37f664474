"""The older name of what :mod:`wengert.hub` does with weights on the network: it raises."""

from wengert.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
