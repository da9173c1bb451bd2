"""What is shown of a command about several sites: plans before, outcomes after, for people and as documents."""
