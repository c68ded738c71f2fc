"""Working off: a job's lanes are claimed, its rows read, judged and recorded step by step."""
