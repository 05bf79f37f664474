"""Operators of ONNX: there are none, since there is no export."""
