"""One module for each plugin or group of options, found by itself: see `setup.py`."""
