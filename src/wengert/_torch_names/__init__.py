"""Private modules of PyTorch that packages import from, under `import torch`.

Each holds the few names that are used out there. Names that are public in PyTorch are not here.
"""
