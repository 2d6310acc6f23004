"""The rivals of the paper's Tables II and V as networks, each built from its own paper.

All take RGB in [0, 1], (N, 3, h, w), and return RGB, (N, 3, s·h, s·w), not clipped. Those that were
designed for the luminance alone upscale it, and the colours by bicubic. None comes with weights.
"""
