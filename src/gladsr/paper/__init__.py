"""The paper's tables and figures, a file each, and the rival networks that it compares with."""
