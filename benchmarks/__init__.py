"""Measurements of wengert, side by side with PyTorch."""
