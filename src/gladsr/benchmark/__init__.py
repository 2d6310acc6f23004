"""Speed: networks in engines, measured side by side with the peak rate of the machine."""
