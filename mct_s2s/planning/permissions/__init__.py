"""The caller's rights: which a plan takes, who can grant them, and what `doctor` says."""
