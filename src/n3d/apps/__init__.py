"""What people run: the command line. Apps present; they do not compute."""
