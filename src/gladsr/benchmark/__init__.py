"""Speed: networks in engines against the best that the machine does, measured side by side."""
