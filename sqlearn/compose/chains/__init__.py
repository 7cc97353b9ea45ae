"""What learns in the place of steps behind one another: from sums, on a grid, or from kept rows."""
