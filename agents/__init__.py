"""Source agents: one file per channel, all of one shape; they publish raw mentions, no more."""
