"""Films in and out, frame by frame.

`formats` and `encoders` need no film library. Import the other modules only to open a film: they
need PyAV, the extra ``gladsr[video]``.
"""
