"""Records what students asked, and sums it up for the instructor."""
