"""What sets a machine up, boots the test machine and runs the checks.

Standard library only: it runs before anything is installed.
"""
