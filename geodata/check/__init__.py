"""What is wrong in a park: findings with place, sentence and mend; the safe mends; findings as files."""
