"""How fast Copyproof is, as ratios beside a peer or a limit that was measured in the same run."""
