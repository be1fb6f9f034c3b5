"""The shipped suites: `pytest --hil-target=NAME --pyargs copyproof.conformance`, or `copyproof run NAME`."""
