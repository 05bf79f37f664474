"""Kinds of tensors that PyTorch's compiler uses, and programs ask for: there are none."""
